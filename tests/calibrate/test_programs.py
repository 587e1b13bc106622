"""Calibration programs that fail in all the ways they do, played by small scripts."""

import json
import os
import subprocess
import sys
import time

import psutil
import pytest

from hstdputils.calibrate import running as program_run
from hstdputils.calibrate.programs import Programs
from hstdputils.calibrate.recipe import Command, Program
from hstdputils.calibrate.running import run_command
from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.records.log import AttemptLog
from hstdputils.records.metrics import Meter
from hstdputils.supervision import child_processes


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs a shell script as the program ``calxyz``."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")

    def run_script(
        script: str, max_seconds: float | None = None, used_seconds: float = 0.0, *, is_read: bool = True
    ) -> str:
        program = tmp_path / "bin" / "calxyz"
        program.write_text(f"#!/bin/bash\n{script}\n")
        program.chmod(0o755)
        command = Command(Program("calxyz", "calxyz", "get it"), ("a b.fits",), ExitCode.STAGE1, frozenset({0, 5}))
        with AttemptLog(tmp_path / "process.log") as log:
            run_command(command, [str(program)], tmp_path, {"lref": "/refs/"}, log, max_seconds, used_seconds)
        return (tmp_path / "process.log").read_text() if is_read else ""

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
    ("script", "outcome", "exit_code", "message"),
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
            "status 2: ERROR:    Missing. Warning    SATUFILE `x_sat.fits' not found or can't open.",
        ),
        ("kill -SEGV $$", Outcome.CALIBRATION_ERROR, ExitCode.STAGE1, "SIGSEGV"),
        ("kill -KILL $$", Outcome.OUT_OF_MEMORY, ExitCode.SUBPROCESS_MEMORY, "signal 9"),
        ("bash -c 'kill -KILL $$'; exit $?", Outcome.OUT_OF_MEMORY, ExitCode.SUBPROCESS_MEMORY, "status 137"),
        ("bash -c 'kill -SEGV $$'; exit $?", Outcome.CALIBRATION_ERROR, ExitCode.STAGE1, "SIGSEGV (status 139)"),
        ("exit 134", Outcome.CALIBRATION_ERROR, ExitCode.STAGE1, "SIGABRT (status 134): it printed nothing"),
        ("exit 200", Outcome.CALIBRATION_ERROR, ExitCode.STAGE1, "ended with status 200"),
        ("exit 128", Outcome.CALIBRATION_ERROR, ExitCode.STAGE1, "ended with status 128"),
        (
            "ulimit -f 1; head -c 9999999 /dev/zero >x; kill -XFSZ $$",
            Outcome.STORAGE_ERROR,
            ExitCode.STAGE1,
            "ulimit",
        ),
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
def test_why_a_program_failed(run, script, outcome, exit_code, message):
    with pytest.raises(AttemptFailed) as failure:
        run(script)
    assert (failure.value.outcome, failure.value.exit_code) == (outcome, exit_code)
    assert message in failure.value.reason
    assert "\n" not in failure.value.reason


@pytest.fixture
def hurried(monkeypatch):
    """Shorten the patience with what does not end by itself."""
    monkeypatch.setattr(program_run, "LINGER_SECONDS", 0.3)
    monkeypatch.setattr(child_processes, "TERMINATION_SECONDS", 0.5)


