"""What is seen of a batch that runs: a table on a terminal, lines elsewhere."""

import io
import re

import pytest
from rich.console import Console

from hstdputils.progress import screen as screens
from hstdputils.progress.screen import Pace, Screen, sentence
from hstdputils.run.local_executor import RunProgress


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


def shown(terminal, **how):
    """Return a screen, and what is written on it."""
    text = io.StringIO()
    return Screen("night", Console(file=text, force_terminal=terminal, width=100, highlight=False), **how), text


def test_a_sentence():
    assert sentence("night", run_progress()) == (
        "night: 4 of 10 datasets have ended: 3 succeeded, 1 calibration_error, 2 running, 4 waiting"
    )
    assert sentence("night", run_progress(), 61.0).endswith("4 waiting, about 0:01:01 left")


def test_how_long_yet(clock):
    pace = Pace()
    assert pace.left(run_progress(succeeded=0, failed=0)) is None
    clock[0] += 10
    assert pace.left(run_progress(succeeded=2, failed=0)) == pytest.approx(40)
    assert pace.left(run_progress(succeeded=10, failed=0)) is None


def test_lines_where_there_is_no_terminal(clock):
    screen, text = shown(terminal=False)
    with screen:
        screen.show(run_progress())
        screen.show(run_progress(succeeded=4))
        clock[0] += screens.LINE_SECONDS
        screen.show(run_progress(succeeded=5))
        screen.print("j8cb010b0  out_of_memory: again")
        screen.show(run_progress(succeeded=9, running=0))
    lines = [re.sub("^[0-9:]{8}  ", "", line) for line in text.getvalue().splitlines()]
    assert [line.partition(" of ")[0] for line in lines] == [
        "night: 4",
        "night: 6",
        "j8cb010b0  out_of_memory: again",
        "night: 10",
    ]


def test_a_table_on_a_terminal(clock):
    screen, text = shown(terminal=True)
    with screen:
        screen.show(run_progress())
        screen.print("j8cb010b0  out_of_memory: again")
        clock[0] += 10
        screen.show(run_progress(succeeded=5))
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.getvalue())
    assert "4 of 10" in plain
    assert "6 of 10, about 20.0 s left" in plain
    assert "j8cb010b0  out_of_memory: again" in plain
    assert re.search(r"1 +calibration_error", plain)


def test_quiet(clock):
    for terminal in (False, True):
        screen, text = shown(terminal, quiet=True)
        with screen:
            screen.show(run_progress())
            screen.print("j8cb010b0  out_of_memory: again")
        assert text.getvalue().splitlines() == ["j8cb010b0  out_of_memory: again"]
