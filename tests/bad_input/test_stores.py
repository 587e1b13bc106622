"""Bad input: folders, disks and buckets."""

import contextlib
import os
import subprocess

import pytest

from hstdputils.core.outcomes import Outcome
from tests.bad_input.kinds import NO_CALIBRATION, SPECTRUM, Kind, Place, Setup, check, each_of, nothing, process
from tests.bad_input.setups import file, mode, unprivileged


def small_disk(size: str, filled: int = 0) -> Setup:
    """Mount a small file system at ``disk``, with so many bytes taken already."""

    def setup(place: Place) -> None:
        disk = place.folder / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)]
        if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
            pytest.skip("no small disk: mounting is refused here")
        place.cleanup.callback(subprocess.run, ["umount", str(disk)], check=True)
        with contextlib.suppress(OSError):
            (disk / "taken").write_bytes(bytes(filled))

    return setup


def s3(place: Place) -> None:
    """Use a server of S3 that has no bucket."""
    place.set(AWS_ENDPOINT_URL=place.s3_address())


def with_key(setup: Setup) -> Setup:
    def with_variables(place: Place) -> None:
        place.set(AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing")
        setup(place)

    return with_variables


def endpoint(address: str) -> Setup:
    """Name the server of S3."""
    return with_key(lambda place: place.set(AWS_ENDPOINT_URL=address))


FOLDERS_AND_DISKS = [
    process(
        "a read-only output folder",
        f"out b {SPECTRUM}",
        25,
        "cannot write the store out (out: Permission denied): name another store, or change its permissions",
        unprivileged(mode("out", 0o555)),
        before="{unprivileged} ",
    ),
    process(
        "a read-only work folder",
        f"out b {SPECTRUM}",
        25,
        "cannot make the work folder…work/b: Permission denied: name another with --work",
        unprivileged(mode("work", 0o555)),
        before="{unprivileged} ",
    ),
    process(
        "a file for output", f"f b {SPECTRUM}", 25, "the store f (f: …): give a folder, not a file", file("f", "")
    ),
    process(
        "a file for the work folder",
        f"out b {SPECTRUM} --work f",
        25,
        "cannot make the work folder…/f/b/…: Not a directory: name another with --work",
        file("f", ""),
    ),
    process(
        "a store that fills up",
        f"disk b {NO_CALIBRATION}",
        25,
        "cannot write the store disk (disk/…: No space left on device): free some space there",
        small_disk("200k"),
        outcome=Outcome.STORAGE_ERROR,
    ),
    process(
        "a full store",
        f"disk b {NO_CALIBRATION}",
        25,
        "cannot write the store disk (disk…: No space left on device): free some space there",
        small_disk("200k", filled=300_000),
    ),
    process(
        "a work folder that fills up",
        f"out b {NO_CALIBRATION} --work disk",
        25,
        f"cannot copy…{NO_CALIBRATION}_…fits to…/disk/…: No space left on device: free some space there, or name",
        small_disk("200k"),
        outcome=Outcome.STORAGE_ERROR,
    ),
    process(
        "a full work folder",
        f"out b {NO_CALIBRATION} --work disk",
        25,
        "disk/…: No space left on device: free some space there, or name another --work",
        small_disk("200k", filled=300_000),
        outcome=Outcome.STORAGE_ERROR,
    ),
    Kind(
        "a full disk for the plan",
        nothing,
        "hstdputils plan none b ldem01acq > /dev/full",
        1,
        "standard output: No space left on device: check space",
    ),
]

BUCKETS = [
    process(
        "no such bucket", f"s3://no b {SPECTRUM}", 25, "s3://no: there is no such bucket: create it", with_key(s3)
    ),
    process(
        "no credentials", f"s3://no b {SPECTRUM}", 25, "s3://no: no AWS credentials: set AWS_PROFILE, or AWS_ACCESS"
    ),
    process(
        "no such bucket of inputs",
        f"out b {SPECTRUM} --inputs s3://no/raws",
        26,
        "cannot read s3://no/raws: there is no such bucket: create it, or correct its name",
        with_key(s3),
        outcome=Outcome.STORAGE_ERROR,
    ),
    Kind(
        "no such bucket to report on",
        with_key(s3),
        "hstdputils report s3://no b",
        25,
        "s3://no: there is no such bucket: create it, or correct its name",
    ),
    process(
        "no S3 server",
        f"s3://no b {SPECTRUM}",
        25,
        "cannot reach s3://no…127.0.0.1:9…: check the network and AWS_ENDPOINT_URL",
        endpoint("http://127.0.0.1:9"),
    ),
    process(
        "an S3 address that is no URL",
        f"s3://no b {SPECTRUM}",
        2,
        "the address of S3 is not a valid URL (Invalid endpoint: nonsense): set AWS_ENDPOINT_URL like http://",
        endpoint("nonsense"),
    ),
    process(
        "an S3 address with a wrong port",
        f"out b {SPECTRUM} --inputs s3://no/raws",
        2,
        "the address of S3 is not a valid URL (its port is not a number up to 65535): set AWS_ENDPOINT_URL like http://",
        endpoint("http://127.0.0.1:nine"),
    ),
]

KINDS = [*FOLDERS_AND_DISKS, *BUCKETS]


@each_of(KINDS)
def test_bad_input(kind: Kind, place: Place):
    check(kind, place)
