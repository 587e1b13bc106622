"""Hubble Advanced Products: runsinglehap on a visit's poller file, runmultihap on a sky cell's.

What they make, and how it is named, is in the DrizzlePac Handbook, "Hubble Advanced Products", and in drizzlepac
3.11: ``haputils/poller_utils.py`` (`parse_obset_tree`, `parse_mvm_tree`) and ``haputils/product.py``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from hstdputils.calibrate.recipe import Command, Expectation, Program, Recipe
from hstdputils.core.datasets import Dataset, Kind
from hstdputils.core.errors import ExitCode
from hstdputils.core.instruments import Inputs
from hstdputils.inputs.observation import Observation, RawFile
from hstdputils.inputs.poller_file import POLLER_SUFFIX, PollerRow
from hstdputils.inputs.source import VARIABLES_SUFFIX

_ADVICE = "pip install 'hstdputils[cal]', or use the container"


RUNSINGLEHAP = Program("runsinglehap", "drizzlepac", _ADVICE)


RUNMULTIHAP = Program("runmultihap", "drizzlepac", _ADVICE)


NOTHING_TO_DO = {
    55: "only HRC and SBC exposures, which MVM_INCLUDE_SMALL leaves out",
    65: "no exposure that can be drizzled and is not in the mosaics already",
}
"""Exit statuses of both programs that are not failures (``haputils/analyze.py``, `Ret_code`)."""


_NOT_DRIZZLED = (
    re.compile(r"Dataset (\S+\.fits) has \(keyword = value\).*\n.*Dataset cannot be aligned"),
    re.compile(r"Science data for (\S+\.fits) filled with zeros"),
    re.compile(r"Image (\S+\.fits)'s (?:QUALITY keywords report GUIDING|GUIDING detected as): BAD"),
    re.compile(r"poller_utils- {2,}(\S+\.fits)$", re.MULTILINE),
)
"""What drizzlepac prints of exposures that it leaves out (``haputils/analyze.py``, ``haputils/poller_utils.py``)."""


_NO_OVERLAP = re.compile(r"Ignoring (\S+) as no input exposures overlap that layer")
"""What it prints of products of a sky cell that it leaves out (``hapmultisequencer.py``)."""


def _commands(observation: Observation, vcpus: int) -> list[Command]:
    dataset = observation.dataset
    program, code = (RUNSINGLEHAP, ExitCode.SVM) if dataset.kind is Kind.VISIT else (RUNMULTIHAP, ExitCode.MVM)
    return [Command(program, (f"{dataset}{POLLER_SUFFIX}",), code, nothing_to_do=NOTHING_TO_DO)]


def _expected(observation: Observation) -> Expectation:
    return _expectation(observation, observation.poller)


def _revised(observation: Observation, printed: Iterable[str], variables: Mapping[str, str]) -> Expectation:
    """Return what is expected, given the exposures that the program says it cannot drizzle."""
    left_out: set[str] = set()
    no_overlap: set[str] = set()
    before = ""
    for line in (line.rstrip("\n") for line in printed):  # a log may be too large to be held at once
        both = f"{before}\n{line}"
        left_out.update(name for pattern in _NOT_DRIZZLED for name in pattern.findall(both))
        no_overlap.update(_NO_OVERLAP.findall(line))
        before = line
    is_small_out = variables.get("MVM_INCLUDE_SMALL", "").lower() in ("off", "no", "false")
    small = ("hrc", "sbc") if is_small_out and observation.dataset.kind is Kind.SKYCELL else ()
    rows = [row for row in observation.poller if row.file_name not in left_out and row.detector not in small]
    return _expectation(observation, rows, sorted(no_overlap))


def _expectation(observation: Observation, rows: Sequence[PollerRow], left_out: Sequence[str] = ()) -> Expectation:
    dataset = observation.dataset
    products = _visit_products(observation, rows) if dataset.kind is Kind.VISIT else _layers(dataset, rows, left_out)
    return Expectation(frozenset(products), listed_in=frozenset({f"{dataset}_manifest.txt"}))


def _visit_products(observation: Observation, rows: Sequence[PollerRow]) -> Iterator[str]:
    """Yield the mosaic of each filter, and that of all filters of each detector.

    Grism and prism exposures only get the direct images' WCS, and those of ramp and quadrant filters are only
    aligned. A filter's mosaic is ``drc`` if any of its exposures is an flc, else ``drz``; the total's suffix is that
    of the filter of the first exposure, in drizzlepac's own order.
    """
    visit = observation.dataset.visit
    inverse_sensitivity = {raw.path.name: raw.number("PHOTFLAM") for raw in observation.raws}
    in_order = sorted(rows, key=lambda row: (row.exposure_seconds, -inverse_sensitivity[row.file_name]))
    suffixes: dict[tuple[str, str], str] = {}
    for row in in_order:
        key = (row.detector, filter_name(row.filters))
        suffixes[key] = "drc" if "drc" in (_drizzled(row), suffixes.get(key)) else "drz"
    for detector in dict.fromkeys(row.detector for row in in_order):
        exposures = [row for row in in_order if row.detector == detector]
        root = f"hst_{exposures[0].proposal_id}_{visit[4:]}_{exposures[0].instrument}_{detector}"
        filters = list(dict.fromkeys(filter_name(row.filters) for row in exposures))
        drizzled = [name for name in filters if not _is_dispersed(name) and not name.startswith(("fr", "fq"))]
        for name in drizzled:
            yield f"{root}_{name}_{visit}_{suffixes[detector, name]}.fits"
        if drizzled:
            yield f"{root}_total_{visit}_{suffixes[detector, filters[0]]}.fits"


def _layers(dataset: Dataset, rows: Sequence[PollerRow], left_out: Sequence[str]) -> Iterator[str]:
    """Yield the mosaic of each detector and filter; WFC3/IR has one in its own pixel scale too (``coarse``)."""
    flc = {(row.detector, filter_name(row.filters)) for row in rows if row.is_new and row.suffix == "flc"}
    for row in rows:
        key = (row.detector, filter_name(row.filters))
        if not row.is_new or _is_dispersed(key[1]) or key[1].startswith("fr"):
            continue
        for scale in ("all", "coarse-all") if row.detector == "ir" else ("all",):
            layer = f"hst_{dataset}_{row.instrument}_{row.detector}_{key[1]}_{scale}"
            if layer not in left_out:
                yield f"{layer}_{'drc' if key in flc else 'drz'}.fits"


def _drizzled(row: PollerRow) -> str:
    return "drc" if row.suffix == "flc" else "drz"


def _is_dispersed(name: str) -> bool:
    """Tell whether a filter is a grism or prism."""
    return any(part.startswith(("g", "pr")) for part in name.split("-"))


def filter_name(filters: str) -> str:
    """Return the filter's name in a product's name.

    Of two filters, clear ones and ``N/A`` do not count, and polarizers come second. Source: drizzlepac's
    ``haputils/poller_utils.py``, `determine_filter_name`.

    Examples
    --------
    >>> filter_name("CLEAR1L;F814W"), filter_name("POL60UV;F606W"), filter_name("F140LP;N/A;F140LP")
    ('f814w', 'f606w-pol60uv', 'f140lp')
    """
    names = [name for name in filters.lower().split(";")[:2] if "clear" not in name and "n/a" not in name]
    if names and names[0].startswith("pol"):
        names.reverse()
    return "-".join(names).rstrip("-") or "clear"


def _uncorrected(observation: Observation) -> Iterable[RawFile]:
    """Return the exposures whose WCS is made now: dispersed ones that were not drizzled before.

    Source: ``haputils/product.py``, `GrismExposureProduct`. All others carry their distortion in their own headers
    and extensions, and no reference file is opened for them.
    """
    dispersed = {row.file_name for row in observation.poller if _is_dispersed(filter_name(row.filters))}
    return [raw for raw in observation.raws if raw.path.name in dispersed and raw.keyword("DRIZCORR") == "OMIT"]


def _saved(dataset: Dataset) -> list[str]:
    """Return patterns of the files that are saved; the exposures themselves are not."""
    products = f"hst_*_{dataset.visit}*" if dataset.visit else f"hst_{dataset}_*"
    names = [f"{dataset}{suffix}" for suffix in (POLLER_SUFFIX, VARIABLES_SUFFIX, "_manifest.txt")]
    return [*(f"{products}.{end}" for end in ("fits", "txt", "ecsv")), "astrodrizzle.log", *names]


def _recipe(name: Kind, program: Program, *, is_aligned: bool) -> Recipe:
    return Recipe(
        inputs=Inputs(name=name, raw_suffixes=frozenset(), support_suffixes=frozenset({"flc", "flt"})),
        programs=(program,),
        keywords={},
        commands=_commands,
        expected=_expected,
        is_aligned=is_aligned,
        revised=_revised,
        needs_references=_uncorrected,
        saved=_saved,
    )


VISIT = _recipe(Kind.VISIT, RUNSINGLEHAP, is_aligned=True)


SKYCELL = _recipe(Kind.SKYCELL, RUNMULTIHAP, is_aligned=False)
