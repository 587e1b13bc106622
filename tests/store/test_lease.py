"""Leases: one process at a time, and what is left of one that was killed."""

import json
import os
import subprocess
import sys
import time

import pytest

from hstdputils.core.errors import StoreError, UserError
from hstdputils.store import lease
from hstdputils.store.folder import FolderStore
from tests.waiting import wait_until

PREFIX = "b/jobs/lease/"


@pytest.fixture
def store(tmp_path):
    return FolderStore(tmp_path)


def held(store):
    names = sorted(entry.key for entry in store.entries(PREFIX))
    return json.loads(store.get_bytes(names[-1]))


def test_one_at_a_time(store):
    with lease.hold(store, PREFIX) as mine:
        mine.check()
        with pytest.raises(UserError, match=f"process {os.getpid()} on .* is working"), lease.hold(store, PREFIX):
            pass
    assert held(store)["released"]
    for _ in range(5):
        with lease.hold(store, PREFIX):
            pass
    assert len(list(store.entries(PREFIX))) <= 3


def test_it_is_free_after_an_error(store):
    with pytest.raises(ZeroDivisionError), lease.hold(store, PREFIX):
        1 / 0  # noqa: B018
    with lease.hold(store, PREFIX):
        pass


HOLDS = """
import sys, time
from hstdputils.store import lease
from hstdputils.store.folder import FolderStore; from hstdputils.core.errors import StoreError

with lease.hold(FolderStore(sys.argv[1]), sys.argv[2]):
    time.sleep(60)
"""


def test_of_a_killed_process_it_is_taken_over_at_once(store):
    process = subprocess.Popen([sys.executable, "-c", HOLDS, str(store.root), PREFIX])
    wait_until(lambda: list(store.entries(PREFIX)), process)
    with pytest.raises(UserError, match="is working"), lease.hold(store, PREFIX):
        pass
    process.kill()
    process.wait()
    start = time.monotonic()
    with lease.hold(store, PREFIX):
        assert time.monotonic() - start < 1


def elsewhere(store, word, number=1):
    """Leave the lease of a process on another machine."""
    holder = {"host": "other", "boot": "another boot", "pid": 1, "begun": 0.0, "word": word, "released": False}
    store.put_bytes(json.dumps(holder).encode(), f"{PREFIX}{number:06d}")


def test_a_lease_of_another_machine_is_taken_over_when_it_is_not_renewed(store, monkeypatch):
    monkeypatch.setattr(lease, "STALE_SECONDS", 1.5)
    elsewhere(store, "a")
    start = time.monotonic()
    with lease.hold(store, PREFIX):
        assert time.monotonic() - start > 1.4


def test_of_another_machine_that_is_at_work_it_is_left(store, monkeypatch):
    words = iter("abcdefgh")
    monkeypatch.setattr(lease.time, "sleep", lambda seconds: elsewhere(store, next(words)))
    elsewhere(store, "begun")
    with pytest.raises(UserError, match="process 1 on other is working on this batch: wait until it ends"):
        lease._take(store, PREFIX)


def is_lost(mine):
    try:
        mine.check()
    except UserError:
        return True
    return False


def test_who_has_lost_it_makes_no_more(store, monkeypatch):
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.05)
    with lease.hold(store, PREFIX) as mine:
        elsewhere(store, "a", number=2)
        wait_until(lambda: is_lost(mine), seconds=10)
        with pytest.raises(UserError, match="another process has taken over: run it again"):
            mine.check()
    assert not held(store)["released"]


def test_who_cannot_renew_it_makes_no_more(store, monkeypatch):
    monkeypatch.setattr(lease, "STALE_SECONDS", 0.2)
    with lease.hold(store, PREFIX) as mine:
        time.sleep(0.2)
        with pytest.raises(UserError, match="could not be written for too long"):
            mine.check()


class Lossy(FolderStore):
    """A store that loses writes, or the answers to them."""

    lost = ""

    def put_bytes(self, data, key, *, only_if_absent=False):
        if self.lost == "write":
            raise StoreError("access is denied")
        written = super().put_bytes(data, key, only_if_absent=only_if_absent)
        if self.lost == "answer":
            self.lost = ""
            return False  # as where the same request is sent twice, and the second finds what the first has written
        return written


def test_of_this_process_it_can_be_had_again_where_its_end_could_not_be_written(tmp_path):
    store = Lossy(tmp_path)
    with lease.hold(store, PREFIX):
        store.lost = "write"
    store.lost = ""
    assert not held(store)["released"]
    with lease.hold(store, PREFIX) as mine:
        mine.check()


def test_a_lost_answer_does_not_keep_this_process_out(tmp_path):
    store = Lossy(tmp_path)
    store.lost = "answer"
    with lease.hold(store, PREFIX) as mine:
        mine.check()
        with pytest.raises(UserError, match="is working"), lease.hold(store, PREFIX):
            pass
