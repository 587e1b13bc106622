"""Bad input: ids and the lists of them."""

import gzip
import json
import re

from tests.bad_input.kinds import IMAGE, SPECTRUM, Kind, Place, check, each_of, plan, process
from tests.bad_input.setups import file

PACKED = gzip.compress(b"ldem01acq\n")
TABLE = "target,ra,dec\nM31,10.7,41.3\n"

KINDS = [
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
    plan("no list after @", "none b @ my.ids", "'@' does not name a file: write @FILE"),
    plan("a list cut short", "none b @l.gz", "l.gz is not a whole gzip file", file("l.gz", PACKED[:-4])),
    plan("a list in a zip file", "none b @l", "l is packed with zip: unpack it, or", file("l", b"PK\3\4")),
    plan("a table of other things", "none b @l", "l has no column of dataset names…call it", file("l", TABLE)),
    plan("a broken VOTable", "none b @l", "l is not a valid VOTable (…: export it anew", file("l", "<VOTABLE>")),
    plan("a list without its mark", "none b l", "1 of the ids cannot be processed ('l')", file("l", "ldem01acq\n")),
    plan("a binary list", "none b @l", "l is not a text file: give one", file("l", bytes(range(256)))),
    plan("zeros as a list", "none b - < l", "<stdin> is not a text file: give one", file("l", bytes(999))),
]


@each_of(KINDS)
def test_bad_input(kind: Kind, place: Place):
    check(kind, place)


def test_good_rows_are_written_beside_bad_ids(place: Place):
    place.write("my.ids", "ldem01acq\nu5780205r  # WFPC2\nq23456789\nLDEM01TNQ\n")
    for option, status in (("", 2), ("--skip-bad", 0)):
        ran = place.commands.run("sh", "-c", f"hstdputils plan none b @my.ids {option}")
        assert ran.status == status
        assert [json.loads(line)["ipppssoot"] for line in ran.out.splitlines()] == [IMAGE, SPECTRUM]
        assert re.search(r"^\w.*: my.ids:2: 'u5780205r' is a dataset of WFPC2", ran.err, re.MULTILINE)
        assert re.search(r"^\w.*: my.ids:3: 'q23456789': no HST instrument has the letter 'q'", ran.err, re.MULTILINE)
        assert ("error: 2 of the ids" in ran.err) == (status == 2)
