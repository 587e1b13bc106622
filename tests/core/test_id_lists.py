import gzip
import io
import random
import re

import pytest

from hstdputils.core.errors import UserError
from hstdputils.core.id_lists import IdList, read_id_list, read_ids, require_all_good


def names(ids):
    return [str(dataset) for dataset in ids.datasets]


def test_arguments_files_and_standard_input(tmp_path, monkeypatch):
    path = tmp_path / "my.ids"
    path.write_text("# mine\n\nLDFD01VLQ  # acquisition\n  o56502010, o56502020\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("jbz504010\r\n"))
    assert names(read_ids(["j8cb010b0", f"@{path}", "-"])) == [
        "j8cb010b0",
        "ldfd01vlq",
        "o56502010",
        "o56502020",
        "jbz504010",
    ]


def test_duplicates_are_dropped_with_a_note_of_both_places(tmp_path):
    path = tmp_path / "my.ids"
    path.write_text("ldfd01vlq\no56502010\nLDFD01VLQ\n")
    ids = read_ids([f"@{path}"])
    assert names(ids) == ["ldfd01vlq", "o56502010"]
    assert ids.duplicates == [f"{path}:3: 'LDFD01VLQ' dropped, it is already at {path}:1"]


def test_bad_names_are_reported_with_their_line_and_lose_nothing_else(tmp_path):
    path = tmp_path / "my.ids"
    path.write_text("ldfd01vlq\nu2840201t\nnonsense\no56502010\n")
    ids = read_ids([f"@{path}"])
    assert names(ids) == ["ldfd01vlq", "o56502010"]
    assert [problem.split(": ")[0] for problem in ids.problems] == [f"{path}:2", f"{path}:3"]
    with pytest.raises(UserError, match="2 of the ids"):
        require_all_good(ids, skip_bad=False)
    require_all_good(ids, skip_bad=True)


def test_a_file_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "windows.ids"
    path.write_bytes("ldfd01vlq\r\n".encode("utf-8-sig"))
    assert names(read_ids([f"@{path}"])) == ["ldfd01vlq"]


def test_long_lists_are_read_as_short_ones_are(tmp_path):
    """Lines that are taken many at a time give the same names and messages as lines that are taken one by one."""
    lines = [f"j8{number:05}0q" for number in range(20_000)]
    chance = random.Random(4)
    for place in sorted(chance.sample(range(20_000), 40)):
        lines[place] = chance.choice(["", "# none", f"{lines[place].upper()} # mine", "u2840201t", lines[place // 2]])
    lines[9000] = f"{lines[8999]}, {lines[9001]}"
    plain, each = tmp_path / "plain.ids", tmp_path / "each.ids"
    plain.write_text("\n".join(lines))
    each.write_text("\n".join(f"{line} #" for line in lines))
    found, expected = read_ids([f"@{plain}"]), read_ids([f"@{each}"])
    assert found.names == expected.names
    assert len(found.names) > 19_000
    for notes in ("bad", "problems", "duplicates"):
        said = [note.replace(str(plain), str(each)) for note in getattr(found, notes)]
        assert said == getattr(expected, notes)
        assert said


def test_the_first_place_of_a_repetition_is_named_in_any_list(tmp_path):
    first, second = tmp_path / "first.ids", tmp_path / "second.ids"
    first.write_text("ldfd01vlq\no56502010\n")
    second.write_text("jbz504010\nO56502010\nj8cb010b0\n")
    ids = read_ids(["J8CB010B0", f"@{first}", f"@{second}"])
    assert names(ids) == ["j8cb010b0", "ldfd01vlq", "o56502010", "jbz504010"]
    assert ids.duplicates == [
        f"{second}:2: 'O56502010' dropped, it is already at {first}:2",
        f"{second}:3: 'j8cb010b0' dropped, it is already at argument 1",
    ]


@pytest.mark.parametrize("text", ["ldfd01vlq\r\nO56502010\r\n", "ldfd01vlq\n\n o56502010", "LDFD01VLQ,o56502010"])
def test_ways_to_write_a_list(tmp_path, text):
    path = tmp_path / "my.ids"
    path.write_bytes(text.encode())
    assert names(read_ids([f"@{path}"])) == ["ldfd01vlq", "o56502010"]


def test_every_id_of_the_archive_is_taken(real_data):
    with gzip.open(real_data / "ids" / "all.ids.gz", "rt") as lines:
        names = [f"{line.strip()}\n" for line in lines]
    assert len(names) == 161_750
    ids = read_id_list("all.ids", "".join(names).encode())
    assert ids.problems == []
    assert len(ids.names) == 161_750


def test_words_that_look_like_ids_are_refused_alone_and_among_ids():
    ids = read_id_list("x.ids", b"ldem01acq\nobserving\nldem01tnq\n")
    assert ids.names == ["ldem01acq", "ldem01tnq"]
    assert ids.bad == ["'observing'"]
    assert "x.ids:2: 'observing' is not a valid ipppssoot: its last character is 'g'" in ids.problems[0]


@pytest.mark.parametrize(
    ("bad", "names", "said"),
    [
        (["a", "b", "c"], ["ldem01acq"], "3 of the ids cannot be processed (a, b, c), the others are done: "),
        (["a", "b", "c", "d"], [], "4 of the ids cannot be processed (a, b, c and 1 more), and there is no other: "),
    ],
)
def test_bad_ids_are_named_with_what_becomes_of_the_others(bad, names, said):
    with pytest.raises(UserError, match=f"^{re.escape(said)}"):
        require_all_good(IdList(names=names, bad=bad, problems=bad), skip_bad=False)
