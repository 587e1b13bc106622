"""The configuration of the workflow: its keys, their types, defaults and meanings.

A key of a section has one name everywhere: ``crds.context`` is ``context`` below ``crds:`` in a file,
``crds_context`` after ``--config``, ``--crds-context`` as an option, and ``crds_context`` in markers. Options of the
command that a section is named after leave the section out: ``plan.grid_mib`` is ``hstdputils plan --grid-mib``.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _as_list(value: object) -> object:
    """Return a list for one text, and the text for what YAML makes of ``inputs=mast:``, a mapping without a value."""
    values = [value] if isinstance(value, str | dict) else value
    return [_as_text(item) for item in values] if isinstance(values, list) else values


def _as_text(item: object) -> object:
    if isinstance(item, dict) and list(item.values()) in ([""], [None]):
        return f"{next(iter(item))}:"
    return item


Texts = Annotated[list[str], BeforeValidator(_as_list)]
"""A list of texts; one text stands for a list of one."""


class _Section(BaseModel):
    """Keys that belong together."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CrdsSection(_Section):
    """Which references count, and where they come from."""

    context: str | None = Field(
        default=None,
        description="CRDS context, such as hst_0729.pmap; null for the cache's operational context.",
    )
    path: str | None = Field(
        default=None,
        description="The CRDS cache; the variable CRDS_PATH, where set, comes before it.",
    )
    server_url: str | None = Field(
        default=None,
        description="The CRDS server; null for the cache alone. CRDS_SERVER_URL, where set, comes before it.",
    )
    sync: bool = Field(
        default=False,
        description="Download all references into the CRDS cache before the jobs begin, which then only read it.",
    )


class PlanSection(_Section):
    """What the plan rests on."""

    read_headers: Literal["never", "folders", "always"] = Field(
        default="folders",
        description="Which inputs the plan looks into for raw headers, which say what datasets need: folders alone, "
        "or always, which takes about two requests of S3 a dataset.",
    )
    features: str | None = Field(
        default=None,
        description="A table (CSV) of features of datasets for the plan, which spares it the headers of those in it.",
    )
    history: str | None = Field(
        default=None,
        description="The database of finished runs, on which the plan rests where it knows a dataset.",
    )
    model: str | None = Field(
        default=None,
        description="The fitted model of what datasets need; null for config/resources.json.",
    )
    grid_mib: int | None = Field(
        default=None,
        ge=1,
        description="Planned memory is a multiple of this, MiB; null for the few sizes fitted with the model, which "
        "many rows share, as array jobs need.",
    )


class AwsBatchSection(_Section):
    """How jobs are sent to AWS Batch."""

    queue: str = Field(
        default="hstdp",
        description="The job queue of AWS Batch.",
    )
    job_definition: str = Field(
        default="hstdp",
        description="The job definition of AWS Batch that a batch's own is made from.",
    )


LOCAL = "local"
"""What stands for this machine, in the place of an engine."""


