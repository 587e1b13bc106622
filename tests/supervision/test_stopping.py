"""Signals become an exception, once, and never in a block that must not be cut off."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from hstdputils.core.errors import ExitCode
from hstdputils.supervision import stopping
from hstdputils.supervision.stopping import Overdue, Stopped, defer_stops, pause, stop_by_exception, time_limit


def send(number):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, ExitCode.CANCELLED),
        (signal.SIGINT, ExitCode.INTERRUPTED),
        (signal.SIGHUP, ExitCode.CANCELLED),
    ],
)
def test_signal_becomes_an_exception_that_no_library_swallows(number, code):
    def library():
        with contextlib.suppress(Exception):
            send(number)

    with stop_by_exception(), pytest.raises(Stopped) as caught:
        library()
    assert caught.value.exit_code == code
    assert caught.value.reason == f"stopped by {signal.Signals(number).name}"


def test_block_that_must_not_be_cut_off_runs_to_its_end():
    done = []

    def block():
        with defer_stops():
            send(signal.SIGTERM)
            with defer_stops():
                done.append("inner")
            done.append("outer")
        done.append("never")

    with stop_by_exception(), pytest.raises(Stopped):
        block()
    assert done == ["inner", "outer"]


def test_after_the_first_signal_what_tidies_up_is_left_alone():
    with stop_by_exception():
        with pytest.raises(Stopped):
            send(signal.SIGTERM)
        send(signal.SIGTERM)
        with defer_stops():
            send(signal.SIGINT)


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM)
    with stop_by_exception():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_waiting_threads_notice():
    with stop_by_exception():
        pause(0)
        with pytest.raises(Stopped):
            send(signal.SIGTERM)
        start = time.monotonic()
        with pytest.raises(Stopped):
            pause(30)
        assert time.monotonic() - start < 1


def test_thread_that_hangs_does_not_keep_the_process_alive():
    program = """if True:
        import os, signal, threading, time
        from hstdputils.supervision.stopping import Stopped, stop_by_exception
        with stop_by_exception():
            threading.Thread(target=time.sleep, args=(60,)).start()
            try:
                os.kill(os.getpid(), signal.SIGTERM)
            except Stopped:
                print("tidied up", flush=True)
    """
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (143, "tidied up\n"), done.stderr
    assert time.monotonic() - start < 5


def test_hangup_that_is_ignored_stays_ignored():
    earlier = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_by_exception():
            send(signal.SIGHUP)
            with pytest.raises(Stopped) as caught:
                send(signal.SIGTERM)
            assert caught.value.reason == "stopped by SIGTERM"
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, earlier)


def busy(seconds):
    """Be busy as a library is that never comes to an end, and swallows errors."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(Exception):
            sum(range(1000))


def test_time_limit_cuts_off_what_is_busy_and_what_waits():
    start = time.monotonic()
    for wait in (busy, time.sleep):
        with stop_by_exception(), pytest.raises(Overdue), time_limit(0.2):
            wait(30)
    assert time.monotonic() - start < 15
    with stop_by_exception(), time_limit(0.2):
        pass
    time.sleep(0.3)


def test_time_of_programs_does_not_count():
    with stop_by_exception(), time_limit(1.0) as limit:
        with limit.paused():
            time.sleep(1.3)
        with pytest.raises(Overdue):
            time.sleep(30)


def hold(do):
    with defer_stops():
        time.sleep(0.4)
        do()


def test_what_must_not_be_cut_off_is_ended_by_a_firm_limit_alone():
    done = []
    with stop_by_exception():
        with pytest.raises(Overdue), time_limit(0.1):
            hold(lambda: done.append("whole"))
        with pytest.raises(Overdue), time_limit(0.1, is_firm=True), defer_stops():
            time.sleep(30)
    assert done == ["whole"]


def test_tidying_up_that_hangs_is_cut_off_too(monkeypatch):
    monkeypatch.setattr(stopping, "OVERDUE_SECONDS", 0.2)

    def tidy_up():
        try:
            time.sleep(30)
        finally:
            time.sleep(30)

    with stop_by_exception(), pytest.raises(Overdue), time_limit(0.1):
        tidy_up()


def test_signal_comes_before_a_limit():
    with stop_by_exception(), time_limit(0.3):
        with pytest.raises(Stopped):
            send(signal.SIGTERM)
        time.sleep(1)


PROGRAM = """if True:
    import signal, threading, time
    from hstdputils.supervision import stopping
    from hstdputils.supervision.stopping import Overdue, end_with, stop_by_exception, time_limit
    stopping.OVERDUE_SECONDS = 0.2
    with stop_by_exception():
        try:
            with time_limit(0.2):
                {what}
        except Overdue:
            print("overdue")
    raise SystemExit(end_with(26))
"""


@pytest.mark.parametrize(
    ("what", "status", "out"),
    [
        ("threading.Thread(target=time.sleep, args=(60,)).start(); time.sleep(30)", 26, "overdue\n"),
        ("signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM]); time.sleep(30)", 35, ""),
    ],
    ids=["a transfer hangs", "nothing can be cut off"],
)
def test_process_ends_whatever_hangs(what, status, out):
    start, program = time.monotonic(), PROGRAM.format(what=what)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (status, out), done.stderr
    assert time.monotonic() - start < 20
