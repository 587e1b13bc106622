"""Signals become an exception, once, and never in a block that must not be cut off."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from hstdputils.exit_codes import ExitCode
from hstdputils.stopping import Stopped, not_stopped_here, pause, stop_by_exception


def send(number):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, ExitCode.CANCELLED), (signal.SIGINT, ExitCode.INTERRUPTED)]
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
        with not_stopped_here():
            send(signal.SIGTERM)
            with not_stopped_here():
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
        with not_stopped_here():
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
        from hstdputils.stopping import Stopped, stop_by_exception
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
