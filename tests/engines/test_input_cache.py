"""The input cache: what is there already is not fetched again, and counts only when it is whole."""

import json
import os
import shutil
import signal
import sys
import tarfile
import threading
import time
from pathlib import Path

import pytest

from hstdputils.calibrate.cos import RECIPE
from hstdputils.core.datasets import parse_dataset
from hstdputils.inputs.cache import RECORD, InputCache
from hstdputils.inputs.cached_source import CachedSource
from hstdputils.inputs.fetch import fetch_inputs
from hstdputils.inputs.folder import FolderSource
from hstdputils.inputs.unpacking import Unpacker
from tests.engines.honesty import assert_complete, digest
from tests.engines.interrupting import Running

pytestmark = pytest.mark.engine("CRDS", "astroquery", "S3 (moto)")

DATASET, MEMBER = "ldem01acq", "ldem01f1q"
FOLDER = Path("kept/ldem") / DATASET
RAW = f"{DATASET}_rawacq.fits"


def call(batch, *more):
    return ("process", "results", batch, "--inputs=mast:", "--keep-inputs=kept", *(more or [DATASET]))


def assert_cached(folder: Path, original: Path):
    """Check that a folder of the cache holds the files as the archive has them, and a record."""
    assert {path.name for path in folder.iterdir()} == {path.name for path in original.iterdir()} | {RECORD}
    for path in original.iterdir():
        assert digest(folder / path.name) == digest(path), path.name


def staged(folder):
    """Return what is left of folders that were being made."""
    return list(folder.glob("kept/*/.*"))


@pytest.mark.slow
def test_another_batch_asks_the_network_for_nothing(with_mast, mast, made_up):
    assert with_mast.hstdputils(*call("b", DATASET, MEMBER)).status == 0
    assert len(mast.of("file")) == 4
    mast.asked.clear()
    ran = with_mast.hstdputils(*call("c", DATASET, MEMBER))
    assert ran.status == 0, ran.said
    assert mast.asked == []
    for name in (DATASET, MEMBER):
        assert_cached(with_mast.folder / "kept/ldem" / name, made_up.inputs / "ldem" / name)
        assert_complete(with_mast.folder / "results", name, "c")
    stored = with_mast.folder / "results/c" / DATASET / RAW
    assert digest(stored) != digest(with_mast.folder / FOLDER / RAW), "calibration changes the headers of its copy"
    assert "from kept" in (with_mast.folder / "results/c" / DATASET / "process.log").read_text()


@pytest.mark.slow
def test_downloads_from_s3_are_cached_too(with_stand_in, s3, public_bucket, proxy, made_up):
    variables = {**s3.variables, "AWS_ENDPOINT_URL": proxy.endpoint}
    arguments = ("--keep-inputs=kept", DATASET)
    assert with_stand_in.hstdputils("process", "results", "b", *arguments, **variables).status == 0
    proxy.requests.clear()
    assert with_stand_in.hstdputils("process", "results", "c", *arguments, **variables).status == 0
    assert proxy.requests == []
    assert_cached(with_stand_in.folder / FOLDER, made_up.inputs / "ldem" / DATASET)


@pytest.mark.slow
def test_a_tarball_is_cached_as_it_is(with_stand_in, s3, proxy, made_up):
    with tarfile.open(with_stand_in.folder / f"{DATASET}.tar.gz", "w:gz", compresslevel=1) as archive:
        archive.add(made_up.inputs / "ldem" / DATASET, DATASET)
    s3.make_bucket("private")
    s3.client.upload_file(str(with_stand_in.folder / f"{DATASET}.tar.gz"), "private", f"{DATASET}.tar.gz")
    variables = {**s3.variables, "AWS_ENDPOINT_URL": proxy.endpoint}
    for batch in ("b", "c"):
        proxy.requests.clear()
        arguments = ("--inputs=s3://private", "--keep-inputs=kept", DATASET)
        ran = with_stand_in.hstdputils("process", "results", batch, *arguments, **variables)
        assert ran.status == 0, ran.said
        assert bool(proxy.requests) == (batch == "b")


