"""Calibration programs that fail in all the ways they do, played by small scripts."""

import sys
import time

import psutil
import pytest

from hstdputils.calibrate.programs import Programs
from hstdputils.calibrate.recipe import Command, Program
from hstdputils.calibrate.running import run_command
from hstdputils.errors import UserError
from hstdputils.exit_codes import ExitCode
from hstdputils.outcomes import AttemptFailed, Outcome
from hstdputils.records.log import AttemptLog
from hstdputils.records.metrics import Meter


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs a shell script as the program ``calxyz``."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")

    def run_script(script: str, max_seconds: float | None = None) -> str:
        program = tmp_path / "bin" / "calxyz"
        program.write_text(f"#!/bin/bash\n{script}\n")
        program.chmod(0o755)
        command = Command(Program("calxyz", "calxyz", "get it"), ("a b.fits",), ExitCode.STAGE1, frozenset({0, 5}))
        with AttemptLog(tmp_path / "process.log") as log:
            run_command(command, [str(program)], tmp_path, {"lref": "/refs/"}, log, max_seconds)
        return (tmp_path / "process.log").read_text()

    return run_script


def test_what_a_program_prints_goes_to_the_log_with_times(run):
    log = run('echo "out $1 $lref"; echo err >&2; printf "no newline"; exit 5')
    assert [line.split(" | ")[1] for line in log.splitlines()] == [
        "run: calxyz a b.fits",
        "out a b.fits /refs/",
        "err",
        "no newline",
        "exit status 5",
    ]
    assert all(line[:2] == "20" and line[23] == "Z" for line in log.splitlines())


@pytest.mark.parametrize(
    ("script", "outcome", "exit_code", "said"),
    [
        ("exit 1", Outcome.CALIBRATION_ERROR, ExitCode.STAGE1, "status 1: it printed nothing"),
        ("echo hello; exit 3", Outcome.CALIBRATION_ERROR, ExitCode.STAGE1, "status 3: hello"),
        (
            "echo 'ERROR: no such row'; echo bye; exit 16",
            Outcome.CALIBRATION_ERROR,
            ExitCode.STAGE1,
            "status 16: ERROR: no such row",
        ),
        (
            "echo '  File x.py'; echo 'RuntimeError: output file already exists' >&2; exit 1",
            Outcome.CALIBRATION_ERROR,
            ExitCode.STAGE1,
            "RuntimeError: output file already exists",
        ),
        (
            "cat <<'END'\nWarning    SATUFILE `x_sat.fits' not found or can't open.\nERROR:    Missing.\nEND\nexit 2",
            Outcome.CALIBRATION_ERROR,
            ExitCode.STAGE1,
            "ERROR:    Missing. Warning    SATUFILE `x_sat.fits' not found or can't open.",
        ),
        ("kill -SEGV $$", Outcome.CALIBRATION_ERROR, ExitCode.STAGE1, "SIGSEGV"),
        ("kill -KILL $$", Outcome.OUT_OF_MEMORY, ExitCode.SUBPROCESS_MEMORY, "signal 9"),
        ("echo MemoryError; exit 1", Outcome.OUT_OF_MEMORY, ExitCode.SUBPROCESS_MEMORY, "MemoryError"),
        ("echo 'std::bad_alloc'; exit 134", Outcome.OUT_OF_MEMORY, ExitCode.SUBPROCESS_MEMORY, "bad_alloc"),
        (
            "echo 'OSError: [Errno 12] Cannot allocate memory'; exit 1",
            Outcome.OUT_OF_MEMORY,
            ExitCode.OS_MEMORY,
            "Cannot allocate",
        ),
        (
            "echo 'OSError: [Errno 28] No space left on device'; exit 1",
            Outcome.STORAGE_ERROR,
            ExitCode.STAGE1,
            "free some space",
        ),
    ],
)
def test_why_a_program_failed(run, script, outcome, exit_code, said):
    with pytest.raises(AttemptFailed) as failure:
        run(script)
    assert (failure.value.outcome, failure.value.exit_code) == (outcome, exit_code)
    assert said in failure.value.reason
    assert "\n" not in failure.value.reason


