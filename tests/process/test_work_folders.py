import threading
import time

import pytest

from hstdputils.core.outcomes import AttemptFailed
from hstdputils.process.work_folder import WorkFolders


@pytest.fixture
def folders(tmp_path):
    return WorkFolders(tmp_path / "work", "b", "ldfd01vlq")


def test_a_dataset_is_worked_on_once_at_a_time(folders):
    with (
        folders.locked(),
        pytest.raises(AttemptFailed, match=r"process \d+ on .* is at work on .*ldfd01vlq"),
        folders.locked(),
    ):
        pass
    with folders.locked():
        pass


def test_waiting_for_another(folders):
    order = []

    def hold():
        with folders.locked():
            held.set()
            time.sleep(0.3)
            order.append("first")

    held = threading.Event()
    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    with folders.locked(wait=True):
        order.append("second")
    other.join()
    assert order == ["first", "second"]


def test_what_killed_attempts_left_is_removed_and_results_stay(folders, tmp_path):
    home = tmp_path / "work" / "b" / "ldfd01vlq"
    (home / "attempt-killed" / "data").mkdir(parents=True)
    (home / "attempt-done").mkdir()
    (home / "attempt-done" / "marker.json").write_text("{}")
    with folders.locked():
        new = folders.new()
        assert list(new.iterdir()) == []
        assert {path.name for path in home.iterdir() if path.is_dir()} == {"attempt-done", new.name}


def test_nothing_is_left_of_an_empty_folder(folders, tmp_path):
    with folders.locked():
        folders.new().rmdir()
    assert list((tmp_path / "work").iterdir()) == []
