"""Files are written whole or not at all."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import hstdputils
from hstdputils.core.files import atomic_write, whole_file


def test_bytes_and_text_are_written_into_a_new_folder(tmp_path):
    atomic_write(tmp_path / "new" / "bytes", b"\0\xff")
    atomic_write(tmp_path / "new" / "text", "µ\n")
    assert (tmp_path / "new/bytes").read_bytes() == b"\0\xff"
    assert (tmp_path / "new/text").read_bytes() == "µ\n".encode()
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"bytes", "text"}


def test_half_a_character_is_an_error_or_replaced(tmp_path):
    path = tmp_path / "text"
    path.write_text("before")
    with pytest.raises(UnicodeEncodeError):
        atomic_write(path, "a\ud800")
    assert (path.read_text(), [*tmp_path.iterdir()]) == ("before", [path])
    atomic_write(path, "a\ud800", errors="replace")
    assert path.read_text() == "a?"


def test_a_block_that_fails_leaves_the_earlier_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_text("before")

    def fail() -> None:
        with whole_file(path) as part:
            part.write_text("half")
            assert (part.parent, part.name[0]) == (tmp_path, ".")
            assert path.read_text() == "before"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (path.read_text(), [*tmp_path.iterdir()]) == ("before", [path])


def test_a_rename_that_fails_leaves_nothing(tmp_path):
    (tmp_path / "folder" / "in").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        atomic_write(tmp_path / "folder", "x")
    assert [*tmp_path.iterdir()] == [tmp_path / "folder"]


def test_only_one_of_several_writers_makes_an_absent_file(tmp_path):
    path = tmp_path / "file"

    def write(text: str) -> bool:
        try:
            with whole_file(path, only_if_absent=True) as part:
                part.write_text(text)
        except FileExistsError:
            return False
        return True

    texts = [str(number) for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        written = [text for text, did in zip(texts, pool.map(write, texts), strict=True) if did]
    assert written == [path.read_text()]
    assert [*tmp_path.iterdir()] == [path]


def test_many_writers_at_once_leave_the_file_of_one(tmp_path):
    path = tmp_path / "file"
    texts = [f"{number}" * 100_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda text: atomic_write(path, text), texts))
    assert path.read_text() in texts
    assert [*tmp_path.iterdir()] == [path]


def test_a_link_is_replaced_and_what_it_names_stays(tmp_path):
    (tmp_path / "target").write_text("before")
    link = tmp_path / "link"
    link.symlink_to("target")
    atomic_write(link, "new")
    assert not link.is_symlink()
    assert (link.read_text(), (tmp_path / "target").read_text()) == ("new", "before")


def test_a_new_file_has_the_permissions_of_the_umask(tmp_path):
    (tmp_path / "usual").write_text("")
    atomic_write(tmp_path / "file", "")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_files_are_written_aside_in_one_module():
    """What resumes a download, or moves a whole folder, is another thing."""
    package = Path(hstdputils.__file__).parent
    aside = re.compile(r"uuid4\(\)\.hex\}\.part|getpid\(\)\}\.part")
    assert [path for path in package.rglob("*.py") if aside.search(path.read_text())] == []
