"""Hostile input: what others wrote, made to run, to reach or to hide something. What, where, and how it ends."""

import io
import json
import shlex
import tarfile

from astropy.io import fits

from tests.bad_input.kinds import (
    ASSOCIATION,
    RAW,
    SPECTRUM,
    Kind,
    Place,
    Setup,
    check,
    each_of,
    inputs,
)
from tests.bad_input.setups import file
from tests.madeup.demo import MEMBERS

ESCAPE = "\x1b[2J\x1b]0;owned\x07"
IDS = {
    "a Kelvin sign": "ldem0\u212aacq",
    "digits of another script": "ldem\uff10\uff11acq",
    "Arabic digits": "ldem01ac\u0661",
    "a letter without its dot": "\u0131dem01acq",
    "a name read from right to left": "ldem01\u202eacq",
    "a character of no width": "ldem01\u200bacq",
    "a path": "../../etc/passwd",
    "a path in an id": "ldem01acq/../ldem01tnq",
    "a command": "$(touch${IFS}owned)",
    "a second command": "ldem01acq;id",
    "a wildcard": "*",
    "a format": "%s%n%x",
    "terminal escapes": f"ldem01acq{ESCAPE}",
    "nine characters, one of them an escape": "ldem01\x1bcq",
    "300 characters": "l" * 300,
    "a visit of another script": "acs_8ph_0\u0661",
    "a sky cell of another script": "skycell-p\u0660797x14y06",
    "a visit that is a path": "acs_../_01",
}
BATCHES = {
    "a path": "../x",
    "a folder of another": "a/b",
    "one dot": ".",
    "two dots": "..",
    "an option": "-x",
    "a command": "$(id)",
    "a wildcard": "*",
    "a home": "~root",
    "a blank": "a b",
    "a line break": "a\nb",
    "terminal escapes": f"b{ESCAPE}",
    "a Kelvin sign": "\u212a",
    "300 characters": "b" * 300,
}
MEMBER_NAMES = {
    "a path": "/etc/passwd",
    "a path upwards": "../ldem01f1q",
    "a wildcard": "*",
    "an option": "-rf",
    "a command": "$(id)",
    "a second command": "ldem01f1q;id",
    "a format": "%s%n",
    "14 characters": "ldem01f1qqqqqq",
    "nothing": "",
    "a blank": "ldem 1f1q",
    "an escape": "ldem01\x1b1q",
    "a line break": "ldem01\nf1",
    "a letter beyond ASCII": "ldem01f1\xaa",
    "an exposure of another visit": "ldem99f1q",
    "an exposure of another instrument": "jdem01f1q",
}
TAR_NAMES = {
    "not in UTF-8": b"ldem01tnq_\xff\xfe.fits",
    "with an escape": b"ldem01tnq\x1b[2J_rawtag.fits",
    "with a line break": b"ldem01tnq\n_rawtag.fits",
    "that is a script": b"sitecustomize.py",
    "that is a library": b"libc.so.6",
    "of a record": b"manifest.json",
    "of a half file": b"ldem01tnq_rawtag.fits.part",
    "with a Kelvin sign": "ldem01tn\u212a_rawtag.fits".encode(),
    "of 200 characters": b"l" * 200,
}
PATHS_IN_TARS = {"upwards": "../../x", "from the root": "/etc/cron.d/x", "upwards below a folder": "data/../../x"}
ROWS = {
    "another program": {"command": "rm"},
    "a shell's line": {"command": "hstdp-process; id"},
    "a dataset that is a path": {"ipppssoot": "../../etc"},
    "a dataset with an escape": {"ipppssoot": "ldem01\x1bcq"},
    "a huge number": {"memory_mib": 10**30},
    "no number": {"cost_usd": float("nan")},
    "a further key": {"environment": {"LD_PRELOAD": "x"}},
}
LINES = {
    "a call": "__import__('os').system('id')",
    "a tuple that calls": "('none', 'b/ldem01tnq', 'ldem01tnq', 'cos', open('x'), 1, 2048, 60)",
    "10,000 brackets": "(" * 10_000,
    "a megabyte": '{"output": "' + "x" * 1_000_000,
}


