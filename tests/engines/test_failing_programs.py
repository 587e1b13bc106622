"""Calibration programs that fail in every way they do: each ends in its outcome, and the next dataset goes on.

The programs' words are those of the real ones where memory or disk run out, and of numpy below runastrodriz.
"""

import time
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import psutil
import pytest

from hstdputils.core.outcomes import Outcome
from tests.conftest import Commands, MadeUp, Ran
from tests.engines.honesty import assert_complete, marker_of
from tests.madeup import dataset_folder
from tests.madeup.small_raws import KINDS, write_small_raw
from tests.stand_ins.programs.hstcal import Call, install

pytestmark = pytest.mark.engine("CRDS")

FAILED, MEMORY, INCOMPLETE = Outcome.CALIBRATION_ERROR, Outcome.OUT_OF_MEMORY, Outcome.INCOMPLETE_PRODUCTS
STAGE = -1
"""Stands for the exit code of the stage that the program belongs to."""


@dataclass(frozen=True)
class Program:
    """A program that is played."""

    name: str
    instrument: str
    arguments: str
    suffix: str
    """Of its product."""
    stage: int = 23

    def call(self, dataset: str) -> Call:
        needs = "flt" if self.name == "runastrodriz" else "raw"
        return Call(f"{self.arguments}{dataset}_raw.fits", f"{dataset}_{needs}.fits", f"{dataset}_{self.suffix}.fits")


CALACS = Program("calacs.e", "acs", "--nthreads 1 ", "flt")
CALWF3 = Program("calwf3.e", "wfc3", "-1 ", "flt")
CALSTIS = Program("cs0.e", "stis", "-tv ", "flt")
RUNASTRODRIZ = Program("runastrodriz", "acs", "-n 1 ", "drz", stage=24)
PROGRAMS = {program.name: program for program in (CALACS, CALWF3, CALSTIS, RUNASTRODRIZ)}


@dataclass(frozen=True)
class Failure:
    """A way to fail; in texts, ``@`` stands for the product."""

    behaviour: str
    outcome: Outcome
    exit_code: int
    said: str
    family: str = ""
    """The family that names its cause; where none is given, that of its outcome."""


FAMILIES = {MEMORY: "memory_refused", INCOMPLETE: "product_empty", Outcome.STORAGE_ERROR: "disk_full"}
"""Families of most failures with an outcome."""


def says(text: str, status: int) -> str:
    return f"print({text!r})\nsys.exit({status})"


def out_of_memory(text: str, status: int = 1, exit_code: int = 31) -> Failure:
    return Failure(says(text, status), MEMORY, exit_code, text.splitlines()[0])


def broken(content: str, said: str) -> Failure:
    return Failure(f"make({content})", INCOMPLETE, 29, f"@ {said}")


OPEN_FAILED = "ERROR:    CALACS processing NOT completed for x_raw.fits\nERROR:    Open failed."
FAILURES = {
    "no product": Failure("pass", INCOMPLETE, 29, "@", "product_missing"),
    "segmentation fault": Failure(
        "os.kill(os.getpid(), 11)", FAILED, STAGE, "was ended by SIGSEGV", "program_crashed"
    ),
    "killed": Failure("os.kill(os.getpid(), 9)", MEMORY, 31, "was killed (signal 9)", "memory_killed"),
    "abort of C++": Failure(
        "print(\"terminate called after throwing an instance of 'std::bad_alloc'\", flush=True)\nos.abort()",
        *(MEMORY, 31, "std::bad_alloc"),
    ),
    "memory: the system's words": out_of_memory("OSError: [Errno 12] Cannot allocate memory", 1, 34),
    "memory: Python's": out_of_memory("MemoryError:"),
    "memory: numpy's": out_of_memory("numpy._core._exceptions._ArrayMemoryError: Unable to allocate 15. GiB"),
    "memory: hstio's": Failure(
        says(f"No memory left to allocate data.\n{OPEN_FAILED}", 2), MEMORY, 31, "No memory left to allocate data."
    ),
    "memory: calacs.e's": out_of_memory("ERROR:    Couldn't allocate memory for scratch array in ACSREJ_LOOP.", 2),
    "memory: the loader's": out_of_memory("error while loading shared libraries: failed to map segment", 127),
    "an output is there": Failure(
        *("make()\nmake()", FAILED, STAGE, "ended with status 2: Warning    Output file `@' already exists."),
        "output_exists",
    ),
    "a product, but a status": Failure(
        "make()\nsys.exit(3)", FAILED, STAGE, "ended with status 3: stand-in", "calibration_error.*stand-in*"
    ),
    "cut product": broken("product[:4000]", "is cut short"),
    "product without a byte": broken("b''", "is not a FITS file (it is empty)"),
    "product of zeros": broken("bytes(5760)", "is not a FITS file"),
    "product of a header": broken("product[:2880].replace(b'  = 2', b'  = 0')", "is cut short"),
    "disk full": Failure(
        says("OSError: [Errno 28] No space left on device: 'x.fits'", 1),
        Outcome.STORAGE_ERROR,
        STAGE,
        "free some space",
    ),
    "disk full: hstio's words": Failure(
        says(f"Filename x.fits EXTNAME ERR EXTVER 1 CFITSIO status 106\n{OPEN_FAILED}", 2),
        *(Outcome.STORAGE_ERROR, STAGE, "free some space"),
    ),
}
WELL = "well"


