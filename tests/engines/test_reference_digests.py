"""References that change in the cache are noticed before use, by what was recorded when they were downloaded."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Commands, MadeUp, Ran
from tests.engines.honesty import marker_of
from tests.engines.test_sync import FLAT, plan, sync

pytestmark = pytest.mark.engine("CRDS")

DATASET = "ldem01acq"
NAMES = {FLAT, "mad0002ml_dead.fits", "mad0003ml_bpix.fits"}


def process(site: Commands, made_up: MadeUp, *options: str, **variables: str) -> Ran:
    return site.hstdputils(
        "process", "out", "b", f"--inputs={made_up.inputs}", "--force", *options, DATASET, **variables
    )


def cached(site: Commands) -> Path:
    (path,) = (site.folder / "cache").rglob(FLAT)
    return path


def flip(path: Path) -> None:
    """Change a byte of the pixels in place."""
    with path.open("r+b") as file:
        file.seek(-5000, os.SEEK_END)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))


def flip_and_restore_time(path: Path) -> None:
    stat = path.stat()
    flip(path)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def replace_and_restore_time(path: Path) -> None:
    """Put another file in its place, as ``cp -p`` and ``rsync -t`` do."""
    other = Path(shutil.copy2(path, path.with_name("other")))
    flip_and_restore_time(other)
    other.replace(path)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 2880)


CHANGES: list[Callable[[Path], None]] = [flip, flip_and_restore_time, replace_and_restore_time, cut]


def references_of(site: Commands) -> dict[str, dict[str, str]]:
    marker = marker_of(site.folder / "out", DATASET)
    assert marker is not None
    return {one["name"]: one for one in marker["references"]}


def test_the_marker_names_all_references_and_what_chose_them(off_site, made_up):
    ran = process(off_site, made_up)
    assert ran.status == 0, ran.said
    used = references_of(off_site)
    assert used.keys() == NAMES
    for name, one in used.items():
        content = (made_up.crds / "references/hst" / name).read_bytes()
        assert (one["digest"], one["digest_from"]) == (f"sha1:{hashlib.sha1(content).hexdigest()}", "crds")
    assert used[FLAT]["type"] == "flatfile"
    keywords = marker_of(off_site.folder / "out", DATASET)["reference_keywords"]
    assert keywords["DETECTOR"] == ["NUV"]
    assert {"DATE-OBS", "TIME-OBS"} <= keywords.keys()


@pytest.mark.slow
def test_a_cache_that_others_keep_is_not_checked_and_says_so(commands, made_up):
    ran = process(commands, made_up)
    assert ran.status == 0, ran.said
    used = references_of(commands)
    assert used.keys() == NAMES
    assert {(one["digest"], one["digest_from"]) for one in used.values()} == {("", "none")}
    assert not (made_up.crds / ".hstdputils").exists()


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.slow
def test_what_changes_in_a_growing_cache_is_downloaded_again(off_site, server, made_up, change):
    assert process(off_site, made_up).status == 0
    change(cached(off_site))
    ran = process(off_site, made_up)
    assert ran.status == 0, ran.said
    assert server.downloads[FLAT] == 2
    assert cached(off_site).read_bytes() == (made_up.crds / "references/hst" / FLAT).read_bytes()
    assert references_of(off_site)[FLAT]["digest_from"] == "crds"


@pytest.mark.slow
def test_what_was_only_touched_stays_and_is_read_once(off_site, server, made_up):
    assert process(off_site, made_up).status == 0
    record = off_site.folder / f"cache/.hstdputils/{FLAT}.json"
    before = record.read_text()
    cached(off_site).touch()
    assert process(off_site, made_up).status == 0
    renewed = record.read_text()
    assert renewed != before
    assert process(off_site, made_up).status == 0
    assert record.read_text() == renewed
    assert server.downloads[FLAT] == 1


@pytest.mark.parametrize("change", [flip, cut])
def test_a_changed_download_is_not_used_without_a_server(off_site, made_up, change):
    assert process(off_site, made_up).status == 0
    change(cached(off_site))
    ran = process(off_site, made_up, CRDS_READONLY_CACHE="1")
    assert ran.status == 27, ran.said
    marker = marker_of(off_site.folder / "out", DATASET, "failed")
    assert marker["outcome"] == "no_references"
    assert f"{FLAT} in the CRDS cache " in marker["reason"]
    assert marker["reason"].endswith(" changed since they were downloaded: sync the cache with hst_9001.pmap")


@pytest.mark.slow
def test_a_copy_of_a_cache_is_one_that_others_keep(off_site, made_up):
    assert process(off_site, made_up).status == 0
    copy = shutil.copytree(off_site.folder / "cache", off_site.folder / "copy", copy_function=shutil.copyfile)
    ran = process(off_site, made_up, CRDS_READONLY_CACHE="1", CRDS_PATH=str(copy))
    assert ran.status == 0, ran.said
    assert references_of(off_site)[FLAT]["digest_from"] == "none"


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.slow
def test_what_changes_after_a_sync_is_not_used(off_site, server, made_up, change):
    plan(off_site, DATASET)
    assert sync(off_site, made_up, "--list=list.json").status == 0
    assert process(off_site, made_up, "--references=list.json").status == 0
    assert references_of(off_site)[FLAT]["digest_from"] == "list"
    change(cached(off_site))
    ran = process(off_site, made_up, "--references=list.json")
    assert ran.status == 27, ran.said
    assert " changed since the reference list was made: sync" in ran.out
    again = sync(off_site, made_up, "--list=list.json")
    assert again.status == 0, again.said
    assert server.downloads[FLAT] == 2
    assert process(off_site, made_up, "--references=list.json").status == 0


def test_sync_holds_what_is_there_already_against_the_sums_of_the_server(off_site, server, made_up):
    plan(off_site, DATASET)
    assert sync(off_site, made_up).status == 0
    shutil.rmtree(off_site.folder / "cache/.hstdputils")
    flip(cached(off_site))
    ran = sync(off_site, made_up, "--list=list.json")
    assert ran.status == 0, ran.said
    assert (server.downloads[FLAT], server.downloads["mad0002ml_dead.fits"]) == (2, 1)
    digests = json.loads((off_site.folder / "list.json").read_text())["digests"]
    assert {one["digest_from"] for one in digests.values()} == {"crds"}


@pytest.mark.parametrize("text", ["[" * 200_000, "[]", '{"digest": 1}', "\0", "{}"])
@pytest.mark.slow
def test_a_record_that_cannot_be_read_is_none(off_site, made_up, text):
    assert process(off_site, made_up).status == 0
    (off_site.folder / f"cache/.hstdputils/{FLAT}.json").write_text(text)
    assert process(off_site, made_up).status == 0
    assert references_of(off_site)[FLAT]["digest_from"] == "none"


@pytest.mark.slow
def test_a_list_without_digests_still_serves(off_site, made_up):
    """Such were made by earlier versions."""
    plan(off_site, DATASET)
    assert sync(off_site, made_up, "--list=list.json").status == 0
    path = off_site.folder / "list.json"
    path.write_text(
        json.dumps({name: value for name, value in json.loads(path.read_text()).items() if name != "digests"})
    )
    assert process(off_site, made_up, "--references=list.json").status == 0
    assert references_of(off_site)[FLAT]["digest_from"] == "crds"
