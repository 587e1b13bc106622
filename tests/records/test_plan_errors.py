"""What is said of a plan or a slice that cannot be used, and the row that is taken all the same."""

import json
import time

import pytest

from hstdputils.core.errors import ExitCode, UserError
from hstdputils.records.batch import Batch
from hstdputils.records.plan_files import read_plan_strictly, read_slice, row_of_child, write_slice
from hstdputils.records.plan_rows import PlanRow, parse_row
from hstdputils.store.folder import FolderStore
from hstdputils.store.layout import BatchKeys
from tests.stand_ins.aws_batch.site import row


@pytest.fixture
def store(tmp_path):
    return FolderStore(tmp_path)


@pytest.mark.parametrize("key", ["batch", "output"])
def test_a_row_of_another_store_or_batch_is_refused(tmp_path, key):
    plan, other = tmp_path / "plan.out", "o" * 100
    plan.write_text("".join(f"{json.dumps(item)}\n" for item in (row(0), row(1) | {key: other})))
    shown = f"'{other[:59]}…"
    with pytest.raises(UserError, match=rf"plan\.out:2: {key} is {shown}, and '{row(0)[key]}' in the first row"):
        read_plan_strictly(plan)


def test_a_slice_without_the_row_of_a_child_is_named(store):
    write_slice(Batch(store, "b"), "t-0001", [PlanRow(**row(0))])
    assert row_of_child(Batch(store, "b"), "t-0001", "0") == PlanRow(**row(0))
    with pytest.raises(UserError) as caught:
        row_of_child(Batch(store, "b"), "t-0001", "1")
    assert str(caught.value).startswith(
        f"{store.address(BatchKeys('b').slice_key('t-0001'))} has 1 rows, and none with index 1"
    )


@pytest.mark.parametrize("data", [None, b"no slice"])
def test_a_slice_that_cannot_be_read_is_a_matter_of_inputs(store, data):
    if data:
        store.put_bytes(data, BatchKeys("b").slice_key("t-0001"))
    with pytest.raises(UserError) as caught:
        read_slice(Batch(store, "b"), "t-0001")
    assert caught.value.exit_code == ExitCode.S3_DOWNLOAD


def test_a_slice_that_is_written_again_is_the_same_to_the_byte(store, monkeypatch):
    written = []
    for moment in (1e9, 2e9):
        monkeypatch.setattr(time, "time", lambda moment=moment: moment)
        write_slice(Batch(store, "b"), "t-0001", [PlanRow(**row(0))])
        written.append(store.get_bytes(BatchKeys("b").slice_key("t-0001")))
    assert written[0] == written[1]


def test_blanks_before_and_after_a_row_of_2020_mean_nothing():
    line = b"('s3://out', 'b/LDEM01ACQ', 'LDEM01ACQ', 'cos', 'hstdp-process', 4, 2048, 14400)"
    assert parse_row(b"  " + line + b" \n") == parse_row(line)
    with pytest.raises(ValueError, match="a tuple of 8 values is wanted"):
        parse_row(b"(1, 2)")
    with pytest.raises(ValueError, match="too many brackets"):
        parse_row(b"(" * 100 + b")" * 100)