def test_a_program_that_hangs_is_stopped_with_all_that_it_started(run):
    start = time.monotonic()
    with pytest.raises(AttemptFailed) as failure:
        run("trap '' TERM; sleep 4321 & sleep 4321", max_seconds=0.5)
    assert failure.value.outcome is Outcome.TIMEOUT
    assert failure.value.exit_code is ExitCode.TIME
    assert time.monotonic() - start < 10
    assert [p for p in psutil.process_iter(["cmdline"]) if (p.info["cmdline"] or [])[:2] == ["sleep", "4321"]] == []


def test_what_a_program_leaves_behind_is_stopped_too(run):
    with pytest.raises(AttemptFailed) as failure:
        run("sleep 4322 & exit 0", max_seconds=0.5)
    assert failure.value.outcome is Outcome.TIMEOUT
    assert [p for p in psutil.process_iter(["cmdline"]) if (p.info["cmdline"] or [])[:2] == ["sleep", "4322"]] == []


def test_output_that_is_no_text_is_no_problem(run):
    assert "exit status 0" in run(r"printf '\xff\xfe\n'")


CALNOTHING = Program("calnothing", "calnothing", "install it")


def test_programs_are_found_where_make_hstcal_puts_them(tmp_path, monkeypatch):
    own, other, named = (tmp_path / name / "calnothing" for name in ("hstcal/bin", "bin", "named"))
    for path in (own, other, named):
        path.parent.mkdir(parents=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert Programs().find(CALNOTHING) == [str(own)]
    monkeypatch.setenv("PATH", f"/usr/bin:{other.parent}")
    assert Programs().find(CALNOTHING) == [str(other)]
    assert Programs({"calnothing": str(named)}).find(CALNOTHING) == [str(named)]


def test_a_missing_program_is_one_line_with_advice():
    with pytest.raises(UserError, match="calnothing is not on PATH: install it"):
        Programs().find(CALNOTHING)


def test_a_site_names_its_own_build_or_a_command_of_several_words(tmp_path):
    build = tmp_path / "calnothing-10.5"
    build.write_text('#!/bin/sh\necho "$1 10.5.1 (a date)"\n')
    build.chmod(0o755)
    programs = Programs({"calnothing": f"env -u LANG {build} --some"})
    words = programs.find(CALNOTHING)
    assert words[0].endswith("/env")
    assert words[1:] == ["-u", "LANG", str(build), "--some"]
    assert programs.version(CALNOTHING) == "10.5.1"


def test_the_python_of_a_script_is_asked_for_its_distribution_and_not_the_script(tmp_path):
    script = tmp_path / "pytestish"
    script.write_text(f"#!{sys.executable}\nraise SystemExit('it ran')\n")
    script.chmod(0o755)
    program = Program("pytestish", "pytest", "install it")
    assert Programs({"pytestish": str(script)}).version(program) == pytest.__version__


@pytest.mark.parametrize("named", ["/nowhere/calnothing", "/etc/passwd", "  "])
def test_a_named_program_that_cannot_be_run_is_one_line(named):
    with pytest.raises(UserError, match="named as the program calnothing, is not there or cannot be run: correct it"):
        Programs({"calnothing": named}).find(CALNOTHING)


def test_a_program_of_another_machine_is_one_line(tmp_path):
    (tmp_path / "calnothing").write_bytes(b"\x7fELF of another machine")
    (tmp_path / "calnothing").chmod(0o755)
    with pytest.raises(UserError, match=r"cannot be run .*: mend the program calnothing"):
        Programs({"calnothing": str(tmp_path / "calnothing")}).version(CALNOTHING)


def test_metrics_see_the_whole_process_tree(run):
    meter = Meter()
    with meter.step("calxyz") as step:
        run("python3 -c 'x = bytearray(150_000_000); import time; time.sleep(0.6)'")
    with meter.step("small") as small:
        pass
    assert 140 < step.peak_memory_mib - small.peak_memory_mib < 200
    assert meter.peak_memory_mib == step.peak_memory_mib
    assert step.wall_seconds > 0.6
    assert meter.cpu_seconds > 0
    assert step.written_bytes > 0
