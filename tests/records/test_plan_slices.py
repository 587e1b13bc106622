"""Slices of a plan, and the rows that children of array jobs take from them."""

import gzip

import pytest

from hstdputils.core.errors import UserError
from hstdputils.engines.aws_batch.submit import LARGEST_ARRAY, group
from hstdputils.process.options import read_options, settings_of
from hstdputils.records.batch import Batch
from hstdputils.records.plan_files import ROW_VARIABLE, read_slice, write_slice
from hstdputils.records.plan_rows import PlanRow
from hstdputils.store.folder import FolderStore
from hstdputils.store.layout import BatchKeys

INDEX = "AWS_BATCH_JOB_ARRAY_INDEX"


def rows(count, instrument="cos", memory_mib=2048, **changed):
    values = {"output": "out", "batch": "b", "instrument": instrument, "command": "hstdp-process", "vcpus": 1}
    values |= {"memory_mib": memory_mib, "max_seconds": 1200, "evidence": "x", "evidence_n": 1, "cost_usd": None}
    letter = {"cos": "l", "stis": "o", "acs": "j"}[instrument]
    return [PlanRow(ipppssoot=f"{letter}{number:08d}", **(values | changed)) for number in range(count)]


@pytest.fixture
def store(tmp_path):
    store = FolderStore(tmp_path)
    write_slice(Batch(store, "b"), "t-0001", rows(3))
    return store


def options(store, *further):
    return read_options([str(store.root), "b", "--slice", "t-0001", *further])


def test_children_take_their_rows(store, monkeypatch):
    assert read_slice(Batch(store, "b"), "t-0001") == rows(3)
    monkeypatch.setenv(INDEX, "2")
    assert read_options([str(store.root), "b", "--slice=t-0001"]).ipppssoots == ["l00000002"]
    taken = options(store, "--crds-context", "hst_0729.pmap")
    assert taken.ipppssoots == ["l00000002"]
    settings = settings_of(taken)
    assert settings.plan_row["ipppssoot"] == "l00000002"
    assert settings.context == "hst_0729.pmap"


@pytest.mark.parametrize(
    ("index", "said"),
    [(None, f"--slice needs {INDEX}"), ("x", "--slice needs"), ("3", "has 3 rows, and none with index 3")],
)
def test_no_such_child(store, monkeypatch, index, said):
    monkeypatch.delenv(INDEX, raising=False)
    if index is not None:
        monkeypatch.setenv(INDEX, index)
    with pytest.raises(UserError, match=said):
        options(store)


def test_bad_slices(store, monkeypatch):
    monkeypatch.setenv(INDEX, "0")
    with pytest.raises(UserError, match="unrecognized arguments: l00000001"):
        options(store, "l00000001")
    path = store.root / BatchKeys("b").slice_key("t-0001")
    whole = path.read_bytes()
    lines = gzip.decompress(whole)
    wrong = [b'{"a": 1}\n', b"(1,)\n", lines.replace(b"2048", b'"2048"'), lines.replace(b'"b"', b'"c"'), b"x" * 10**7]
    for data in (b"", b"{}", whole[:-20], whole[:30], *map(gzip.compress, wrong)):
        path.write_bytes(data)
        with pytest.raises(UserError, match=r"t-0001.jsonl.gz (is not a valid slice|has 0 rows)"):
            options(store)
    path.unlink()
    with pytest.raises(UserError, match="is not there: submit the plan again"):
        options(store)


def test_single_jobs_find_their_row_in_a_variable(monkeypatch):
    monkeypatch.setenv(ROW_VARIABLE, rows(1)[0].to_json())
    assert read_options(["out", "b", "l00000000"]).plan_row["memory_mib"] == 2048
    monkeypatch.setenv(ROW_VARIABLE, "[]")
    with pytest.raises(UserError, match="not a valid JSON object"):
        read_options(["out", "b", "l00000000"])


def shape(groups):
    return [(item.instrument, item.rows[0].memory_mib, len(item.rows)) for item in groups]


def test_arrays_are_of_one_size_and_of_one_instrument_where_they_can_be():
    assert shape(group([*rows(3), *rows(2, memory_mib=4096), *rows(2, "stis")])) == [
        ("cos", 4096, 2),
        ("stis", 2048, 2),
        ("cos", 2048, 3),
    ]
    assert shape(group([*rows(1), *rows(1, "stis"), *rows(2, "acs")])) == [("acs", 2048, 2), ("cos+stis", 2048, 2)]
    assert shape(group([*rows(1), *rows(1, max_seconds=1), *rows(1, vcpus=2)])) == [("cos", 2048, 1)] * 3


@pytest.mark.parametrize("count", [2, LARGEST_ARRAY, LARGEST_ARRAY + 1, 2 * LARGEST_ARRAY + 1, 2 * LARGEST_ARRAY + 2])
def test_no_array_is_too_large_and_no_row_is_lost(count):
    groups = group(rows(count))
    assert sorted(row.ipppssoot for item in groups for row in item.rows) == [row.ipppssoot for row in rows(count)]
    assert max(len(item.rows) for item in groups) <= LARGEST_ARRAY
    assert len(groups) == -(-count // LARGEST_ARRAY)
