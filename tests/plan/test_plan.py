import json
from pathlib import Path

import pytest

from hstdputils.core.errors import UserError
from hstdputils.model.fitted import Model
from hstdputils.plan import command
from hstdputils.records.plan_rows import longest_first, read_plan

KEYS = (
    "output batch ipppssoot instrument command vcpus memory_mib max_seconds expected_seconds "
    "evidence evidence_n cost_usd"
).split()


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "plan.out"
    path.write_text(text)
    return path


def test_one_json_line_a_dataset_with_the_keys_in_order(capsys):
    assert command.main(["s3://bucket", "night-1", "J8CB010B0", "ldfd01vlq"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [list(row) for row in rows] == [KEYS, KEYS]
    assert [row["ipppssoot"] for row in rows] == ["j8cb010b0", "ldfd01vlq"]
    assert (rows[1]["output"], rows[1]["batch"], rows[1]["instrument"]) == ("s3://bucket", "night-1", "cos")
    needs = Model.load().needs(["j8cb010b0", "ldfd01vlq"], {}, {})
    assert [row["memory_mib"] for row in rows] == [need.memory_mib for need in needs]
    assert [row["expected_seconds"] for row in rows] == [round(need.expected_seconds) for need in needs]


def test_where_no_run_is_on_record_half_of_the_limit_is_expected(capsys):
    command.main(["none", "b", "acs_8ph_01"])
    row = json.loads(capsys.readouterr().out)
    assert (row["expected_seconds"], row["cost_usd"]) == (row["max_seconds"] // 2, None)


def test_bad_ids_keep_the_good_rows(capsys):
    with pytest.raises(UserError) as error:
        command.main(["none", "b", "ldfd01vlq", "u2840201t", "o56502010"])
    assert error.value.exit_code == 2
    printed = capsys.readouterr()
    assert [json.loads(line)["ipppssoot"] for line in printed.out.splitlines()] == ["ldfd01vlq", "o56502010"]
    assert "argument 2: 'u2840201t'" in printed.err
    assert command.main(["none", "b", "ldfd01vlq", "u2840201t", "--skip-bad"]) == 0


def test_a_plan_is_read_back_as_it_was_written(tmp_path, capsys):
    command.main(["results", "b", "ldfd01vlq", "o56502010"])
    text = capsys.readouterr().out
    rows = read_plan(written(tmp_path, text))
    assert list(rows) == ["ldfd01vlq", "o56502010"]
    assert "".join(f"{row.to_json()}\n" for row in rows.values()) == text


def test_a_plan_of_an_earlier_version_has_no_expected_time(tmp_path, capsys):
    command.main(["results", "b", "ldfd01vlq"])
    row = json.loads(capsys.readouterr().out)
    del row["expected_seconds"]
    found = read_plan(written(tmp_path, json.dumps(row)))["ldfd01vlq"]
    assert found.expected_seconds == row["max_seconds"] // 2
    assert list(json.loads(found.to_json())) == KEYS


def test_rows_start_longest_first(tmp_path, capsys):
    command.main(["results", "b", "ldfd01vlq", "j8cb010b0", "ldfd01vnq", "acs_8ph_01"])
    rows = longest_first(read_plan(written(tmp_path, capsys.readouterr().out)).values())
    assert [row.ipppssoot for row in rows] == ["acs_8ph_01", "j8cb010b0", "ldfd01vlq", "ldfd01vnq"]


def test_tuples_of_2020_are_read(tmp_path):
    path = written(tmp_path, "('s3://b', 'batch-1/J8CB010B0', 'J8CB010B0', 'acs', 'hstdp-process', 4, 2048, 14400)\n")
    row = read_plan(path)["j8cb010b0"]
    assert (row.batch, row.vcpus, row.memory_mib, row.max_seconds) == ("batch-1", 4, 2048, 14400)
    assert row.expected_seconds == 7200


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"output": "x"}',
        "('s3://b', 'batch-1/J8CB010B0')",
        "(__import__('os').system('touch evaluated'),)",
        "('s3://b', 'b/x', 'J8CB010B0', 'acs', 'hstdp-process', 4, __import__('os').getpid(), 14400)",
        "('s3://b', 'b/x', 'J8CB010B0', 'cos', 'hstdp-process', 4, 2048, 14400)",
        "('s3://b', 'b/x', 'J8CB010B0', 'acs', 'hstdp-process', 4, -1, 14400)",
        "('s3://b', 'b/x', 'J8CB010B0', 'acs', 'hstdp-process', 4, True, 14400)",
        "('s3://b', 7, 'J8CB010B0', 'acs', 'hstdp-process', 4, 2048, 14400)",
        "('s3://b', 'b/x', 'J8CB010B0', None, 'hstdp-process', 4, 2048, 14400)",
        "('s3://b', 'b/x', ['J8CB010B0'], 'acs', 'hstdp-process', 4, 2048, 14400)",
        pytest.param("[" * 100_000, id="lists in lists"),
        pytest.param('{"a":' * 100_000, id="objects in objects"),
        pytest.param("(" * 100_000, id="tuples in tuples"),
        pytest.param(f"({'-' * 100_000}1,)", id="minus of minus"),
        pytest.param(f'{{"output": "{"x" * 100_000}"}}', id="a long value"),
    ],
)
def test_a_line_that_is_no_row_is_named_and_never_evaluated(tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path, f"\n{line}\n")
    with pytest.raises(UserError, match=f"{path.name}:2: not a valid plan row") as error:
        read_plan(path)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600
    assert not (tmp_path / "evaluated").exists()


def test_a_second_row_for_a_dataset_is_refused(tmp_path, capsys):
    command.main(["results", "b", "ldfd01vlq"])
    text = capsys.readouterr().out
    with pytest.raises(UserError, match=r"plan.out:2: a second row for ldfd01vlq"):
        read_plan(written(tmp_path, text + text))
