"""What is made of one dataset, and what that costs beside its calibration programs: hstdputils against caldp.

    CRDS_PATH=… CRDS_CONTEXT=… python benchmarks/against_caldp.py --caldp-python VENV/bin/python RAWS

runs ``hstdputils process`` and caldp's own ``caldp-process`` in turn on the same tarball of raw files, off line, with
the same calibration programs, CRDS cache and context. The programs are called through wrappers that note what they
take; that is taken away from both sides. The claim: hstdputils takes at most a fifth of what caldp takes. Without
RAWS,

    python benchmarks/against_caldp.py --caldp-python VENV/bin/python

does so once with a made-up dataset of each instrument, whose data and references it makes, and prints a table.

benchmarks/README.md says how to set caldp up, and has the tables.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.compared_products import Comparison, compare
from benchmarks.timed_runs import Cost, find_program, write_wrappers
from benchmarks.two_sides import PROCESS, Setting, Side, run_caldp, run_ours

CLAIM = 0.2
"""The largest part of caldp's cost that hstdputils may have."""

PROGRAMS = {
    "j": {"calacs.e": "hstcal", "runastrodriz": "drizzlepac"},
    "i": {"calwf3.e": "hstcal", "runastrodriz": "drizzlepac"},
    "o": {"cs0.e": "hstcal"},
    "l": {"calcos": "calcos"},
}
"""Calibration programs and their distributions, by the first letter of a dataset."""

INPUTS = ("asn", "raw", "spt", "epc", "wav", "tag", "pha")
"""How the suffixes of input files begin."""

MADE_UP = ("jdem01010", "ldem01010", "odem01010", "idem01irq")
"""The datasets of tests/madeup that are processed where no raw files are given, one of each instrument."""

REAL = "jbz504010"
"""The dataset that is processed where raw files are given, and nothing else is said."""

LIBRARIES = ("astropy", "crds", "drizzlepac", "numpy")
"""Libraries that should be the same on both sides."""