def test_the_workflow_keeps_inputs(with_mast, mast):
    """The key of the configuration becomes the option of ``process``."""
    code = (
        "import sys; from hstdputils.workflow_run.run import Run; "
        "print(Run(dict(ids='i', batch='b', {})).arguments.process)"
    )
    for setting, is_there in (("keep_inputs='kept'", True), ("", False)):
        ran = with_mast.run("python", "-c", code.format(setting))
        assert ("--keep-inputs=kept" in ran.out) == is_there, ran.said


@pytest.mark.slow
def test_two_processes_at_once(with_mast, mast, way_to_mast, made_up):
    """Both have asked before either can keep anything."""
    way_to_mast.disturb("GET", RAW, hold=True)
    calls = [(sys.executable, "-m", f"hstdputils.{word}", *rest) for word, *rest in (call("b"), call("c"))]
    running = [Running(with_mast, *argv) for argv in calls]
    running[0].wait_for(lambda: sum(RAW in request.query for request in way_to_mast.of("GET")) == 2)
    way_to_mast.let_go()
    for one in running:
        ran = one.end()
        assert ran.status == 0, ran.said
        assert "note:" not in ran.err
    assert_cached(with_mast.folder / FOLDER, made_up.inputs / "ldem" / DATASET)
    assert not staged(with_mast.folder)
    for batch in ("b", "c"):
        assert_complete(with_mast.folder / "results", DATASET, batch)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
@pytest.mark.slow
def test_an_interrupted_fetch_leaves_nothing_that_counts(with_mast, mast, way_to_mast, made_up, number):
    held = way_to_mast.disturb("GET", RAW, hold=True)
    running = Running(with_mast, sys.executable, "-m", "hstdputils.process", *call("b")[1:])
    running.wait_for(held.seen.is_set)
    running.wait_for(lambda: f"{DATASET}_spt.fits" in mast.of("file"))
    seconds = running.interrupt(number)
    ran = running.end()
    assert ran.status == (143 if number is signal.SIGTERM else -signal.SIGKILL), ran.said
    assert seconds < 10
    assert "Traceback" not in ran.said
    assert not (with_mast.folder / FOLDER).exists()
    way_to_mast.let_go()
    ran = with_mast.hstdputils(*call("b"))
    assert ran.status == 0, ran.said
    assert_cached(with_mast.folder / FOLDER, made_up.inputs / "ldem" / DATASET)


def cut_a_file(folder):
    with (folder / RAW).open("r+b") as file:
        file.truncate(1000)


def remove_a_file(folder):
    (folder / f"{DATASET}_spt.fits").unlink()


@pytest.mark.parametrize("damage", [cut_a_file, remove_a_file])
@pytest.mark.slow
def test_a_damaged_folder_does_not_count_and_is_mended(with_mast, mast, made_up, damage):
    assert with_mast.hstdputils(*call("b")).status == 0
    damage(with_mast.folder / FOLDER)
    mast.asked.clear()
    ran = with_mast.hstdputils(*call("c"))
    assert ran.status == 0, ran.said
    assert len(mast.of("file")) == 2
    assert_cached(with_mast.folder / FOLDER, made_up.inputs / "ldem" / DATASET)


@pytest.mark.parametrize("record", ["none", "of another source"])
def test_a_folder_of_something_else_is_left_alone(with_mast, mast, made_up, record):
    folder = shutil.copytree(made_up.inputs / "ldem" / DATASET, with_mast.folder / FOLDER)
    cut_a_file(folder)
    if record != "none":
        files = {path.name: path.stat().st_size for path in folder.iterdir()}
        suffixes = sorted(RECIPE.input_suffixes)
        digests = {path.name: digest(path) for path in folder.iterdir()}
        content = {"source": "s3://my-own/raws", "suffixes": suffixes, "files": files, "sha256": digests}
        (folder / RECORD).write_text(json.dumps(content))
    before = {path.name: digest(path) for path in folder.iterdir()}
    ran = with_mast.hstdputils(*call("b"))
    assert ran.status == 0, ran.said
    assert f"note: {FOLDER} holds files of another source, so that those of mast: are not cached" in ran.err
    assert {path.name: digest(path) for path in folder.iterdir()} == before
    assert len(mast.of("file")) == 2
    assert not staged(with_mast.folder)


