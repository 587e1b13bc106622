"""Bad input, kind by kind: each gets one clear line that names the thing and the mend, and a documented exit status.

The table `KINDS` says how each kind is made, what a user types, how it ends, and what its line must say.
"""

import contextlib
import gzip
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tarfile import CHRTYPE, FIFOTYPE, LNKTYPE, REGTYPE, SYMTYPE
from typing import Any

import pytest

from hstdputils.exit_codes import ExitCode
from hstdputils.outcomes import Outcome
from tests.conftest import REAL_DATA, ROOT, Commands, MadeUp
from tests.madeup import dataset_folder
from tests.stand_ins import write_calcos

SPECTRUM, IMAGE, ASSOCIATION, NO_CALIBRATION = "ldem01tnq", "ldem01acq", "ldem01010", "ldem01omq"
RAW, SPT, TGZ = f"{SPECTRUM}_rawtag.fits", f"{SPECTRUM}_spt.fits", f"{SPECTRUM}.tar.gz"
ASN = f"{ASSOCIATION}_asn.fits"
NO_FITS = b"this is not a FITS file\r\n\r\n"
PACKED = gzip.compress(b"ldem01acq\n")
TWICE = (f"a/{RAW}", REGTYPE), (f"b/{RAW.upper()}", REGTYPE)


@dataclass
class Place:
    """The folder that a user works in, and what is set up there."""

    folder: Path
    made_up: MadeUp
    commands: Commands
    cleanup: contextlib.ExitStack
    words: dict[str, str] = field(default_factory=dict)
    """What stands for ``{name}`` in the command, beside ``{inputs}``."""

    @property
    def inputs(self) -> Path:
        """Return the folder of the user's own inputs, ``in``."""
        folder = self.folder / "in"
        folder.mkdir(exist_ok=True)
        return folder

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def copy(self, ipppssoot: str) -> Path:
        """Copy a made-up dataset to the user's own inputs."""
        return shutil.copytree(dataset_folder(self.made_up.inputs, ipppssoot), self.inputs, dirs_exist_ok=True)

    def set(self, **variables: str) -> None:
        """Set environment variables."""
        self.commands.variables.update(variables)


Setup = Callable[[Place], None]


@dataclass(frozen=True)
class Kind:
    """One kind of bad input."""

    name: str
    setup: Setup
    command: str
    """What the user types."""
    status: int
    """How it ends."""
    says: str
    """Words that its line has, with ``…`` between them."""
    outcome: Outcome | None = None
    """What the failed marker says, of an attempt that the store hears of."""
    keeps: str = ""
    """A folder that must stay as it is."""
    keeps_attempt: bool = False
    """Whether the files of the attempt stay, since the store did not get them."""


# --- how they are made -------------------------------------------------------------------------------------------


def nothing(place: Place) -> None:
    """Set up nothing."""


def file(name: str, content: str | bytes) -> Setup:
    return lambda place: place.write(name, content)


def broken(name: str, change: Callable[[bytes], bytes]) -> Setup:
    """Change the bytes of one file of a dataset."""

    def setup(place: Place) -> None:
        path = place.copy(name[:9]) / name
        path.write_bytes(change(path.read_bytes()))

    return setup


def raw_of_another_instrument(place: Place) -> None:
    from astropy.io import fits

    fits.setval(place.copy(SPECTRUM) / RAW, "INSTRUME", value="ACS")


def real_broken(name: str) -> Setup:
    def setup(place: Place) -> None:
        if not REAL_DATA.is_dir():
            pytest.skip("no real HST data: ../shared/data is not there")
        shutil.copyfile(REAL_DATA / "broken" / name, place.inputs / RAW)

    return setup


def table_without_members(place: Place) -> None:
    place.copy(ASSOCIATION)


def association_without_table(place: Place) -> None:
    spt = dataset_folder(place.made_up.inputs, SPECTRUM) / f"{SPECTRUM}_spt.fits"
    shutil.copyfile(spt, place.inputs / f"{ASSOCIATION}_spt.fits")


def tarball(*members: tuple[str, bytes]) -> Setup:
    """Make a tarball of members with a name and a type."""

    def setup(place: Place) -> None:
        with tarfile.open(place.inputs / TGZ, "w:gz") as archive:
            for name, kind in members:
                member = tarfile.TarInfo(name)
                member.type, member.linkname, member.size = kind, "/etc/passwd", 5 * (kind == REGTYPE)
                archive.addfile(member, io.BytesIO(b"bytes"))

    return setup


