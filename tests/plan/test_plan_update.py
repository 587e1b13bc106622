"""A batch's plan is brought up to date by what is wanted and what it rests on, and what a person edited stays."""

import json
import os
import threading
from pathlib import Path

import pytest

from hstdputils.core.errors import UserError
from hstdputils.plan import command
from hstdputils.plan.update import BatchPlan
from hstdputils.records.plan_files import ids_digest, read_plan_strictly

A, B, C = "ldem01acq", "ldem01tnq", "ldem01pkq"


@pytest.fixture
def update(tmp_path, monkeypatch):
    """Return a function that brings the plan of a batch up to date, and returns its rows by dataset."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, output="results", batch="b"):
        assert command.main([output, batch, *arguments, "--update", "results/b/plan.out"]) == 0
        return rows()

    return run


def text():
    return Path("results/b/plan.out").read_text()


def rows():
    return {row["ipppssoot"]: row for row in map(json.loads, text().splitlines())}


def edit(name, **values):
    lines = [json.dumps(row | values if row["ipppssoot"] == name else row) for row in rows().values()]
    write("".join(f"{line}\n" for line in lines))


def write(content):
    Path("results/b/plan.out").write_text(content)


def test_ids_are_added_and_dropped_and_edited_rows_stay(update):
    first = update(A, B)
    edit(A, memory_mib=9000)
    then = update(C, A)
    assert list(then) == [C, A]
    assert then[A] == first[A] | {"memory_mib": 9000}
    again = update(B, A)
    assert again[B] == first[B]
    assert again[A]["memory_mib"] == 9000
    assert update(B)[B] == first[B]
    assert update(A, B)[A] == first[A], "a row whose dataset was not wanted for a while is planned anew"


def test_a_row_that_was_deleted_by_hand_comes_back_whatever_the_clock_says(update):
    first = update(A, B, C)
    write("".join(line for line in text().splitlines(keepends=True) if B not in line))
    os.utime("results/b/plan.out", (4e9, 4e9))
    assert update(A, B, C) == first


def test_other_settings_plan_rows_anew_but_for_edited_ones(update):
    update(A, B)
    edit(A, memory_mib=9001)
    then = update(A, B, "--grid-mib=1000")
    assert then[A]["memory_mib"] == 9001
    assert then[B]["memory_mib"] % 1000 == 0
    back = update(A, B)
    assert back[A]["memory_mib"] == 9001
    assert back[B]["memory_mib"] % 1000


def test_the_contents_of_a_table_count_and_not_its_age(update, tmp_path):
    columns = "ipst,n_files,total_mb,drizcorr,pctecorr,crsplit,subarray,detector,dtype,instr"
    table = tmp_path / "f.csv"
    table.write_text(f"{columns}\n{A},2,9,0,0,0,1,0,0,1\n")
    assert [row["evidence"] for row in update(A, B, "--features=f.csv").values()] == ["features", "instrument"]
    before = table.stat()
    table.write_text(f"{columns}\n{B},2,9,0,0,0,1,0,0,1\n")
    os.utime(table, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert [row["evidence"] for row in update(A, B, "--features=f.csv").values()] == ["instrument", "features"]


def test_a_plan_without_a_record_is_somebodys_own(update):
    update(A, B)
    edit(B, max_seconds=77)
    Path("results/b/plan.json").unlink()
    assert update(A, B, C, "--grid-mib=1000")[B]["max_seconds"] == 77


@pytest.mark.parametrize("record", ["", "[]", "[" * 100_000, '{"settings": 1, "rows": [1]}', '{"settings": "x"}'])
def test_a_record_that_cannot_be_read_loses_nothing(update, record):
    before = update(A, B)
    Path("results/b/plan.json").write_text(record)
    assert update(A, B) == before


def test_rows_of_another_batch_go_and_another_store_stops(update):
    first = update(A, B)
    edit(A, batch="other", memory_mib=1)
    assert update(A, B) == first
    update(A, B, output="./results")
    assert {row["output"] for row in rows().values()} == {"./results"}
    assert update(A, B) == first
    before = text()
    with pytest.raises(UserError, match=r"^results/b is of the batch 'b' in the store 'results', not in 's3://x': "):
        update(A, B, output="s3://x")
    assert text() == before


def test_bad_ids_write_nothing(update):
    with pytest.raises(UserError, match="cannot be processed"):
        update(A, "u2840201t")
    assert not Path("results").exists()
    assert list(update(A, "u2840201t", "--skip-bad")) == [A]


def test_a_planner_that_is_killed_leaves_the_plan_whole(update, monkeypatch):
    first = update(A, B)

    def killed(self, record):
        raise KeyboardInterrupt

    monkeypatch.setattr(BatchPlan, "_write_record", killed)
    with pytest.raises(KeyboardInterrupt):
        update(A, B, C)
    assert rows() == first


def test_many_planners_at_once_leave_one_whole_plan_that_none_takes_for_edited(tmp_path):
    target = BatchPlan(tmp_path / "b/plan.out", "results", "b")
    lists = [[A, B], [B, C], [A, C], [C, B, A]]

    def planned(memory_mib):
        row = {"output": "results", "batch": "b", "instrument": "cos", "command": "hstdp-process", "vcpus": 1}
        row |= {"memory_mib": memory_mib, "max_seconds": 1, "evidence": "x", "evidence_n": 0, "cost_usd": None}
        return lambda names: [f"{json.dumps(row | {'ipppssoot': name})}\n" for name in names]

    copies = [tmp_path / f"copy-{number}" for number in range(40)]
    threads = [
        threading.Thread(target=target.update, args=(lists[n % 4], f"s{n % 3}", planned(n % 3 + 1), copies[n]))
        for n in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, copy in enumerate(copies):
        found = read_plan_strictly(copy, ids_digest(lists[number % 4]))
        assert {row.memory_mib for row in found} == {number % 3 + 1}
    assert target.update([A, B, C], "last", planned(9)).edited == 0
    assert {row.memory_mib for row in target.rows().values()} == {9}
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == ["plan.json", "plan.out"]


def test_what_is_wanted_is_held_against_the_plan(update):
    update(A, B)
    path = Path("results/b/plan.out")
    assert len(read_plan_strictly(path, ids_digest([B, A]))) == 2
    for wanted in ([A], [A, B, C], [A, C]):
        with pytest.raises(UserError, match=r"^the 2 rows of results/b/plan\.out are not those of the datasets"):
            read_plan_strictly(path, ids_digest(wanted))