@dataclass(frozen=True)
class Run:
    """One call of ``process`` in which one program fails in all ways."""

    store: Path
    ran: Ran
    datasets: dict[str, str]
    """The dataset that each failure befell."""


def set_up(folder: Path, crds: Path, program: Program, behaviours: dict[str, str]) -> Commands:
    """Write raw files, and install the program with a behaviour for each dataset."""
    site = Commands(folder, CRDS_PATH=str(crds))
    for dataset in behaviours:
        write_small_raw(dataset_folder(folder / "inputs", dataset), dataset, program.instrument)
    first = CALACS if program is RUNASTRODRIZ else program
    variable = KINDS[program.instrument].variable
    for other in {first, RUNASTRODRIZ}:
        calls = [other.call(dataset) for dataset in behaviours]
        install(site, other.name, variable, *calls, **(behaviours if other is program else {}))
    return site


@pytest.fixture(scope="module", params=PROGRAMS.values(), ids=PROGRAMS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, made_up: MadeUp):
    program: Program = request.param
    letter = KINDS[program.instrument].letter
    datasets = {name: f"{letter}dem01{number:02d}q" for number, name in enumerate([*FAILURES, WELL])}
    behaviours = {dataset: FAILURES[name].behaviour if name != WELL else "" for name, dataset in datasets.items()}
    folder = tmp_path_factory.mktemp("failing")
    site = set_up(folder, made_up.crds, program, behaviours)
    ran = site.hstdputils("process", "out", "b", f"--inputs={folder / 'inputs'}", *datasets.values())
    return program, Run(folder / "out", ran, datasets)


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.slow
def test_failure_ends_in_its_outcome(run, name):
    program, done = run
    failure, dataset = FAILURES[name], done.datasets[name]
    marker = marker_of(done.store, dataset, "failed")
    assert marker is not None, done.ran.said
    exit_code = program.stage if failure.exit_code == STAGE else failure.exit_code
    assert (marker["outcome"], marker["exit_code"]) == (failure.outcome, exit_code), marker["reason"]
    family = failure.family or FAMILIES[failure.outcome]
    assert fnmatch(marker["family"], family), (marker["family"], marker["reason"])
    assert failure.said.replace("@", f"{dataset}_{program.suffix}.fits") in marker["reason"]
    assert marker_of(done.store, dataset) is None
    (line,) = [line for line in done.ran.out.splitlines() if line.startswith(dataset)]
    assert f"{failure.outcome} (exit code {exit_code})" in line


@pytest.mark.slow
def test_the_others_go_on(run):
    program, done = run
    assert done.ran.status == 1
    assert "Traceback" not in done.ran.said
    marker = assert_complete(done.store, done.datasets[WELL])
    assert marker["versions"][program.name] == "10.5.0"
    succeeded = done.store / "b/markers/succeeded"
    assert [path.stem for path in succeeded.iterdir()] == [done.datasets[WELL]]


HANGS = """
from_child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
subprocess.Popen([sys.executable, "-c", from_child, os.getcwd()], close_fds=False)
pathlib.Path(makes[0]).write_bytes(product[:4000])
time.sleep(600)
"""


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
@pytest.mark.slow
def test_program_that_hangs_is_stopped_with_its_children(tmp_path, made_up, program):
    dataset = f"{KINDS[program.instrument].letter}dem0199q"
    site = set_up(tmp_path, made_up.crds, program, {dataset: HANGS})
    start = time.monotonic()
    ran = site.hstdputils("process", "out", "b", "--inputs=inputs", "--max-seconds=2", dataset)
    assert time.monotonic() - start < 20
    assert ran.status == 35, ran.said
    assert f"timeout (exit code 35): {program.name} was stopped after" in ran.out
    assert marker_of(tmp_path / "out", dataset, "failed")["outcome"] == "timeout"
    left = [words for process in psutil.process_iter(["cmdline"]) if (words := process.info["cmdline"] or [])]
    assert not [words for words in left if str(tmp_path) in " ".join(words)]
    assert not list((tmp_path / "work").rglob("*.fits"))