def batch(name: str) -> Setup:
    """Let a name stand for ``{batch}``."""
    return lambda place: place.words.update(batch=f"-- {shlex.quote(name)}")


def member(name: str) -> Setup:
    """Write a name over that of the association's first exposure."""

    def setup(place: Place) -> None:
        for dataset in (ASSOCIATION, *MEMBERS):
            place.copy(dataset)
        [path] = place.inputs.rglob(f"{ASSOCIATION}_asn.fits")
        content = path.read_bytes()
        first = content.index(next(iter(MEMBERS)).upper().encode())
        path.write_bytes(content[:first] + name.encode("latin-1").ljust(14, b"\0")[:14] + content[first + 14 :])

    return setup


def tar(name: bytes | str) -> Setup:
    """Make a tarball of one file with this name; what is not in it is not looked for elsewhere."""

    def setup(place: Place) -> None:
        with tarfile.open(place.inputs / f"{SPECTRUM}.tar.gz", "w:gz", encoding="utf-8") as archive:
            entry = tarfile.TarInfo(name if isinstance(name, str) else name.decode("utf-8", "surrogateescape"))
            entry.size = 5
            archive.addfile(entry, io.BytesIO(b"bytes"))

    return setup


def row(**values: object) -> Setup:
    """Write a plan of one good row, with other values."""

    def setup(place: Place) -> None:
        good = place.run(f"hstdputils plan out b {SPECTRUM}").out
        place.write("plan.out", json.dumps(json.loads(good) | values) + "\n")

    return setup


def keyword(name: str, value: str) -> Setup:
    """Set a keyword of the raw file, control characters and all."""

    def setup(place: Place) -> None:
        place.copy(SPECTRUM)
        [path] = place.inputs.rglob(RAW)
        fits.setval(path, name, value="X" * len(value))
        path.write_bytes(path.read_bytes().replace(b"X" * len(value), value.encode("latin-1"), 1))

    return setup


def _run(name: str, setup: Setup, says: str) -> Kind:
    return Kind(name, setup, "hstdputils run plan.out", 2, says)


KINDS = [
    *(
        Kind(
            f"an id: {name}",
            file("ids", f"{text}\n"),
            "hstdputils plan out b @ids",
            2,
            "error: 1 of the ids cannot be",
        )
        for name, text in IDS.items()
    ),
    *(
        Kind(
            f"a batch: {name}",
            batch(text),
            "hstdputils plan out {batch} ldem01tnq",
            2,
            "not a valid batch name: use letters",
        )
        for name, text in BATCHES.items()
    ),
    *(
        inputs(
            f"a member: {name}",
            f"{ASSOCIATION}_asn.fits lists …not a member of {ASSOCIATION}",
            member(text),
            ASSOCIATION,
        )
        for name, text in MEMBER_NAMES.items()
    ),
    *(
        inputs(f"a tarball with a name {name}", f"{SPECTRUM}.tar.gz holds no raw files of {SPECTRUM}", tar(text))
        for name, text in TAR_NAMES.items()
    ),
    *(
        inputs(f"a tarball that unpacks {name}", "outside the folder", tar(text))
        for name, text in PATHS_IN_TARS.items()
    ),
    *(_run(f"a row: {name}", row(**values), "plan.out:1: not a valid plan row") for name, values in ROWS.items()),
    *(
        _run(f"a line: {name}", file("plan.out", f"{text}\n"), "plan.out:1: not a valid plan row")
        for name, text in LINES.items()
    ),
    inputs("a ROOTNAME with escapes", "no value that can be read for ROOTNAME", keyword("ROOTNAME", "ldem\x1b[2J")),
    _run("a row: a batch that is a path", row(batch="../x"), "plan.out:1: '../x' is not a valid batch name"),
    inputs("a ROOTNAME that is a path", "ROOTNAME = ../../x", keyword("ROOTNAME", "../../x")),
]


@each_of(KINDS)
def test_hostile_input(kind: Kind, place: Place):
    check(kind, place)
    assert not (place.folder / "owned").exists()


def test_the_table_is_long_enough():
    assert len(KINDS) >= 60