class Config(BaseModel):
    """All keys of ``config/config.yaml``, ``--configfile`` and ``--config``."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="calcloud configuration")

    ids: Texts = Field(
        min_length=1,
        description="Id list, or several: text files with ipppssoots; # starts a comment.",
    )
    batch: str = Field(
        description="Name of the batch: the folder (S3 prefix) of its products in the store.",
    )
    store: str = Field(
        default="results",
        description="Where products go: s3://bucket or a folder.",
    )
    inputs: Texts = Field(
        default=["s3://stpubdata/hst/public", "mast:"],
        min_length=1,
        description="Where raw files are, in order of preference: folders, s3://bucket/prefix and mast: for MAST.",
    )
    engine: str = Field(
        default=LOCAL,
        description="Where datasets run: local, as jobs of Snakemake on this machine; htcondor, where Snakemake's "
        "executor sends jobs (HTCondor is asked why one was stopped); aws-batch, to which the whole plan is sent; or "
        "an engine that another package adds.",
    )
    image: str | None = Field(
        default=None,
        description="The container image, a URI or a .sif file. Null is docker://calcloud:latest for rules run with "
        "--software-deployment-method apptainer, the job definition's on AWS Batch, none for a cluster of HTCondor.",
    )
    keep_inputs: str | None = Field(
        default=None,
        description="A folder where inputs from S3 and MAST are kept and looked for first; null keeps none.",
    )
    max_unpacked_mib: int = Field(
        default=32768,
        ge=1,
        description="What the packed inputs of a dataset (tarballs, .fits.gz) may unpack to, MiB; more is bad input.",
    )
    programs: dict[str, str] = Field(
        default={},
        description="Commands for programs, such as calacs.e: /opt/hstcal/bin/calacs.e; others are on PATH, or come "
        "from make hstcal.",
    )
    program_variables: Texts = Field(
        default=[],
        description="Environment variables (names, or patterns such as MYSITE_*) that calibration programs get "
        "beside those of a fixed list; they get no other.",
    )
    dataset_variables: Texts = Field(
        default=[],
        description="Variables that a dataset's own file <dataset>_cal_env.txt may set for its programs beside "
        "drizzlepac's SVM_*, MVM_*, HAP* and ASTROMETRY_*.",
    )
    astrometry: bool | None = Field(
        default=None,
        description="Align images with catalogues (needs the network); null for what drizzlepac's variables say.",
    )
    work: str = Field(
        default="work",
        description="Where attempts get their work folders; best on the file system of the store.",
    )
    keep_work: Literal["never", "failed", "always"] = Field(
        default="never",
        description="Which attempts' work folders are kept.",
    )
    skip_bad: bool = Field(
        default=False,
        description="Leave out ids that cannot be processed, instead of stopping at them.",
    )
    force: bool = Field(
        default=False,
        description="Process datasets again that have succeeded, and let the batch change its CRDS context.",
    )
    retries: int = Field(
        default=2,
        ge=0,
        le=10,
        description="Further tries of a dataset after memory, time, storage or unknown failures.",
    )
    max_memory_mib: int = Field(
        default=65536,
        ge=256,
        description="Largest memory that a later try may get, MiB.",
    )
    max_seconds: int = Field(
        default=172_800,
        ge=60,
        description="Longest time limit that a later try may get, s.",
    )
    prices: str | None = Field(
        default=None,
        description="A table of EC2's prices for the cost on AWS; null for config/prices.json.",
    )
    region: str = Field(
        default="us-east-1",
        description="The region of AWS whose prices count.",
    )
    purchase: Literal["on_demand", "spot"] = Field(
        default="on_demand",
        description="How the instances on AWS are bought, for their prices.",
    )
    jobs_up_to: int = Field(
        default=200,
        ge=0,
        description="How many datasets Snakemake runs as jobs of its own. More are run in one of its jobs: here by "
        "hstdputils run, and on HTCondor as one cluster, by hstdputils submit and watch.",
    )
    process_command: str = Field(
        default="hstdputils process",
        description="What processes a dataset, here or on a cluster; it gets the arguments of hstdputils process.",
    )
    crds: CrdsSection = Field(default=CrdsSection(), description=str(CrdsSection.__doc__))
    plan: PlanSection = Field(default=PlanSection(), description=str(PlanSection.__doc__))
    aws_batch: AwsBatchSection = Field(default=AwsBatchSection(), description=str(AwsBatchSection.__doc__))


SECTIONS: dict[str, type[BaseModel]] = {"crds": CrdsSection, "plan": PlanSection, "aws_batch": AwsBatchSection}
"""The sections by name."""


JOINED = {f"{section}_{key}": (section, key) for section, kind in SECTIONS.items() for key in kind.model_fields}
"""Keys of sections by section plus key, as ``--config`` takes them: one key of a section, and the others stay."""
