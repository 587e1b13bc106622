import gzip
import math
from pathlib import Path

import pytest

from hstdputils.core.errors import UserError
from hstdputils.model.features import Features
from hstdputils.model.tables import COLUMNS, read_features_table

HEADER = ",".join(COLUMNS)
ROW = "jbz504010,5.0,4,1,0,0,0,0,1,0"
KNOWN = Features(5, 4, 1, 0, 0, 0, 0, 1)


def written(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "features.csv"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_a_row_is_read_for_each_dataset_in_any_case(tmp_path):
    path = written(tmp_path, HEADER, ROW, "", ROW.upper().replace("BZ", "bA").replace(",4,", ",9,"))
    table = read_features_table(path)
    assert dict(table) == {"jbz504010": KNOWN, "jba504010": KNOWN._replace(total_mb=9)}
    assert "ldfd01vlq" not in table


def test_of_two_rows_for_a_dataset_the_last_counts(tmp_path):
    for more in ([], ["jbz504020,,4,1,0,0,0,0,1,0"]):
        table = read_features_table(written(tmp_path, HEADER, ROW, *more, ROW.replace(",4,", ",9,")))
        assert table["jbz504010"].total_mb == 9


def test_columns_may_stand_in_any_order_beside_measured_ones_and_the_table_may_be_packed(tmp_path):
    path = tmp_path / "features.csv.gz"
    columns = [*reversed(COLUMNS), "memory", "wallclock", "mem_bin", "src"]
    values = [*reversed(ROW.split(",")), "1.17", "126.0", "0.0", "latest"]
    path.write_bytes(gzip.compress(f"{','.join(columns)}\r\n{','.join(values)}\r\n".encode("utf-8-sig")))
    assert dict(read_features_table(path)) == {"jbz504010": KNOWN}


def test_an_empty_value_is_not_known(tmp_path):
    quoted = '"ldfd01vlq",2,9,0,0,0,1,0,0,1'
    table = read_features_table(written(tmp_path, HEADER, ROW.replace(",5.0,", ",,"), quoted))
    assert math.isnan(table["jbz504010"].n_files)
    assert table["jbz504010"][1:] == KNOWN[1:]
    assert table["ldfd01vlq"].total_mb == 9


def test_a_table_without_rows_knows_nothing(tmp_path):
    assert dict(read_features_table(written(tmp_path, HEADER))) == {}


def test_a_name_that_is_longer_than_any_dataset_s_is_nobody_s(tmp_path):
    table = read_features_table(written(tmp_path, HEADER, ROW.replace("jbz504010", "jbz504010" + "x" * 30)))
    assert "jbz504010" not in table


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (
            [HEADER.replace("crsplit,", "")],
            r"features.csv: the column 'crsplit' is missing: the columns are ipst,n_files",
        ),
        (
            [HEADER.replace("crsplit", "crsplti")],
            r"'crsplit' is missing \(it has 'crsplti'; did you mean 'crsplit'\?\)",
        ),
        ([HEADER + ",colour", ROW + ",red"], "unknown column 'colour': the columns are ipst"),
        ([HEADER + ",crsplit", ROW + ",1"], "the column 'crsplit' is there twice"),
        ([HEADER, ROW, "ldfd01vlq,2,9"], "features.csv:3: 3 values are too few"),
        ([HEADER, "ldfd01vlq,2,nine,0,0,0,0,0,0,1"], "features.csv:2: 'nine' is not a number"),
        ([HEADER, ROW, "ldfd01vlq,2,1e999,0,0,0,0,0,0,1"], "features.csv:3: '1e999' is not a number"),
        ([], "the column 'ipst' is missing"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, lines, says):
    with pytest.raises(UserError, match=says) as error:
        read_features_table(written(tmp_path, *lines))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content", [bytes(range(256)), gzip.compress(HEADER.encode(), mtime=0)[:-9]], ids=["no text", "cut"]
)
def test_what_is_no_table_is_refused(tmp_path, content):
    path = tmp_path / "features.csv"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"features\.csv"):
        read_features_table(path)


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.csv \(No such file or directory\): correct --features"):
        read_features_table(tmp_path / "none.csv")