def test_a_folder_named_first_comes_before_the_cache(with_mast, mast, made_up):
    assert with_mast.hstdputils(*call("b")).status == 0
    own = shutil.copytree(made_up.inputs / "ldem" / DATASET, with_mast.folder / "own" / DATASET)
    ran = with_mast.hstdputils("process", "results", "c", "--inputs=own", *call("c")[3:])
    assert ran.status == 0, ran.said
    assert own.is_dir()
    assert "from own" in (with_mast.folder / "results/c" / DATASET / "process.log").read_text()


def test_a_full_disk_keeps_nothing_and_spoils_nothing(with_mast, mast):
    """A file stands where the folder should be made."""
    (with_mast.folder / "kept").mkdir()
    (with_mast.folder / "kept/ldem").write_text("in the way")
    ran = with_mast.hstdputils(*call("b"))
    assert ran.status == 0, ran.said
    assert f"note: the inputs of {DATASET} are not cached (" in ran.err
    assert "Traceback" not in ran.said


def test_a_folder_is_complete_for_the_suffixes_that_were_asked_for(tmp_path, made_up):
    kept = InputCache(tmp_path / "kept", ["archive"])
    source = CachedSource(FolderSource(str(made_up.inputs)), kept)
    source.uri = "archive"

    def bring(*suffixes):
        for item in source.files(DATASET, frozenset(suffixes)):
            source.fetch(item, tmp_path / item.name, lambda count: None)

    def kept_of(*suffixes):
        return [item.name for item in kept.files(DATASET, frozenset(suffixes))]

    spt = f"{DATASET}_spt.fits"
    bring("rawacq")
    assert kept_of("rawacq") == [RAW]
    assert kept_of("rawacq", "spt") == []
    bring("rawacq", "spt")
    assert kept_of("rawacq", "spt") == [RAW, spt]
    assert kept_of("rawacq") == [RAW]
    assert kept_of("spt") == [spt]
    # asked for, and there was none: nothing is missing
    assert kept_of("asn", "rawacq") == []
    bring("asn", "rawacq")
    assert kept_of("asn", "rawacq", "spt") == [RAW, spt]


def keeping_source(tmp_path: Path, made_up) -> tuple[CachedSource, InputCache]:
    kept = InputCache(tmp_path / "kept", ["archive"])
    source = CachedSource(FolderSource(str(made_up.inputs)), kept)
    source.uri = "archive"
    return source, kept


def bring(tmp_path: Path, made_up, notes: list[str]) -> str:
    """Fetch a dataset as an attempt does; return the source that had it."""
    source, kept = keeping_source(tmp_path, made_up)
    folder = tmp_path / f"data-{len(list(tmp_path.iterdir()))}"
    folder.mkdir()
    unpacker = Unpacker(notes=notes)
    paths, uri = fetch_inputs(
        parse_dataset(DATASET), [kept, source], RECIPE.input_suffixes, folder, unpacker=unpacker
    )
    assert {path.name for path in paths} == {RAW, f"{DATASET}_spt.fits"}
    for path in paths:
        assert digest(path) == digest(made_up.inputs / "ldem" / DATASET / path.name)
    return uri


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def test_the_file_that_has_changed_is_named_and_none_that_was_removed_with_it(tmp_path, made_up, monkeypatch):
    notes: list[str] = []
    bring(tmp_path, made_up, notes)
    flip_a_bit(tmp_path / FOLDER / RAW)
    of_cache, removed = InputCache.fetch, threading.Event()

    def fetch(self, item, target, advance):
        if item.name != RAW:
            removed.wait(30)  # until the folder is gone
            return of_cache(self, item, target, advance)
        try:
            return of_cache(self, item, target, advance)
        finally:
            removed.set()
            time.sleep(0.5)

    monkeypatch.setattr(InputCache, "fetch", fetch)
    assert bring(tmp_path, made_up, notes) == "archive"
    assert [note.partition(" has changed")[0] for note in notes] == [f"the cached file {tmp_path / FOLDER / RAW}"]


