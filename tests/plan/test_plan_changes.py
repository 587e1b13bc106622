import json

import pytest

from hstdputils.core.errors import UserError
from hstdputils.model.prices import Prices
from hstdputils.plan import command
from hstdputils.records.plan_rows import read_plan

NAMES = ["ldfd01vlq", "izzz01010", "izzz02010", "j8cb010b0"]
OF_2020 = "('s3://b', 'batch-1/J9CB010B0', 'J9CB010B0', 'acs', 'hstdp-process', 4, 2048, 14400)"


@pytest.fixture
def path(tmp_path, capsys):
    command.main(["s3://bucket", "night-1", *NAMES])
    path = tmp_path / "plan.out"
    path.write_text(capsys.readouterr().out)
    path.chmod(0o640)
    return path


def changed(before, path) -> list[str]:
    """Return the datasets whose lines differ."""
    after = path.read_text().splitlines()
    return [json.loads(new)["ipppssoot"] for old, new in zip(before, after, strict=True) if old != new]


def test_all_rows_are_changed(path, capsys):
    assert command.main(["edit", str(path), "memory_mib=8192", "max_seconds=777"]) == 0
    assert capsys.readouterr().out == f"4 of 4 rows changed in {path}\n"
    assert {(row.memory_mib, row.max_seconds) for row in read_plan(path).values()} == {(8192, 777)}
    assert path.stat().st_mode & 0o777 == 0o640
    assert [other.name for other in path.parent.iterdir()] == ["plan.out"]


@pytest.mark.parametrize(
    ("only", "names"),
    [
        (["wfc3"], ["izzz01010", "izzz02010"]),
        (["J8CB010B0"], ["j8cb010b0"]),
        (["acs,cos"], ["ldfd01vlq", "j8cb010b0"]),
        (["acs", "izzz02010"], ["izzz02010", "j8cb010b0"]),
    ],
)
def test_rows_of_instruments_or_datasets_are_changed_and_no_others(path, only, names, capsys):
    before = path.read_text().splitlines()
    command.main(["edit", str(path), "max_seconds=777", "--only", *only])
    assert changed(before, path) == names
    assert capsys.readouterr().out.startswith(f"{len(names)} of 4 rows changed")


@pytest.mark.parametrize(
    "words",
    [
        ["edit", "PLAN", "max_seconds=777"],
        ["edit", "max_seconds=777", "PLAN"],
        ["edit", "--only", "acs", "PLAN", "max_seconds=777"],
        ["edit", "PLAN", "--only", "acs", "max_seconds=777"],
        ["edit", "PLAN", "--region", "us-east-1", "max_seconds=777"],
        ["--set", "max_seconds=777", "PLAN"],
        ["PLAN", "--set", "max_seconds=777"],
        ["--only", "acs", "PLAN", "--set", "max_seconds=777"],
        ["--set=max_seconds=777", "--only", "acs", "PLAN"],
    ],
)
def test_the_plan_may_stand_anywhere(path, words):
    command.main([str(path) if word == "PLAN" else word for word in words])
    assert read_plan(path)["j8cb010b0"].max_seconds == 777


def test_the_old_plan_stays_where_another_file_is_named(path, tmp_path):
    before = path.read_text()
    command.main(["edit", str(path), "vcpus=4", "-o", str(tmp_path / "new.out")])
    assert path.read_text() == before
    assert {row.vcpus for row in read_plan(tmp_path / "new.out").values()} == {4}


def test_the_cost_follows_the_size(path):
    before = read_plan(path)["izzz01010"]
    command.main(["edit", str(path), f"memory_mib={4 * before.memory_mib}"])
    after = read_plan(path)["izzz01010"]
    rates = Prices.load().rates
    ratio = rates[after.memory_mib, 1] / rates[before.memory_mib, 1]
    assert ratio > 1.5
    assert after.cost_usd == pytest.approx(before.cost_usd * ratio, rel=1e-3)


def test_nothing_changes_where_the_values_are_there_already(path, capsys):
    command.main(["edit", str(path), "max_seconds=777"])
    before = path.read_text()
    capsys.readouterr()
    command.main(["edit", str(path), "max_seconds=777"])
    assert capsys.readouterr().out.startswith("0 of 4 rows")
    assert path.read_text() == before


def test_rows_of_2020_stay_as_they_are_or_become_rows_of_today(path):
    path.write_text(f"{OF_2020}\n{path.read_text()}")
    command.main(["edit", str(path), "max_seconds=777", "--only", "cos"])
    assert path.read_text().splitlines()[0] == OF_2020
    command.main(["edit", str(path), "max_seconds=777", "--only", "acs"])
    assert json.loads(path.read_text().splitlines()[0])["max_seconds"] == 777


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["memory=1"], r"no column 'memory' can be changed; did you mean 'memory_mib'\? \(vcpus, memory_mib"),
        (["output=x"], "no column 'output' can be changed"),
        (["memory_mib=0"], "memory_mib must be a whole number above 0, not '0'"),
        (["memory_mib"], "memory_mib must be a whole number above 0, not ''"),
        ([], "which values"),
        (["memory_mib=8G"], "memory_mib must be a whole number above 0, not '8G'"),
        (["memory_mib=²"], "memory_mib must be a whole number above 0, not '²'"),
        (
            ["vcpus=2", "--only", "izzz09010", "j8cb010b0"],
            "has no row of izzz09010: correct --only; nothing is changed",
        ),
        (["vcpus=2", "--only", "stis"], "has no row of stis"),
        (["vcpus=2", "--only", "nicmos"], "--only: 'nicmos' is not a valid ipppssoot"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_changes_nothing(path, words, says):
    before = path.read_text()
    with pytest.raises(UserError, match=says) as error:
        command.main(["edit", str(path), *words])
    assert "\n" not in str(error.value)
    assert path.read_text() == before
    assert [other.name for other in path.parent.iterdir()] == ["plan.out"]


def test_a_plan_with_a_line_that_is_none_stays(path):
    path.write_text(f"{path.read_text()}(__import__('os').getpid(),)\n")
    before = path.read_text()
    with pytest.raises(UserError, match=r"plan\.out:5: no plan row"):
        command.main(["edit", str(path), "vcpus=2"])
    assert path.read_text() == before


@pytest.mark.parametrize("words", [["vcpus=2"], ["vcpus=2", "--only", "acs"], ["vcpus=2", "none.out"]])
def test_without_a_plan_there_is_nothing_to_change(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"which plan\? Name its file|cannot read the plan none\.out"):
        command.main(["edit", *words])
