"""The configuration of the workflow: its keys, their types, defaults and meanings.

A key of a section has one name everywhere: ``crds.context`` is ``context`` below ``crds:`` in a file,
``crds_context`` after ``--config``, ``--crds-context`` as an option, and ``crds_context`` in markers. Options of the
command that a section is named after leave the section out: ``plan.grid_mib`` is ``hstdputils plan --grid-mib``.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

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


@dataclass(frozen=True)
class OptionOf:
    """Marks a key that is an option of commands as well, which a run gives them."""

    commands: str
    """The commands, with spaces between them."""
    is_local: bool = False
    """Whether it counts only where jobs share this machine's folders."""


class _Section(BaseModel):
    """Keys that belong together."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CrdsSection(_Section):
    """Which references count, and where they come from."""

    context: Annotated[str | None, OptionOf("process sync")] = Field(
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

    read_headers: Annotated[Literal["auto", "always", "folders", "never"], OptionOf("plan")] = Field(
        default="auto",
        description="Where the plan reads headers of raw files, which say what datasets need: auto, in folders and "
        "on S3, where it can be reached (about two requests and 30 KiB a dataset); always, or there is no plan; in "
        "folders alone; never.",
    )
    pilot: bool = Field(
        default=False,
        description="Of each program's single exposures and associations, where 20 or more are planned from their "
        "names alone, run one first, and plan the others again on what it used.",
    )
    features: Annotated[str | None, OptionOf("plan")] = Field(
        default=None,
        description="A table (CSV) of features of datasets for the plan, which spares it the headers of those in it.",
    )
    history: Annotated[str | None, OptionOf("plan")] = Field(
        default=None,
        description="The database of finished runs, on which the plan rests where it knows a dataset.",
    )
    model: Annotated[str | None, OptionOf("plan")] = Field(
        default=None,
        description="The fitted model of what datasets need; null for config/resources.json.",
    )
    grid_mib: Annotated[int | None, OptionOf("plan")] = Field(
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


PROCESS = "hstdputils process"
"""What processes a dataset."""


class Config(BaseModel):
    """All keys of ``config/config.yaml``, ``--configfile`` and ``--config``."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="calcloud configuration")

    ids: Texts = Field(
        min_length=1,
        description="Id list, or several: text files with ipppssoots or names of their files (# starts a comment), "
        "CSV and VOTables of MAST, packed with gzip or not, and proposals, such as proposal:12345.",
    )
    batch: str = Field(
        description="Name of the batch: the folder (S3 prefix) of its products in the store.",
    )
    store: str = Field(
        default="results",
        description="Where products go: s3://bucket or a folder.",
    )
    inputs: Annotated[Texts, OptionOf("process sync plan")] = Field(
        default=["s3://stpubdata/hst/public", "mast:"],
        min_length=1,
        description="Where raw files are, in order of preference: folders, s3://bucket/prefix and mast: for MAST.",
    )
    engine: Annotated[str, OptionOf("plan")] = Field(
        default=LOCAL,
        description="Where datasets run: local, as jobs of Snakemake on this machine; htcondor, where Snakemake's "
        "executor sends jobs (HTCondor is asked why one was stopped); aws-batch, to which the whole plan is sent; or "
        "an engine that another package adds.",
    )
    image: Annotated[str | None, OptionOf("submit")] = Field(
        default=None,
        description="The container image, a URI or a .sif file. Null is docker://calcloud:latest for rules run with "
        "--software-deployment-method apptainer, the job definition's on AWS Batch, none for a cluster of HTCondor.",
    )
    keep_inputs: Annotated[str | None, OptionOf("process sync", is_local=True)] = Field(
        default=None,
        description="A folder where inputs from S3 and MAST are kept and looked for first; null keeps none.",
    )
    max_unpacked_mib: Annotated[int, OptionOf("process sync")] = Field(
        default=32768,
        ge=1,
        description="What the packed inputs of a dataset (tarballs, .fits.gz) may unpack to, MiB; more is bad input.",
    )
    programs: Annotated[dict[str, str], OptionOf("process")] = Field(
        default={},
        description="Commands for programs, such as calacs.e: /opt/hstcal/bin/calacs.e; others are on PATH, or come "
        "from make hstcal.",
    )
    program_variables: Annotated[Texts, OptionOf("process")] = Field(
        default=[],
        description="Environment variables (names, or patterns such as MYSITE_*) that calibration programs get "
        "beside those of a fixed list; they get no other.",
    )
    dataset_variables: Annotated[Texts, OptionOf("process")] = Field(
        default=[],
        description="Variables that a dataset's own file <dataset>_cal_env.txt may set for its programs beside "
        "drizzlepac's SVM_*, MVM_*, HAP* and ASTROMETRY_*.",
    )
    astrometry: Annotated[bool | None, OptionOf("process")] = Field(
        default=None,
        description="Align images with catalogues (needs the network); null for what drizzlepac's variables say.",
    )
    work: Annotated[str, OptionOf("process", is_local=True)] = Field(
        default="work",
        description="Where attempts get their work folders; best on the file system of the store.",
    )
    known_issues: Annotated[Texts, OptionOf("process", is_local=True)] = Field(
        default=[],
        description="Files (YAML) of known issues of the site, by which failures are grouped before those that come "
        "with hstdputils.",
    )
    keep_work: Annotated[Literal["never", "failed", "always"], OptionOf("process", is_local=True)] = Field(
        default="never",
        description="Which attempts' work folders are kept.",
    )
    skip_bad: Annotated[bool, OptionOf("plan")] = Field(
        default=False,
        description="Leave out ids that cannot be processed, instead of stopping at them.",
    )
    force: bool = Field(
        default=False,
        description="Process datasets again that have succeeded, and let the batch change its CRDS context.",
    )
    retries: Annotated[int, OptionOf("run")] = Field(
        default=2,
        ge=0,
        le=10,
        description="Further tries of a dataset after memory, time, storage or unknown failures.",
    )
    max_memory_mib: Annotated[int, OptionOf("run watch")] = Field(
        default=65536,
        ge=256,
        description="Largest memory that a later try may get, MiB.",
    )
    max_seconds: Annotated[int, OptionOf("run watch")] = Field(
        default=172_800,
        ge=60,
        description="Longest time limit that a later try may get, s.",
    )
    prices: Annotated[str | None, OptionOf("plan report")] = Field(
        default=None,
        description="A table of EC2's prices for the cost on AWS; null for config/prices.json.",
    )
    region: Annotated[str, OptionOf("plan report")] = Field(
        default="us-east-1",
        description="The region of AWS whose prices count.",
    )
    purchase: Annotated[Literal["on_demand", "spot"], OptionOf("plan report")] = Field(
        default="on_demand",
        description="How the instances on AWS are bought, for their prices.",
    )
    preflight: bool = Field(
        default=True,
        description="Before the first job, check programs, CRDS, store and work folder, or the engine, and stop if "
        "datasets could not succeed.",
    )
    publish: Annotated[bool, OptionOf("run watch")] = Field(
        default=False,
        description="Keep a page and JSON in the store that say how far the batch is, <batch>/status.html and "
        "<batch>/status.json, while all its datasets are one job (more than jobs_up_to, or on an engine).",
    )
    jobs_up_to: int = Field(
        default=200,
        ge=0,
        description="How many datasets Snakemake runs as jobs of its own. More are run in one of its jobs: here by "
        "hstdputils run, and on HTCondor as one cluster, by hstdputils submit and watch.",
    )
    process_command: Annotated[str, OptionOf("run")] = Field(
        default=PROCESS,
        description="What processes a dataset, here or on a cluster; it gets the arguments of hstdputils process.",
    )
    crds: CrdsSection = Field(default=CrdsSection(), description=str(CrdsSection.__doc__))
    plan: PlanSection = Field(default=PlanSection(), description=str(PlanSection.__doc__))
    aws_batch: AwsBatchSection = Field(default=AwsBatchSection(), description=str(AwsBatchSection.__doc__))


