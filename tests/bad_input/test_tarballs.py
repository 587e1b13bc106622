"""Bad input: tarballs of raw files."""

import gzip
import io
import tarfile
from collections.abc import Callable
from tarfile import CHRTYPE, FIFOTYPE, LNKTYPE, REGTYPE, SYMTYPE

from tests.bad_input.kinds import IMAGE, RAW, SPECTRUM, Kind, Place, Setup, check, each_of, inputs
from tests.bad_input.setups import file, half
from tests.madeup import dataset_folder

TGZ = f"{SPECTRUM}.tar.gz"
TWICE = (f"a/{RAW}", REGTYPE), (f"b/{RAW.upper()}", REGTYPE)


def tarball(*members: tuple[str, bytes]) -> Setup:
    """Make a tarball of members with a name and a type."""

    def setup(place: Place) -> None:
        with tarfile.open(place.inputs / TGZ, "w:gz") as archive:
            for number, (name, kind) in enumerate(members):
                member = tarfile.TarInfo(name)
                member.type, member.linkname, member.size = kind, "/etc/passwd", 6 * (kind == REGTYPE)
                archive.addfile(member, io.BytesIO(b"bytes%d" % number))

    return setup


def whole_tarball(change: Callable[[bytes], bytes], ipppssoot: str = SPECTRUM) -> Setup:
    """Make a good tarball, and change its bytes."""

    def setup(place: Place) -> None:
        whole = io.BytesIO()
        with tarfile.open(fileobj=whole, mode="w:gz") as archive:
            archive.add(dataset_folder(place.made_up.inputs, ipppssoot), arcname="data")
        (place.inputs / TGZ).write_bytes(change(whole.getvalue()))

    return setup


def flip_a_bit(packed: bytes) -> bytes:
    """Damage the data and keep the packed stream readable, as bad memory does: only the checksum can tell."""
    content = bytearray(gzip.decompress(packed))
    content[len(content) // 2] ^= 1
    return gzip.compress(bytes(content))[:-8] + packed[-8:]


KINDS = [
    inputs(
        "a tarball of 0 bytes",
        f"{TGZ} is not a whole tarball (the file is empty): make it anew",
        file(f"in/{TGZ}", ""),
    ),
    inputs("a tarball of nothing", f"{TGZ} is empty: make it anew", tarball()),
    inputs("a tarball with ../", f"outside the folder ('../{RAW}'): make it anew", tarball((f"../{RAW}", REGTYPE))),
    inputs("a tarball from /", f"outside the folder ('/x/{RAW}'): make it anew", tarball((f"/x/{RAW}", REGTYPE))),
    inputs("a tarball with a symlink", f"holds a link or device ('{RAW}'): make it anew", tarball((RAW, SYMTYPE))),
    inputs("a tarball with a link", f"holds a link or device ('{RAW}'): make it anew", tarball((RAW, LNKTYPE))),
    inputs("a tarball with a fifo", f"holds a link or device ('{RAW}'): make it anew", tarball((RAW, FIFOTYPE))),
    inputs("a tarball with a device", f"holds a link or device ('{RAW}'): make it anew", tarball((RAW, CHRTYPE))),
    inputs("a tarball with one file twice", f"{TGZ} holds two different files named '{RAW}': make", tarball(*TWICE)),
    inputs("a tarball with a nameless file", "cannot be unpacked ('.'): make it anew", tarball((".", REGTYPE))),
    inputs(
        "a tarball of text", f"{TGZ} holds no raw files of {SPECTRUM}, but a.txt: make", tarball(("a.txt", REGTYPE))
    ),
    inputs("a tarball cut short", f"{TGZ} is not a whole tarball…: make it anew", whole_tarball(half)),
    inputs("a tarball with a bit flipped", f"{TGZ} is not a whole tarball (CRC…): make", whole_tarball(flip_a_bit)),
    inputs(
        "no tarball",
        f"{TGZ} is not a whole tarball (it is not a tar…): make it anew",
        file(f"in/{TGZ}", b"noise" * 999),
    ),
    inputs(
        "a tarball of another",
        f"{TGZ} holds no raw files of {SPECTRUM}, but {IMAGE}_…: make",
        whole_tarball(bytes, IMAGE),
    ),
]


@each_of(KINDS)
def test_bad_input(kind: Kind, place: Place):
    check(kind, place)
