"""What is seen of a batch that runs: a live line on a terminal, lines elsewhere, a summary at the end."""

import contextlib
import io
import os
import pty
import re

import pytest
from rich.console import Console

from hstdputils.core.outcomes import Outcome
from hstdputils.progress import screen as screens
from hstdputils.progress import status_lines
from hstdputils.progress.run_progress import Failed, Pace, RunProgress, Usage
from hstdputils.progress.screen import FD_VARIABLE, MAX_FAILURE_LINES, Screen, can_be_live
from hstdputils.progress.status_lines import (
    MAX_FAMILIES,
    LiveLine,
    family_lines,
    next_steps,
    rate_text,
    sentence,
    summary,
)
from hstdputils.records.families import group

USAGE = Usage(cores=4, all_cores=8, memory_mib=12_288, all_memory_mib=28_672)


def run_progress(succeeded=3, running=2, failed=1, total=10):
    made = RunProgress(total, succeeded, running)
    made.failed["calibration_error"] = failed
    return made


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that the test moves."""
    now = [100.0]
    monkeypatch.setattr(screens.time, "monotonic", lambda: now[0])
    return now


def shown(terminal, *, width=100, **how):
    """Return a screen, and what is written on it."""
    text = io.StringIO()
    return Screen("night", Console(file=text, force_terminal=terminal, width=width, highlight=False), **how), text


def line(width, **values):
    """Return the live line at a width."""
    given = {"batch": "night", "progress": run_progress(total=1_234), "per_second": 0.5, "left": 3661.0}
    given |= {"usage": USAGE, "activity": "", "seconds": 12.0}
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(LiveLine(**(given | values)))
    return console.file.getvalue()


def test_a_sentence():
    assert sentence("night", run_progress()) == (
        "night: 4 of 10 datasets have ended: 3 succeeded, 1 calibration_error, 2 running, 4 waiting"
    )
    assert sentence("night", run_progress(), 61.0, 0.5).endswith("4 waiting, 30/min, about 0:01:01 left")


@pytest.mark.parametrize(
    ("per_second", "text"), [(25, "25/s"), (2.5, "2.5/s"), (1, "60/min"), (0.05, "3.0/min"), (0.001, "3.6/h")]
)
def test_rates(per_second, text):
    assert rate_text(per_second) == text


def test_how_long_yet(clock):
    pace = Pace()
    assert pace.left(run_progress(succeeded=0, failed=0)) is None
    clock[0] += 10
    assert pace.left(run_progress(succeeded=2, failed=0)) == pytest.approx(40)
    assert pace.left(run_progress(succeeded=10, failed=0)) is None


def test_the_rate_is_that_of_late(clock):
    pace = Pace(window=100)
    for n in range(100):
        pace.left(run_progress(succeeded=n, failed=0, total=1000))
        clock[0] += 1 if n < 50 else 10
    pace.left(run_progress(succeeded=100, failed=0, total=1000))
    assert pace.per_second == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize("width", [20, 40, 59, 60, 80, 100, 120, 200])
def test_the_live_line_is_one_line_that_fits(width):
    text = line(width).rstrip("\n")
    assert "\n" not in text
    assert len(text) <= width
    assert "4/1,234" in text
    if width >= 60:
        assert "1 failed" in text
        assert "1:01:01 left" in text
    if width >= 120:
        assert "2 running" in text
        assert "30/min" in text
        assert "4/8 cores" in text
        assert "12.0/28.0 GiB" in text


def test_the_live_line_names_what_goes_on_beside_datasets():
    assert line(80, activity="planning").rstrip() == "night  planning… 0:00:12"
    assert "starting… 0:00:12" in line(80, progress=None)
    assert len(line(20, activity="downloading references").rstrip()) <= 20


def test_lines_where_there_is_no_terminal(clock):
    screen, text = shown(terminal=False)
    with screen:
        screen.show(run_progress())
        screen.show(run_progress(succeeded=4))
        clock[0] += screens.FIRST_SECONDS
        screen.show(run_progress(succeeded=5))
        screen.print("j8cb010b0  out_of_memory: again")
        screen.show(run_progress(succeeded=9, running=0))
    lines = [re.sub("^[0-9:]{8}  ", "", one) for one in text.getvalue().splitlines()]
    assert [one.partition(" of ")[0] for one in lines] == [
        "night: 4",
        "night: 6",
        "j8cb010b0  out_of_memory: again",
        "night: 10",
    ]


def test_a_log_of_a_day_is_no_flood(clock):
    screen, text = shown(terminal=False)
    with screen:
        for n in range(0, 86_400, 10):
            screen.show(run_progress(succeeded=n // 10, total=10_000))
            clock[0] += 10
    assert 100 < len(text.getvalue().splitlines()) < 250


def test_a_live_line_on_a_terminal(clock):
    screen, text = shown(terminal=True, live=True)
    with screen:
        screen.show(run_progress())
        screen.failure("j8cb010b0", "calibration_error", "calacs.e:\nno \x1b]0;such file", "logs/night/j8cb010b0.log")
        clock[0] += 10
        screen.show(run_progress(succeeded=5))
        screen._live.refresh()
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.getvalue())
    assert "6/10  1 failed  2 running  12/min  0:00:20 left" in plain
    failure = r"j8cb010b0  calibration_error: calacs.e: no \x1b]0;such file  (logs/night/j8cb010b0.log)"
    assert failure in plain


@pytest.mark.parametrize("width", [40, 60, 100])
def test_a_failure_is_one_line(width):
    screen, text = shown(terminal=True, width=width, live=False)
    screen.failure("j8cb010b0", "calibration_error", f"calacs.e {'x' * 300}", "logs/night/j8cb010b0.log")
    (one,) = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.getvalue()).splitlines()
    assert len(one) <= width
    assert "calibration_error: " in one
    assert ("logs/night/j8cb010b0.log" in one) == (width >= 100)


def test_many_failures_are_counted():
    screen, text = shown(terminal=False)
    for number in range(1000):
        screen.failure(f"l{number:07}q", "timeout", "too slow")
    lines = text.getvalue().splitlines()
    assert len(lines) == MAX_FAILURE_LINES + 1
    assert "counted" in lines[-1]


def test_quiet(clock):
    for terminal in (False, True):
        screen, text = shown(terminal, quiet=True, live=terminal)
        with screen:
            screen.show(run_progress())
            screen.print("j8cb010b0  out_of_memory: again")
        assert text.getvalue().splitlines() == ["j8cb010b0  out_of_memory: again"]


def test_the_summary_has_fifteen_lines_at_most():
    progress = run_progress(succeeded=1, running=0, failed=50, total=60)
    for n in range(30):
        for _ in range(50 - n):
            progress.failures.append(Failed(f"l{n:07}q", Outcome.TIMEOUT, "x" * 500, f"family_{n}"))
    families = group(progress.failures)
    places = [("report", "r.html"), ("log", "l"), *next_steps("results/night", "snakemake", succeeded=False)]
    lines = [text.plain for text in summary("night", progress, 3600, families, places)]
    assert len(lines) <= 15
    assert lines[0] == "night: 1 of 60 datasets succeeded, 50 failed, 9 not done, in 1:00:00"
    assert sum("  timeout: " in one for one in lines) == MAX_FAMILIES
    assert "24 other families" in lines[MAX_FAMILIES + 1]
    assert lines[-1] == "again   snakemake"
    assert [text.plain for text in summary("night", run_progress(10, 0, 0), 61, end="stopped")] == [
        "night: stopped: 10 of 10 datasets succeeded, in 0:01:01"
    ]


def test_no_colours_where_none_are_wanted(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    text = io.StringIO()
    screen = Screen("night", Console(file=text, force_terminal=True, width=100, highlight=False), live=False)
    screen.failure("j8cb010b0", "calibration_error", "no")
    screen.summary(run_progress(), group([Failed("l0000001q", Outcome.TIMEOUT, "no")]))
    assert "\x1b[3" not in text.getvalue()


def test_forced_colours_make_no_terminal_of_a_log(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    console = Console(file=io.StringIO())
    assert console.is_terminal
    assert not can_be_live(console)


def read_all(terminal):
    """Yield what was written to a terminal that has been closed."""
    with os.fdopen(terminal, "rb", buffering=0) as file, contextlib.suppress(OSError):
        while part := file.read(4096):
            yield part


def test_a_command_whose_output_is_a_log_has_the_screen_that_is_named(monkeypatch, capfd):
    main, terminal = pty.openpty()
    monkeypatch.setenv(FD_VARIABLE, str(terminal))
    screen = Screen("night")
    assert FD_VARIABLE not in os.environ
    assert can_be_live(screen.console)
    screen.print("a note")
    screen.summary(run_progress(), [], [("next", "what Snakemake's own screen says")])
    screen.console.file.close()
    seen = b"".join(read_all(main)).decode()
    assert "a note" in seen
    assert "3 of 10 datasets succeeded" in seen
    assert "next" not in seen
    assert "a note" in capfd.readouterr().err


def test_a_screen_that_is_not_there_is_standard_error(monkeypatch, capfd):
    monkeypatch.setenv(FD_VARIABLE, "987")
    Screen("night").print("a note")
    assert capfd.readouterr().err == "a note\n"


def test_what_is_counted_of_a_run():
    progress = RunProgress(5, 1)
    progress.fail("l0000001q", Outcome.TIMEOUT, "too slow")
    progress.fail("l0000002q", Outcome.TIMEOUT, "too slow")
    progress.fail("l0000003q", Outcome.CALIBRATION_ERROR, "calcos: a word that nobody knows")
    lines = [text.plain for text in family_lines(group(progress.failures))]
    assert lines[0].startswith("      2  timeout: ")
    assert lines[1] == "      1  calibration_error: calcos: a word that nobody knows (l0000003q)"
    assert status_lines.count_failed(progress.counts()) == 3