SECTIONS: dict[str, type[BaseModel]] = {"crds": CrdsSection, "plan": PlanSection, "aws_batch": AwsBatchSection}
"""The sections by name."""


JOINED = {f"{section}_{key}": (section, key) for section, kind in SECTIONS.items() for key in kind.model_fields}
"""Keys of sections by section plus key, as ``--config`` takes them: one key of a section, and the others stay."""


def command_options(config: Config, command: str, *, is_local: bool = True) -> list[str]:
    """Return the options of a command that stand for keys of a configuration.

    Parameters
    ----------
    config
        The configuration.
    command
        The command, such as ``process``.
    is_local
        Whether it runs, or its jobs do, where this machine's folders are.
    """
    options: list[str] = []
    for prefix, section in (("", config), *((f"{name}-", getattr(config, name)) for name in SECTIONS)):
        for key, field in type(section).model_fields.items():
            marks = [mark for mark in field.metadata if isinstance(mark, OptionOf)]
            if any(command in mark.commands.split() and (is_local or not mark.is_local) for mark in marks):
                name = f"{prefix.removeprefix(f'{command}-')}{key}".replace("_", "-")
                options += _as_options(name, getattr(section, key), is_switch=field.annotation is bool)
    return options


def _as_options(name: str, value: Any, *, is_switch: bool) -> list[str]:
    """Return one value of a key as options; a switch that may be unset too is ``on`` or ``off``."""
    if value is None:
        return []
    if isinstance(value, bool):
        return [f"--{name}"] * value if is_switch else [f"--{name}={'on' if value else 'off'}"]
    if isinstance(value, dict):
        return [f"--{name}={key}={item}" for key, item in value.items()]
    return [f"--{name}={item}" for item in (value if isinstance(value, list) else [value])]
