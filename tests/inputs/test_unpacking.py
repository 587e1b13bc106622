"""What packed inputs may unpack to, and that no part of them is read into memory without a bound."""

import gzip
import io
import resource
import tarfile
from pathlib import Path

import pytest

from hstdputils.calibrate.cos import RECIPE
from hstdputils.core.datasets import parse_dataset
from hstdputils.core.outcomes import AttemptFailed
from hstdputils.inputs.fetch import fetch_inputs
from hstdputils.inputs.registry import open_sources
from hstdputils.inputs.tarball import unpack
from hstdputils.inputs.unpacking import Unpacker, unpacked

MIB = 2**20
NAME = "ldem01acq"
RAW = f"{NAME}_rawacq.fits"


def write_endless(path: Path, start: bytes, mib: int) -> None:
    """Write a gzip file of zeros after a start."""
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(start)
        for _ in range(mib):
            file.write(bytes(MIB))


def tar_header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf()


def as_gzip(folder: Path, mib: int) -> None:
    write_endless(folder / RAW, b"SIMPLE  =", mib)


def as_gzip_by_name(folder: Path, mib: int) -> None:
    write_endless(folder / f"{RAW}.gz", b"SIMPLE  =", mib)


def as_tarball(folder: Path, mib: int) -> None:
    write_endless(folder / f"{NAME}.tar.gz", tar_header(RAW, mib * MIB), mib)


def as_tarball_of_something_else(folder: Path, mib: int) -> None:
    write_endless(folder / f"{NAME}.tar.gz", tar_header("a.txt", mib * MIB), mib)


def as_gzip_in_tarball(folder: Path, mib: int) -> None:
    write_endless(folder / "inner.gz", b"SIMPLE  =", mib)
    with tarfile.open(folder / f"{NAME}.tar.gz", "w:gz") as archive:
        archive.add(folder / "inner.gz", f"{RAW}.gz")


def as_long_header(folder: Path, mib: int) -> None:
    write_endless(folder / f"{NAME}.tar.gz", tar_header("x", mib * MIB, tarfile.XHDTYPE), mib)


def as_long_name(folder: Path, mib: int) -> None:
    write_endless(folder / f"{NAME}.tar.gz", tar_header("x", mib * MIB, tarfile.GNUTYPE_LONGNAME), mib)


def as_sparse_file(folder: Path, mib: int) -> None:
    write_endless(folder / f"{NAME}.tar.gz", tar_header(RAW, mib * MIB, tarfile.GNUTYPE_SPARSE), mib)


def as_trailing_zeros(folder: Path, mib: int) -> None:
    with tarfile.open(folder / "start.tar", "w") as archive:
        archive.add(__file__, RAW)
    write_endless(folder / f"{NAME}.tar.gz", (folder / "start.tar").read_bytes(), mib)


KINDS = [
    as_gzip,
    as_gzip_by_name,
    as_tarball,
    as_tarball_of_something_else,
    as_gzip_in_tarball,
    as_long_header,
    as_long_name,
    as_sparse_file,
    as_trailing_zeros,
]


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.slow
def test_what_unpacks_without_end_is_bad_input_and_takes_no_memory(tmp_path, make):
    (tmp_path / "in").mkdir()
    (tmp_path / "data").mkdir()
    make(tmp_path / "in", 400)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(AttemptFailed) as failure:
        fetch_inputs(
            *(parse_dataset(NAME), open_sources([str(tmp_path / "in")]), RECIPE.input_suffixes, tmp_path / "data"),
            unpacker=Unpacker(max_mib=50),
        )
    assert failure.value.outcome == "bad_input"
    reason = failure.value.reason
    said = (
        "unpacks to more than 50 MiB: check the file, or raise --max-unpacked-mib",
        "a header of",
        "a sparse file",
    )
    assert any(text in reason for text in said), reason
    grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown_mib < 60
    assert sum(path.stat().st_size for path in (tmp_path / "data").iterdir()) < 60 * MIB


def test_the_limit_is_of_a_dataset_not_of_a_file(tmp_path):
    for number in range(3):
        write_endless(tmp_path / f"{number}_raw.fits", b"SIMPLE  =", 4)
    unpacker = Unpacker(max_mib=10)
    unpacker.as_plain(tmp_path / "0_raw.fits")
    unpacker.as_plain(tmp_path / "1_raw.fits")
    with pytest.raises(AttemptFailed, match=r"2_raw\.fits unpacks to more than 10 MiB"):
        unpacker.as_plain(tmp_path / "2_raw.fits")


def test_a_tarball_of_very_many_files_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("hstdputils.inputs.tarball.MOST_FILES", 10)
    (tmp_path / "data").mkdir()
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for number in range(20):
            archive.addfile(tarfile.TarInfo(f"{number}_raw.txt"), io.BytesIO())
    with pytest.raises(AttemptFailed, match="holds more than 10 files"):
        unpack(tmp_path / "x.tar", tmp_path / "data", lambda name: True, Unpacker())


def test_the_start_of_packed_bytes():
    data = gzip.compress(b"SIMPLE  =" * 1000)
    assert unpacked(data, 18) == b"SIMPLE  =" * 2
    assert unpacked(data, MIB) == b"SIMPLE  =" * 1000
    assert (b"SIMPLE  =" * 1000).startswith(unpacked(data[:-12], MIB))
    with pytest.raises(ValueError, match="incorrect header check"):
        unpacked(b"\x1f\x8c no gzip", MIB)
