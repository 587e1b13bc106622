"""The keys of a batch in the store: the only place that spells them."""

SUCCEEDED, FAILED = "succeeded", "failed"
"""The two kinds of markers."""


MARKERS, JOBS, SLICES, DECISIONS = "markers", "jobs", "plan-slices", "decisions"
"""Folders of a batch; all others are those of its datasets."""


NOT_DATASETS = frozenset({MARKERS, JOBS, SLICES, DECISIONS})
"""Folders of a batch that are not those of datasets."""


BATCH, PLAN, BLACKBOARD = "batch.json", "plan.out", "blackboard.txt"
STATUS_PAGE, STATUS_JSON = "status.html", "status.json"
"""Files of a batch."""


MANIFEST, LOG, METRICS, PREVIEWS = "manifest.json", "process.log", "metrics.json", "previews"
"""Files and a folder of a dataset, beside its products."""


def markers_prefix(batch: str, *, succeeded: bool | None = None) -> str:
    """Return how the keys of markers begin: of one kind, or of both."""
    return f"{batch}/{MARKERS}/" if succeeded is None else f"{batch}/{MARKERS}/{SUCCEEDED if succeeded else FAILED}/"


def marker_key(batch: str, ipppssoot: str, *, succeeded: bool) -> str:
    """Return the key of a dataset's marker."""
    return f"{markers_prefix(batch, succeeded=succeeded)}{ipppssoot}.json"


def probe_key(batch: str, name: str) -> str:
    """Return the key of what is written to learn what the store can do."""
    return f"{batch}/{JOBS}/probe-{name}"


class BatchKeys:
    """The keys of one batch, beside those of its markers.

    Parameters
    ----------
    name
        The batch's name.
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def prefix(self) -> str:
        """Return how all its keys begin."""
        return f"{self.name}/"

    @property
    def record_key(self) -> str:
        """Return the key of what it is made with."""
        return f"{self.name}/{BATCH}"

    @property
    def plan_key(self) -> str:
        """Return the key of its plan."""
        return f"{self.name}/{PLAN}"

    @property
    def blackboard_key(self) -> str:
        """Return the key of the text that says how far each dataset is."""
        return f"{self.name}/{BLACKBOARD}"

    @property
    def status_page_key(self) -> str:
        """Return the key of the page that says how far it is."""
        return f"{self.name}/{STATUS_PAGE}"

    @property
    def status_json_key(self) -> str:
        """Return the key of the JSON that says how far it is."""
        return f"{self.name}/{STATUS_JSON}"

    @property
    def jobs_prefix(self) -> str:
        """Return how the keys of submissions begin."""
        return f"{self.name}/{JOBS}/"

    @property
    def lease_prefix(self) -> str:
        """Return how the keys of leases begin."""
        return f"{self.name}/{JOBS}/lease/"

    @property
    def definition_key(self) -> str:
        """Return the key of the record of its job definition."""
        return f"{self.name}/{JOBS}/definition"

    @property
    def decisions_prefix(self) -> str:
        """Return how the keys of decisions about failed jobs begin."""
        return f"{self.name}/{DECISIONS}/"

    def slice_key(self, name: str) -> str:
        """Return the key of a slice of its plan."""
        return f"{self.name}/{SLICES}/{name}.jsonl.gz"

    def dataset_prefix(self, ipppssoot: str) -> str:
        """Return how the keys of a dataset's files begin."""
        return f"{self.name}/{ipppssoot}/"

    def dataset_key(self, ipppssoot: str, name: str) -> str:
        """Return the key of a product of a dataset, or of its manifest, log or metrics."""
        return f"{self.dataset_prefix(ipppssoot)}{name}"

    def previews_prefix(self, ipppssoot: str) -> str:
        """Return how the keys of a dataset's previews begin."""
        return f"{self.dataset_prefix(ipppssoot)}{PREVIEWS}/"
