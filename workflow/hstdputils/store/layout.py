"""The keys of a batch in the store: the only place that spells them."""

SUCCEEDED, FAILED = "succeeded", "failed"
"""The two kinds of markers."""


MARKERS, JOBS, SLICES, DECISIONS = "markers", "jobs", "plan-slices", "decisions"
"""Folders of a batch; all others are those of its datasets."""


NOT_DATASETS = frozenset({MARKERS, JOBS, SLICES, DECISIONS})
"""Folders of a batch that are not those of datasets."""


BATCH, PLAN, BLACKBOARD = "batch.json", "plan.out", "blackboard.txt"
"""Files of a batch."""


MANIFEST, LOG, METRICS, PREVIEWS = "manifest.json", "process.log", "metrics.json", "previews"
"""Files and a folder of a dataset, beside its products."""


def batch_prefix(batch: str) -> str:
    """Return how all keys of a batch begin."""
    return f"{batch}/"


def batch_key(batch: str) -> str:
    """Return the key of what a batch is made with."""
    return f"{batch}/{BATCH}"


def plan_key(batch: str) -> str:
    """Return the key of a batch's plan."""
    return f"{batch}/{PLAN}"


def blackboard_key(batch: str) -> str:
    """Return the key of the text that says how far each dataset is."""
    return f"{batch}/{BLACKBOARD}"


def markers_prefix(batch: str, *, succeeded: bool | None = None) -> str:
    """Return how the keys of markers begin: of one kind, or of both."""
    return f"{batch}/{MARKERS}/" if succeeded is None else f"{batch}/{MARKERS}/{SUCCEEDED if succeeded else FAILED}/"


def marker_key(batch: str, ipppssoot: str, *, succeeded: bool) -> str:
    """Return the key of a dataset's marker."""
    return f"{markers_prefix(batch, succeeded=succeeded)}{ipppssoot}.json"


def dataset_prefix(batch: str, ipppssoot: str) -> str:
    """Return how the keys of a dataset's files begin."""
    return f"{batch}/{ipppssoot}/"


def dataset_key(batch: str, ipppssoot: str, name: str) -> str:
    """Return the key of a product of a dataset, or of its manifest, log or metrics."""
    return f"{dataset_prefix(batch, ipppssoot)}{name}"


def previews_prefix(batch: str, ipppssoot: str) -> str:
    """Return how the keys of a dataset's previews begin."""
    return f"{dataset_prefix(batch, ipppssoot)}{PREVIEWS}/"


def jobs_prefix(batch: str) -> str:
    """Return how the keys of submissions begin."""
    return f"{batch}/{JOBS}/"


def lease_prefix(batch: str) -> str:
    """Return how the keys of leases begin."""
    return f"{batch}/{JOBS}/lease/"


def probe_key(batch: str, name: str) -> str:
    """Return the key of what is written to learn what the store can do."""
    return f"{batch}/{JOBS}/probe-{name}"


def definition_key(batch: str) -> str:
    """Return the key of the record of a batch's job definition."""
    return f"{batch}/{JOBS}/definition"


def decisions_prefix(batch: str) -> str:
    """Return how the keys of decisions about failed jobs begin."""
    return f"{batch}/{DECISIONS}/"


def slice_key(batch: str, name: str) -> str:
    """Return the key of a slice of a plan."""
    return f"{batch}/{SLICES}/{name}.jsonl.gz"