def whole_tarball(change: Callable[[bytes], bytes], ipppssoot: str = SPECTRUM) -> Setup:
    """Make a good tarball, and change its bytes."""

    def setup(place: Place) -> None:
        whole = io.BytesIO()
        with tarfile.open(fileobj=whole, mode="w:gz") as archive:
            archive.add(dataset_folder(place.made_up.inputs, ipppssoot), arcname="data")
        (place.inputs / TGZ).write_bytes(change(whole.getvalue()))

    return setup


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip_a_bit(packed: bytes) -> bytes:
    """Damage the data and keep the packed stream readable, as bad memory does: only the checksum can tell."""
    content = bytearray(gzip.decompress(packed))
    content[len(content) // 2] ^= 1
    return gzip.compress(bytes(content))[:-8] + packed[-8:]


def own_cache(name: str, content: str | None) -> Setup:
    """Change a file of the CRDS cache, or remove it."""

    def setup(place: Place) -> None:
        cache = shutil.copytree(place.made_up.crds, place.folder / "crds")
        path = cache / name
        path.write_text(content) if content is not None else path.unlink()
        place.set(CRDS_PATH="crds")

    return setup


def no_cache(place: Place) -> None:
    place.set(CRDS_PATH="nowhere")


def unprivileged(setup: Setup) -> Setup:
    """Take from root the power to pass over permissions: ``{unprivileged}`` before the command."""

    def with_words(place: Place) -> None:
        words = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
        if os.geteuid() != 0:
            words = []
        elif not shutil.which("setpriv") or subprocess.run([*words, "true"], check=False).returncode:
            pytest.skip("root cannot be kept from writing everywhere here: no setpriv, or it is refused")
        place.words["unprivileged"] = " ".join(words)
        setup(place)

    return with_words


def mode(name: str, mode: int) -> Setup:
    """Make a folder with these permissions."""

    def setup(place: Place) -> None:
        folder = place.folder / name
        folder.mkdir(exist_ok=True)
        folder.chmod(mode)
        place.cleanup.callback(folder.chmod, 0o755)

    return setup


def unreadable_raw(place: Place) -> None:
    (place.copy(SPECTRUM) / RAW).chmod(0)


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
    """Start a server of S3 that has no bucket."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    place.cleanup.callback(server.stop)
    host, port = server.get_host_and_port()
    place.set(AWS_ENDPOINT_URL=f"http://{host}:{port}")


def with_key(setup: Setup) -> Setup:
    def with_variables(place: Place) -> None:
        place.set(AWS_ACCESS_KEY_ID="testing", AWS_SECRET_ACCESS_KEY="testing")
        setup(place)

    return with_variables


def nobody_listens(place: Place) -> None:
    place.set(AWS_ENDPOINT_URL="http://127.0.0.1:9")


def batch_of_another_context(place: Place) -> None:
    command = f"hstdputils process out b ldem99zzq --inputs {place.made_up.inputs} --context hst_9001.pmap"
    assert place.commands.run("sh", "-c", command).status == ExitCode.INPUTS


def python_without_calcos(place: Place) -> None:
    """Link the interpreter into a folder of its own, where no calibration program is."""
    bare = place.folder / "bare"
    bare.mkdir()
    (bare / "python").symlink_to(sys.executable)
    place.set(PATH=f"{bare}:/usr/bin:/bin", PYTHONPATH=os.pathsep.join(path for path in sys.path if path))


def another_process_at_work(place: Place) -> None:
    """Start the same command with a stand-in for calcos that takes long."""
    calls = write_calcos(place.folder / "bin", "if target.endswith('.fits'): time.sleep(60)")
    place.set(PATH=f"{place.folder / 'bin'}{os.pathsep}{place.commands.environment()['PATH']}")
    other = place.commands.start(
        ["hstdputils", "process", "out", "b", IMAGE, "--inputs", place.made_up.inputs, "--keep-work", "never"]
    )

    def stop() -> None:
        other.terminate()
        other.communicate(timeout=30)

    place.cleanup.callback(stop)
    deadline = time.monotonic() + 30
    while "rawacq" not in calls.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def workflow(**config: object) -> Setup:
    """Lay out the workflow as `make setup` leaves it, with an id list that has one dataset."""

    def setup(place: Place) -> None:
        for name in ("Snakefile", "rules", "config", "profiles"):
            (place.folder / name).symlink_to(ROOT / name)
        place.write("my.ids", f"{IMAGE}\n")
        place.write("bad.ids", f"# mine\n{IMAGE}\nu5780205r\n")
        place.write("empty.ids", "# none yet\n")
        good = {"ids": "my.ids", "batch": "b", "store": "out", "inputs": str(place.made_up.inputs)}
        place.write("my.json", json.dumps(good | {"crds_path": str(place.made_up.crds)} | config))

    return setup


def workflow_with_plan(content: str) -> Setup:
    def setup(place: Place) -> None:
        workflow()(place)
        place.write("plan.out", content)

    return setup


def workflow_of_another_context(place: Place) -> None:
    batch_of_another_context(place)
    workflow(crds_context="hst_9002.pmap")(place)


# --- the table ---------------------------------------------------------------------------------------------------

BAD_INPUT, NO_REFERENCES, STORAGE_ERROR = Outcome.BAD_INPUT, Outcome.NO_REFERENCES, Outcome.STORAGE_ERROR
SNAKEMAKE = "--profile profiles/onsite --configfile my.json"


def plan(name: str, arguments: str, says: str, setup: Setup = nothing) -> Kind:
    """Return a kind that `plan` ends with 2."""
    return Kind(name, setup, f"hstdputils plan {arguments}", 2, says)


def process(name: str, arguments: str, status: int, says: str, setup: Setup = nothing, **more: Any) -> Kind:
    """Return a kind that `process` says; inputs are the made-up ones where the user names none."""
    source = "" if "--inputs" in arguments else " --inputs {inputs}"
    return Kind(name, setup, f"{more.pop('before', '')}hstdputils process {arguments}{source}", status, says, **more)


def inputs(name: str, says: str, setup: Setup, ipppssoot: str = SPECTRUM) -> Kind:
    """Return a kind of inputs that end an attempt with 21, and with a marker."""
    return process(name, f"out b {ipppssoot} --inputs in", 21, says, setup, outcome=BAD_INPUT)


def snakemake(name: str, says: str, setup: Setup, arguments: str = "-n") -> Kind:
    """Return a kind that stops the workflow, which always ends with 1 then."""
    return Kind(name, setup, f"snakemake {arguments} {SNAKEMAKE}", 1, says)


IDS = [
    plan("an id too short", "none b j8cb010b", "'j8cb010b'…: correct the list, or leave them out with --skip-bad"),
    plan("an id of WFPC2", "none b u5780205r ldem01acq", "'u5780205r'), the others are done: correct the list"),
    plan("an id of no instrument", "none b q23456789 ldem01acq", "'q23456789'), the others are done: correct"),
    plan("a bad id in a list", "none b @l", "1 of the ids…'bad'…: correct the list", file("l", "ldem01acq\n\nbad\n")),
    plan("no good id left", "none b bad --skip-bad", "no dataset is left…'bad'…: give others"),
    process("no good id to process", "out b bad --skip-bad", 2, "no dataset is left…'bad'…: give others"),
    plan("an empty list", "none b @l", "no ipppssoot in l: write one on each line", file("l", "")),
    plan("comments alone", "none b @l", "no ipppssoot in l: write one on each line", file("l", "# a\n\n # b\n")),
    plan("nothing on stdin", "none b - < /dev/null", "no ipppssoot in <stdin>: write one on each line"),
    plan("a missing list", "none b @my.ids", "the id list my.ids (No such file…): correct its name"),
    plan("a folder as a list", "none b @.", "the id list . (Is a directory): correct its name"),
    plan("no list after @", "none b @ my.ids", "'@' names no file: write @FILE"),
    plan("a packed list", "none b @l.gz", "l.gz is no text file: give one…not compressed", file("l.gz", PACKED)),
    plan("a binary list", "none b @l", "l is no text file: give one", file("l", bytes(range(256)))),
    plan("zeros as a list", "none b - < l", "<stdin> is no text file: give one", file("l", bytes(999))),
]

COMMAND_LINE = [
    Kind("no such command", nothing, "hstdputils plna", 2, "'plna'; did you mean 'plan'?"),
    plan("no such option", "none b ldem01acq --nope", "--nope: see hstdputils plan --help"),
    plan("an id forgotten", "none b", "required: ipppssoots: see hstdputils plan --help"),
    plan("a batch with a slash", "none a/b ldem01acq", "'a/b' is no batch name: use letters"),
    plan("an unknown store", "gs://x b ldem01acq", "'gs://x' is no store: give s3://bucket, a folder, or none"),
    plan("a store without bucket", "s3:// b ldem01acq", "'s3://' names no bucket: write s3://bucket"),
    process("an unknown source", "out b ldem01acq --inputs ftp://x", 2, "'ftp://x' is no source…: give a folder"),
    process(
        "a time of nothing", "out b ldem01acq --max-seconds 0", 2, "--max-seconds: '0' is no whole number above 0"
    ),
    process("a row that is no row", "out b ldem01acq --plan-row '[]'", 2, "--plan-row: '[]' is no JSON object: give"),
    Kind("an unknown batch", nothing, "hstdputils report out b", 2, "no batch 'b' in out…: correct the store or"),
    process("an instrument not done yet", "out b jbz504010", 2, "jbz504010 is a dataset of ACS…: leave it out"),
    process(
        "another context",
        f"out b {IMAGE} --context hst_9002.pmap",
        2,
        "batch 'b' in out…hst_9001.pmap, not hst_9002.pmap: choose another batch name, or…--force",
        batch_of_another_context,
        keeps="out",
    ),
    Kind(
        "no calcos",
        python_without_calcos,
        f"bare/python -m hstdputils process out b {IMAGE} --inputs {{inputs}}",
        2,
        "the program calcos is not on PATH: pip install",
    ),
    process(
        "two processes at once",
        f"out b {IMAGE}",
        1,
        f"{IMAGE} cancelled: process…is at work on…{IMAGE}: wait for it, or name another --work",
        another_process_at_work,
        keeps_attempt=True,
    ),
]

FILES = [
    process("no input folder", f"out b {SPECTRUM} --inputs raws", 21, "raws is not there: correct --inputs"),
    process(
        "a file for inputs", f"out b {SPECTRUM} --inputs f", 21, "f is no folder: correct --inputs", file("f", "")
    ),
    process(
        "an input folder under lock",
        f"out b {SPECTRUM} --inputs in",
        21,
        "the input folder in cannot be read: change its permissions",
        unprivileged(mode("in", 0)),
        before="{unprivileged} ",
    ),
    process(
        "a raw file under lock",
        f"out b {SPECTRUM} --inputs in",
        21,
        f"cannot copy in/{RAW}: Permission denied: check the file and its permissions",
        unprivileged(unreadable_raw),
        before="{unprivileged} ",
        outcome=STORAGE_ERROR,
    ),
    process(
        "no such dataset", "out b ldem99zzq", 21, "no raw files of ldem99zzq in…: check the id", outcome=BAD_INPUT
    ),
    inputs("no FITS", f"{RAW} is no FITS file…: fetch the file anew", broken(RAW, lambda _: NO_FITS)),
    inputs("no FITS, real", f"{RAW} is no FITS file…: fetch the file anew", real_broken("j6gp02lzq_raw.fits")),
    inputs("an empty raw file", f"{RAW} is no FITS file…: fetch the file anew", broken(RAW, lambda _: b"")),
    inputs("half a raw file", f"{RAW} is cut short…: fetch the file anew", broken(RAW, half)),
    inputs(
        "a raw file without data", f"{RAW} is cut short…: fetch the file anew", broken(RAW, lambda raw: raw[:9000])
    ),
    inputs("half a support file", f"{SPT} is…: fetch the file anew", broken(SPT, half)),
    inputs("another instrument", f"{RAW} says INSTRUME = ACS…COS: check the id", raw_of_another_instrument),
    inputs("another instrument, real", f"{RAW} says…ACS…: check the id", real_broken("j8btxxx_raw_bad.fits")),
    inputs(
        "a member is missing", "of ldem01f1q, a member of ldem01010, in in: check", table_without_members, ASSOCIATION
    ),
    inputs("no association table", f"{ASN} is not among the inputs…: check", association_without_table, ASSOCIATION),
    inputs("no table", f"{ASN} is no association table…: fetch", broken(ASN, lambda _: NO_FITS), ASSOCIATION),
    inputs("a table cut short", f"{ASN}…(it is cut short): fetch", broken(ASN, lambda asn: asn[:3000]), ASSOCIATION),
]

TARBALLS = [
    inputs(
        "a tarball of 0 bytes", f"{TGZ} is no whole tarball (the file is empty): make it anew", file(f"in/{TGZ}", "")
    ),
    inputs("a tarball of nothing", f"{TGZ} is empty: make it anew", tarball()),
    inputs("a tarball with ../", f"outside the folder ('../{RAW}'): make it anew", tarball((f"../{RAW}", REGTYPE))),
    inputs("a tarball from /", f"outside the folder ('/x/{RAW}'): make it anew", tarball((f"/x/{RAW}", REGTYPE))),
    inputs("a tarball with a symlink", f"holds a link or device ('{RAW}'): make it anew", tarball((RAW, SYMTYPE))),
    inputs("a tarball with a link", f"holds a link or device ('{RAW}'): make it anew", tarball((RAW, LNKTYPE))),
    inputs("a tarball with a fifo", f"holds a link or device ('{RAW}'): make it anew", tarball((RAW, FIFOTYPE))),
    inputs("a tarball with a device", f"holds a link or device ('{RAW}'): make it anew", tarball((RAW, CHRTYPE))),
    inputs("a tarball with one file twice", f"{TGZ} holds two files named '{RAW}': make it anew", tarball(*TWICE)),
    inputs("a tarball with a nameless file", "cannot be unpacked ('.'): make it anew", tarball((".", REGTYPE))),
    inputs("a tarball of text", f"no raw file among the inputs of {SPECTRUM}: fetch", tarball(("a.txt", REGTYPE))),
    inputs("a tarball cut short", f"{TGZ} is no whole tarball…: make it anew", whole_tarball(half)),
    inputs("a tarball with a bit flipped", f"{TGZ} is no whole tarball (CRC…): make", whole_tarball(flip_a_bit)),
    inputs(
        "no tarball", f"{TGZ} is no whole tarball (it is no tar…): make it anew", file(f"in/{TGZ}", b"noise" * 999)
    ),
    inputs("a tarball of another", f"_rawacq.fits is no file of {SPECTRUM}: make", whole_tarball(bytes, IMAGE)),
]

REFERENCES = [
    process("no CRDS cache", f"out b {SPECTRUM}", 27, "nowhere is no CRDS cache…: set CRDS_PATH", no_cache),
    process(
        "a broken CRDS cache",
        f"out b {SPECTRUM}",
        27,
        "crds/config/hst/server_config is broken…: sync the cache",
        own_cache("config/hst/server_config", "{'not"),
    ),
    process(
        "a CRDS mapping is missing",
        f"out b {SPECTRUM}",
        27,
        "a mapping of hst_9001.pmap is missing or broken in the CRDS cache crds: sync the cache",
        own_cache("mappings/hst/hst_cos_9001.imap", None),
        outcome=NO_REFERENCES,
    ),
    process(
        "an unknown context",
        f"out b {SPECTRUM} --context hst_0001.pmap",
        27,
        "'hst_0001.pmap' is not in the cache…hst_9001.pmap, hst_9002.pmap…: name one of these",
    ),
    process(
        "a bad-listed reference",
        f"out b {SPECTRUM} --context hst_9002.pmap",
        27,
        "mad0901ml_flat.fits as bad under hst_9002.pmap: use a later context",
        outcome=NO_REFERENCES,
    ),
    process(
        "a missing reference",
        f"out b {SPECTRUM} --context hst_9003.pmap",
        27,
        "missing in the CRDS cache…: mad0903ml_bpix.fits: sync the cache",
        outcome=NO_REFERENCES,
    ),
]

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
        "cannot make the work folder…/work/b: Permission denied: name another with --work",
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
        outcome=STORAGE_ERROR,
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
        21,
        f"{NO_CALIBRATION}_rawtag.fits to…/disk/…: No space left on device: free some space there, or name another",
        small_disk("200k"),
        outcome=STORAGE_ERROR,
    ),
    process(
        "a full work folder",
        f"out b {NO_CALIBRATION} --work disk",
        25,
        "disk/…: No space left on device: free some space there, or name another --work",
        small_disk("200k", filled=300_000),
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
        outcome=STORAGE_ERROR,
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
        with_key(nobody_listens),
    ),
]

WORKFLOW = [
    snakemake("an unknown config key", "unknown key 'stor'; did you mean 'store'?", workflow(stor="x")),
    snakemake("a value of a wrong type", "retries = 'two'…valid integer…config/README.md", workflow(retries="two")),
    snakemake("a workflow without store", "store = 'none' keeps no markers…: give s3://", workflow(store="none")),
    snakemake("a workflow's unknown store", "'gs://x' is no store: give s3://bucket", workflow(store="gs://x")),
    snakemake("a workflow's missing list", "the id list no.ids…: correct its name", workflow(ids="no.ids")),
    snakemake("a workflow's empty list", "no ipppssoot in empty.ids: write one", workflow(ids="empty.ids")),
    snakemake("a workflow's bad id", "bad.ids:3: 'u5780205r'…WFPC2…: mend the list", workflow(ids="bad.ids")),
    snakemake("a plan of a bad id", "1 of the ids…'u5780205r'…: correct", workflow(ids="bad.ids"), "plan.out"),
    snakemake("a broken plan", "plan.out:1: no plan row…: write the plan anew", workflow_with_plan("{\n"), ""),
    snakemake("a workflow of another context", "not hst_9002.pmap: choose another", workflow_of_another_context),
]

KINDS = [*IDS, *COMMAND_LINE, *FILES, *TARBALLS, *REFERENCES, *FOLDERS_AND_DISKS, *BUCKETS, *WORKFLOW]


# --- the tests ---------------------------------------------------------------------------------------------------

STATES_AN_ERROR = re.compile(rf"\s*(SystemExit: )?error: |\w{{9}} ({'|'.join(Outcome)})\b")
SAYS_MORE = re.compile(r"\w{9}  \w+ +(done|failed) +[\d.]+ s|note: |bad id: |skipped: |\{")


@pytest.fixture
def place(tmp_path: Path, commands: Commands, made_up: MadeUp) -> Iterator[Place]:
    with contextlib.ExitStack() as cleanup:
        yield Place(tmp_path, made_up, commands, cleanup)


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.name) for kind in KINDS])
def test_bad_input(kind: Kind, place: Place):
    kind.setup(place)
    before = contents(place.folder / kind.keeps) if kind.keeps else {}
    ran = place.commands.run("sh", "-c", kind.command.format(inputs=place.made_up.inputs, **place.words))

    assert "Traceback" not in ran.said
    assert ran.status == kind.status, ran.said
    stated = [line for line in ran.said.splitlines() if STATES_AN_ERROR.match(line)]
    assert len(stated) == 1, ran.said
    assert re.search(".*".join(map(re.escape, kind.says.split("…"))), stated[0]), stated[0]
    if not kind.command.startswith("snakemake"):
        assert [line for line in ran.said.splitlines() if line not in stated and not SAYS_MORE.match(line)] == []

    left = [path.relative_to(place.folder) for path in place.folder.rglob("*")]
    assert [path for path in left if path.match("markers/succeeded/*") or path.suffix == ".part"] == []
    assert kind.keeps_attempt or [path for path in left if path.name.startswith("attempt-")] == []
    markers = {path.stem: json.loads(path.read_bytes()) for path in place.folder.rglob("markers/failed/*.json")}
    if kind.outcome:
        [marker] = markers.values()
        assert (marker["outcome"], marker["exit_code"]) == (kind.outcome, kind.status)
        assert marker["reason"] in stated[0]
    if kind.keeps:
        assert contents(place.folder / kind.keeps) == before


def test_statuses_are_documented():
    assert {kind.status for kind in KINDS} <= set(ExitCode)


def test_names_are_different():
    assert len({kind.name for kind in KINDS}) == len(KINDS)


def test_good_rows_are_written_beside_bad_ids(place: Place):
    place.write("my.ids", "ldem01acq\nu5780205r  # WFPC2\nq23456789\nLDEM01TNQ\n")
    for option, status in (("", 2), ("--skip-bad", 0)):
        ran = place.commands.run("sh", "-c", f"hstdputils plan none b @my.ids {option}")
        assert ran.status == status
        assert [json.loads(line)["ipppssoot"] for line in ran.out.splitlines()] == [IMAGE, SPECTRUM]
        assert re.search(r"^\w.*: my.ids:2: 'u5780205r' is a dataset of WFPC2", ran.err, re.MULTILINE)
        assert re.search(r"^\w.*: my.ids:3: 'q23456789': no HST instrument has the letter 'q'", ran.err, re.MULTILINE)
        assert ("error: 2 of the ids" in ran.err) == (status == 2)


def test_a_bad_dataset_does_not_stop_the_next(place: Place):
    broken(RAW, half)(place)
    place.copy(NO_CALIBRATION)
    ran = place.commands.run(
        "sh", "-c", f"hstdputils process out b u5780205r {SPECTRUM} {NO_CALIBRATION} --inputs in"
    )
    assert ran.status == ExitCode.GENERAL
    assert "error: 1 of the ids cannot be processed ('u5780205r'), the others are done" in ran.err
    assert f"{SPECTRUM} bad_input (exit code 21)" in ran.out
    assert f"{NO_CALIBRATION} succeeded" in ran.out