def main(arguments: Sequence[str]) -> int:
    """Measure, print a table, and return 0 where the products are equal."""
    options = _parser().parse_args(arguments)
    caldp_python = options.caldp_python.absolute()
    if not (caldp_python.parent / "caldp-process").exists() or not Path("/usr/bin/time").exists():
        raise SystemExit(
            f"error: no caldp-process beside {caldp_python}, or no GNU time at /usr/bin/time: install them"
        )
    with tempfile.TemporaryDirectory(dir=options.scratch, prefix="against-caldp-") as name:
        folder = Path(name)
        caldp = caldp_python.parent
        if options.raws is None:
            settings = _made_up(folder, [options.dataset] if options.dataset else MADE_UP, caldp)
        else:
            crds = os.environ.get("CRDS_PATH", ""), os.environ.get("CRDS_CONTEXT", "")
            settings = [_prepared(folder, options.raws, options.dataset or REAL, caldp, *crds)]
        names = ", ".join(setting.dataset for setting in settings)
        print(f"{names}, {settings[0].crds_context}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        for side, python in (("hstdputils", sys.executable), ("caldp", str(caldp_python))):
            print(f"{side}: {_versions(python, side)}")
        if not shutil.which("fitscut"):
            print("fitscut is not on PATH: caldp makes no previews of images below, hstdputils makes them")
        found = _one_by_one(settings) if len(settings) > 1 else [_in_detail(settings[0], options.runs)]
    return 0 if all(one.equal for one in found) else 1


def _in_detail(setting: Setting, runs: int) -> Comparison:
    """Print what each part of both sides takes of one dataset, in several runs."""
    ours, theirs = run_ours(setting, look_at_memory=True), run_caldp(setting, look_at_memory=True)
    memory = ours.run.memory_mib, theirs.run.memory_mib
    pairs: list[tuple[Side, Side]] = []
    for number in range(runs):
        print(f"run {number + 1} of {runs}", end="\r", file=sys.stderr, flush=True)
        pairs.append((run_ours(setting), run_caldp(setting)))
    _print_costs(pairs)
    print(f"memory of their own processes: hstdputils {memory[0]} MiB, caldp {memory[1]} MiB")
    comparison = compare(pairs[-1][0].products, pairs[-1][1].products)
    print("\n".join(comparison.lines()))
    return comparison


def _one_by_one(settings: Sequence[Setting]) -> list[Comparison]:
    """Print a line for each dataset: what is made of it, whether it is the same, and what both sides take."""
    print(f"\n{'':<44}{'FITS files':^22}  {'':<9}  {'wall (CPU), less programs, s':^28}")
    head = ("dataset", "programs", "names", "identical", "trailers", "hstdputils", "caldp")
    layout = "{:<11}{:<33}{:>11}{:>11}  {:>9}  {:>14}{:>14}  {}"
    print(layout.format(*head, "ratio"))
    comparisons = []
    for setting in settings:
        ours, theirs = run_ours(setting), run_caldp(setting)
        comparison = compare(ours.products, theirs.products)
        comparisons.append(comparison)
        names = [
            f"{len(mine & other)} of {len(mine | other)}"
            for mine, other in (
                (comparison.ours[kind], comparison.theirs[kind]) for kind in ("FITS files", "trailers")
            )
        ]
        costs = [f"{side.run.own.wall:.1f} ({side.run.own.cpu:.1f})" for side in (ours, theirs)]
        programs = ", ".join(PROGRAMS[setting.dataset[0]])
        identical = f"{comparison.identical} of {len(comparison.differences)}"
        ratio = _ratio(ours.run.own, theirs.run.own)
        row = (
            setting.dataset,
            programs,
            names[0],
            identical,
            names[1],
            *costs,
            f"{ratio.wall:.3f} ({ratio.cpu:.3f})",
        )
        print(layout.format(*row), flush=True)
    for setting, comparison in zip(settings, comparisons, strict=True):
        if not comparison.equal:
            print(f"{setting.dataset}: " + "\n  ".join(comparison.lines()))
    return comparisons


def _made_up(folder: Path, datasets: Sequence[str], caldp: Path) -> list[Setting]:
    """Write made-up data, and return the settings of those datasets whose programs are there."""
    from tests import madeup
    from tests.madeup.demo_hstcal import write_whole_demo

    if unknown := set(datasets) - {*MADE_UP}:
        raise SystemExit(
            f"error: {', '.join(unknown)} is not made up: name one of {', '.join(MADE_UP)}, or give RAWS"
        )
    absent = {dataset: [name for name in PROGRAMS[dataset[0]] if not find_program(name)] for dataset in datasets}
    for dataset, names in absent.items():
        if names:
            print(f"{dataset} is left out: {', '.join(names)} not on PATH")
    wanted = [dataset for dataset in datasets if not absent[dataset]]
    if not wanted:
        raise SystemExit("error: no calibration program is on PATH: activate the environment, and make hstcal")
    write_whole_demo(folder / "madeup")
    raws, crds = folder / "madeup" / "inputs", str(folder / "madeup" / "crds")
    return [_prepared(folder / dataset, raws, dataset, caldp, crds, madeup.CONTEXT) for dataset in wanted]


def _prepared(folder: Path, raws: Path, dataset: str, caldp: Path, crds_path: str, crds_context: str) -> Setting:
    """Write wrappers and the tarball of raw files."""
    if dataset[:1] not in PROGRAMS or len(dataset) != 9:
        raise SystemExit(f"error: {dataset!r} is no dataset of ACS, COS, STIS or WFC3: name one, such as {REAL}")
    folder.mkdir(exist_ok=True)
    mode = Path(crds_path, "config", "hst", "ref_cache_subdir_mode")
    if not crds_context or not mode.exists() or mode.read_text().strip() != "flat":
        raise SystemExit(
            "error: CRDS_CONTEXT must name a context, and CRDS_PATH a flat CRDS cache (crds sync --organize flat)"
        )
    write_wrappers(folder / "wrappers", PROGRAMS[dataset[0]])
    with tarfile.open(folder / f"{dataset}.tar.gz", "w:gz") as tar:
        for path in _inputs(raws, dataset):
            tar.add(path, path.name)
    return Setting(folder, dataset, caldp, crds_path, crds_context)


def _inputs(raws: Path, dataset: str) -> list[Path]:
    """Return the input files of a dataset and its members, in any folders below one."""
    from astropy.io import fits

    names = {dataset}
    for table in raws.rglob(f"{dataset}_asn.fits"):
        names |= {str(name).strip().lower() for name in fits.getdata(table)["MEMNAME"]}
    paths = [path for name in sorted(names) for path in sorted(raws.rglob(f"{name}_*.fits"))]
    found = [path for path in paths if path.stem.rpartition("_")[2].startswith(INPUTS)]
    if not found:
        raise SystemExit(f"error: no raw files of {dataset} in {raws}: name the folder that has them")
    return found


def _versions(python: str, distribution: str) -> str:
    """Return what a Python has of the libraries that matter here."""
    names = [distribution, *LIBRARIES]
    ask = f"import json; from importlib.metadata import version; print(json.dumps([version(n) for n in {names}]))"
    answer = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout
    own, *others = json.loads(answer)
    return ", ".join([own, *(f"{name} {version}" for name, version in zip(LIBRARIES, others, strict=True))])


def _print_costs(pairs: Sequence[tuple[Side, Side]]) -> None:
    """Print what the sides took, and what hstdputils took of caldp's."""
    ours, theirs = zip(*pairs, strict=True)
    print(f"\n{f'{len(pairs)} runs of each, in turn':<32}{'wall time, s':<26}user and system, s")
    print(f"{'calibration programs aside':<30}" + f"{'min':>8}{'median':>8}{'max':>8}  " * 2)
    _print_row("hstdputils", [side.run.own for side in ours])
    _print_row("caldp", [side.run.own for side in theirs])
    for part in theirs[0].parts:
        _print_row(f"  {part}", [side.parts[part] for side in theirs])
    _print_row("programs under hstdputils", [side.run.programs for side in ours])
    _print_row("programs under caldp", [side.run.programs for side in theirs])
    ratios = [_ratio(mine.run.own, other.run.own) for mine, other in pairs]
    _print_row("hstdputils / caldp", ratios)
    _print_row("hstdputils / caldp.process", [_ratio(mine.run.own, other.parts[PROCESS]) for mine, other in pairs])
    ratio = statistics.median(ratio.wall for ratio in ratios)
    verdict = "holds" if ratio <= CLAIM else "does not hold"
    print(f"at most {CLAIM} of caldp's wall time: {verdict} ({ratio:.3f})\n")


def _ratio(one: Cost, other: Cost) -> Cost:
    return Cost(one.wall / other.wall, one.cpu / other.cpu)


def _print_row(label: str, costs: Iterable[Cost]) -> None:
    costs = list(costs)
    columns = [[cost.wall for cost in costs], [cost.cpu for cost in costs]]
    figures = ["".join(f"{f(column):8.3f}" for f in (min, statistics.median, max)) for column in columns]
    print(f"{label:<30}{'  '.join(figures)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument(
        "raws",
        nargs="?",
        type=Path,
        metavar="RAWS",
        help="a folder with raw files, at any depth (default: made-up datasets of all instruments)",
    )
    parser.add_argument("--caldp-python", type=Path, required=True, help="the Python of the environment with caldp")
    parser.add_argument(
        "--dataset",
        type=str.lower,
        metavar="IPPPSSOOT",
        help=f"the dataset (default: {REAL}; of the made-up ones, {', '.join(MADE_UP)}, all in a table)",
    )
    parser.add_argument(
        "--runs",
        type=int,
        default=5,
        metavar="N",
        help="counted runs of each side with one dataset (default: %(default)s)",
    )
    parser.add_argument("--scratch", type=Path, metavar="DIR", help="where runs write (default: the system's place)")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
