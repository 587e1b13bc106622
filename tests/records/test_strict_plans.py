"""Plans that are refused, with their line, before anything is sent."""

import json
import tracemalloc

import pytest

from hstdputils.core.errors import UserError
from hstdputils.records import plan_files
from hstdputils.records.plan_files import read_plan_strictly

GOOD = {
    "output": "s3://bucket",
    "batch": "b",
    "ipppssoot": "ldem01acq",
    "instrument": "cos",
    "command": "hstdp-process",
    "vcpus": 1,
    "memory_mib": 1536,
    "max_seconds": 1200,
    "evidence": "history",
    "evidence_n": 3,
    "cost_usd": 0.004,
}
SECOND = json.dumps(GOOD | {"ipppssoot": "ldem01010"})
TUPLE = "('s3://bucket', 'b/LDEM01ACQ', 'LDEM01ACQ', 'cos', 'hstdp-process', 4, 2048, 14400)"


@pytest.fixture
def read(tmp_path):
    def read_text(*lines):
        path = tmp_path / "plan.out"
        path.write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines))
        return read_plan_strictly(path)

    return read_text


def test_good_plans(read):
    rows = read("", SECOND, "", json.dumps(GOOD))
    assert [row.ipppssoot for row in rows] == ["ldem01010", "ldem01acq"]
    assert [(row.batch, row.vcpus, row.memory_mib) for row in read(TUPLE)] == [("b", 4, 2048)]


def changed(**values):
    return json.dumps(GOOD | values)


REFUSED = [
    json.dumps(GOOD)[:100],
    TUPLE[:40],
    "__import__('os').system('touch /tmp/owned')",
    "(__import__('os').system('true'), 'b', 'c', 'cos', 'hstdp-process', 1, 2, 3)",
    TUPLE.replace("4, 2048", "4 ** 99999999, 2048"),
    TUPLE.replace(", 14400", ""),
    TUPLE.replace("2048", "'2048'"),
    "[]",
    "null",
    "{}",
    "[" * 4000,
    "(" * 4000,
    '{"output": ' * 300,
    "(" + "-" * 4000 + "1,)",
    json.dumps(GOOD | {"evidence": "x" * 5000}),
    b"\xff\xfe\x00\x01",
    changed(output=5),
    changed(output=None),
    changed(batch={"a": 1}),
    changed(batch="../b"),
    changed(batch="other"),
    changed(output="s3://other"),
    changed(ipppssoot=7),
    changed(ipppssoot="../../etc"),
    changed(ipppssoot="j8cb010b0"),
    changed(instrument=["cos"]),
    changed(command="rm -rf /"),
    changed(command="sh"),
    changed(vcpus=True),
    changed(vcpus=1.5),
    changed(vcpus=0),
    changed(memory_mib="1536"),
    changed(memory_mib=-1),
    changed(memory_mib=10**12),
    changed(max_seconds=10**9),
    changed(cost_usd="free"),
    json.dumps(GOOD).replace("0.004", "NaN"),
    json.dumps(GOOD).replace("1536", "9" * 3000),
    json.dumps(GOOD).replace("1536", "1" + "0" * 4290),
    json.dumps(GOOD).replace("}", ', "more": 1}'),
]
"""Lines that are not valid plan rows."""


@pytest.mark.parametrize("line", REFUSED, ids=[f"line-{number}" for number in range(len(REFUSED))])
def test_refused_with_the_line(read, line):
    with pytest.raises(UserError, match=r"plan\.out:3: ") as caught:
        read(SECOND, "", line)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_second_row_for_a_dataset(read):
    with pytest.raises(UserError, match=r"plan\.out:2: a second row for ldem01010"):
        read(SECOND, SECOND)


def test_empty_and_missing_plans(read, tmp_path):
    with pytest.raises(UserError, match="is empty"):
        read("", "")
    with pytest.raises(UserError, match="there is no plan"):
        read_plan_strictly(tmp_path / "none.out")
    with pytest.raises(UserError, match="cannot be read"):
        read_plan_strictly(tmp_path)


def test_too_many_rows_are_refused_before_they_are_read(read, monkeypatch):
    monkeypatch.setattr(plan_files, "MOST_ROWS", 1000)
    with pytest.raises(UserError, match=r"plan\.out:1001: more than 1,000 rows: cut the list"):
        read(*[changed(ipppssoot=f"ldem{number:04}q") for number in range(1001)], *["{"] * 10)


def test_one_endless_line(tmp_path):
    path = tmp_path / "plan.out"
    with path.open("wb") as out:
        out.truncate(2**32)
    tracemalloc.start()
    with pytest.raises(UserError, match=r"plan\.out:1: .*longer than"):
        read_plan_strictly(path)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()