def running(*words):
    """Return the processes that were called so, but for those that nobody has asked about yet."""
    return [
        process
        for process in psutil.process_iter(["cmdline", "status"])
        if (process.info["cmdline"] or [])[: len(words)] == list(words)
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


LEAVES_BEHIND = {
    "in its group": "sleep {n} & exit 0",
    "in a session of its own": "setsid sleep {n} & exit 0",
    "twice forked": "(setsid bash -c 'sleep {n} & exit 0' &); exit 0",
    "without the output": "setsid sleep {n} >/dev/null 2>&1 & exit 0",
    "deaf to SIGTERM": "setsid bash -c 'trap \"\" TERM; sleep {n}; sleep {n}' & exit 0",
}


SLEEP = str(4_000_000 + os.getpid())
"""Seconds that no other process sleeps for."""


@pytest.mark.parametrize("script", LEAVES_BEHIND.values(), ids=LEAVES_BEHIND)
def test_what_a_program_leaves_behind_is_stopped_and_its_own_status_counts(run, hurried, script):
    start = time.monotonic()
    assert "exit status 0" in run(script.format(n=SLEEP), max_seconds=60)
    assert time.monotonic() - start < 30
    assert running("sleep", SLEEP) == []


HANGS = {
    "its daemon holds the output": "setsid sleep {n} & sleep {n}",
    "all are deaf to SIGTERM": "trap '' TERM; sleep {n} & sleep {n}",
    "it has closed its output": "exec >&- 2>&-; sleep {n}",
    "it stops itself": "setsid sleep {n} & kill -STOP $$",
    "it prints without end": "setsid sleep {n} & while :; do echo yes; done",
    "a line without end": "setsid sleep {n} & cat /dev/zero",
}


@pytest.mark.parametrize("script", HANGS.values(), ids=HANGS)
def test_time_limit_ends_a_program_and_its_daemons(run, hurried, script):
    start = time.monotonic()
    with pytest.raises(AttemptFailed) as failure:
        run(script.format(n=SLEEP), max_seconds=1)
    assert (failure.value.outcome, failure.value.exit_code) == (Outcome.TIMEOUT, ExitCode.TIME)
    assert "calxyz was stopped after 1 s" in failure.value.reason
    assert time.monotonic() - start < 30
    assert running("sleep", SLEEP) == []


def test_orphans_that_have_ended_are_reaped(run):
    run("for i in 1 2 3; do (setsid sleep 0.01 &); done; sleep 0.3")
    zombies = [process for process in psutil.Process().children() if process.status() == psutil.STATUS_ZOMBIE]
    assert zombies == []


def test_processes_of_others_are_left_alone(run):
    with subprocess.Popen(["sleep", "60"]) as mine:
        run("exit 0")
        assert mine.poll() is None
        mine.kill()


def test_programs_share_one_time_limit(run):
    with pytest.raises(AttemptFailed, match="calxyz was not started: the programs before it took all of 10 s"):
        run("exit 0", max_seconds=10, used_seconds=10.5)
    with pytest.raises(
        AttemptFailed, match="stopped after 10 s, of which the programs before it took 9 s"
    ) as failure:
        run("sleep 60", max_seconds=10, used_seconds=9.3)
    assert failure.value.outcome is Outcome.TIMEOUT


def test_output_that_is_no_text_is_no_problem(run):
    assert "exit status 0" in run(r"printf '\xff\xfe\n'")


def test_what_steers_a_terminal_is_told_in_letters(run):
    log = run(r"printf 'a\x1b[31mb\x00c\td\u2028e\n'")
    assert r"| a\x1b[31mb\x00c" + "\td" in log


def test_of_a_progress_bar_the_last_state_is_kept(run):
    log = run(r"printf '1 %%\r50 %%\r100 %%\r\nnext\r\n\rlast\r'")
    assert [line.split(" | ")[1] for line in log.splitlines()][1:-1] == ["100 %", "next", "last"]


@pytest.mark.parametrize(
    "script",
    ["yes | tr -d '\\n' | head -c 40000000", "yes 'a line of some length, as programs print' | head -c 40000000"],
    ids=["a line without end", "many lines"],
)
@pytest.mark.slow
def test_output_of_any_length_takes_little_memory(run, script):
    meter = Meter()
    with meter.step("before") as before:
        pass
    with meter.step("calxyz") as step:
        run(script, is_read=False)
    assert step.peak_memory_mib - before.peak_memory_mib < 25
    assert step.written_bytes > 40_000_000


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
    with pytest.raises(UserError, match=r"cannot be run .*: fix the program calnothing"):
        Programs({"calnothing": str(tmp_path / "calnothing")}).version(CALNOTHING)


MEASURED = """
import json, subprocess, sys
from dataclasses import asdict
from hstdputils.records.metrics import Meter

meter = Meter()
with meter.step("calxyz") as step:
    program = "x = bytearray(150_000_000); import time; time.sleep(0.6); open('x', 'w').write('x' * 10_000)"
    subprocess.run([sys.executable, "-c", program], check=True)
with meter.step("small") as small:
    pass
print(json.dumps([asdict(step), asdict(small), meter.peak_memory_mib, meter.cpu_seconds]))
"""
"""A program that has no other children than the one that is measured, as this process of tests may have."""


def test_metrics_see_the_whole_process_tree(tmp_path):
    ran = subprocess.run([sys.executable, "-c", MEASURED], cwd=tmp_path, capture_output=True, text=True, check=True)
    step, small, peak, cpu = json.loads(ran.stdout)
    assert 140 < step["peak_memory_mib"] - small["peak_memory_mib"] < 200
    assert peak == step["peak_memory_mib"]
    assert step["wall_seconds"] > 0.6
    assert cpu > 0
    assert step["written_bytes"] > 0