def test_what_is_fetched_again_is_not_disturbed_by_the_copies_before(tmp_path, made_up, monkeypatch):
    """The copy of the other file, still running when the change is noticed, ends before the files come anew."""
    notes: list[str] = []
    bring(tmp_path, made_up, notes)
    flip_a_bit(tmp_path / FOLDER / RAW)
    of_cache, of_archive = InputCache.fetch, FolderSource.fetch

    def slow(self, item, target, advance):
        if item.name != RAW:
            time.sleep(0.3)
        of_cache(self, item, target, advance)
        if item.name != RAW:
            target.unlink()  # as where a copy was not finished

    def slower(self, item, target, advance):
        of_archive(self, item, target, advance)
        time.sleep(0.6)

    monkeypatch.setattr(InputCache, "fetch", slow)
    monkeypatch.setattr(FolderSource, "fetch", slower)
    assert bring(tmp_path, made_up, notes) == "archive"


def test_changed_bytes_are_noticed_before_they_are_used(tmp_path, made_up):
    """Size and time stamp are the same; the file is fetched again, and what is kept is good afterwards."""
    notes: list[str] = []
    assert bring(tmp_path, made_up, notes) == "archive"
    assert bring(tmp_path, made_up, notes) == str(tmp_path / "kept")
    kept = tmp_path / FOLDER / RAW
    record = json.loads((tmp_path / FOLDER / RECORD).read_text())
    assert record["sha256"][RAW] == digest(kept)
    before = kept.stat()
    flip_a_bit(kept)
    os.utime(kept, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert bring(tmp_path, made_up, notes) == "archive"
    assert notes == [f"the cached file {kept} has changed since it was fetched, and is fetched again"]
    assert digest(kept) == record["sha256"][RAW]
    assert bring(tmp_path, made_up, notes) == str(tmp_path / "kept")
    assert not staged(tmp_path)


def test_a_record_without_digests_does_not_count_and_gets_them(tmp_path, made_up):
    bring(tmp_path, made_up, [])
    path = tmp_path / FOLDER / RECORD
    record = json.loads(path.read_text())
    digests = record.pop("sha256")
    path.write_text(json.dumps(record))
    notes: list[str] = []
    assert bring(tmp_path, made_up, notes) == "archive"
    assert json.loads(path.read_text())["sha256"] == digests
    assert notes == []


@pytest.mark.parametrize("content", ["[" * 200_000, "[]", '{"source": 1, "suffixes": [], "files": {}}', "null", "{}"])
def test_a_record_that_cannot_be_read_does_not_count(tmp_path, made_up, content):
    bring(tmp_path, made_up, [])
    (tmp_path / FOLDER / RECORD).write_text(content)
    assert bring(tmp_path, made_up, []) == "archive"


def test_what_killed_processes_left_is_swept(tmp_path, made_up):
    old, new = (tmp_path / f"kept/ldem/.{DATASET}-{word}" for word in ("old", "new"))
    for stage in (old, new):
        stage.mkdir(parents=True)
        (stage / RAW).write_bytes(b"half")
    os.utime(old, (0, 0))
    source = CachedSource(FolderSource(str(made_up.inputs)), InputCache(tmp_path / "kept", []))
    for item in source.files(DATASET, frozenset({"rawacq"})):
        source.fetch(item, tmp_path / item.name, lambda count: None)
    assert not old.exists()
    assert new.exists()
