import io
import json

import pytest
from rich.console import Console

from hstdputils.core.errors import UserError
from hstdputils.plan import command
from hstdputils.plan.show import show
from hstdputils.records.plan_rows import read_plan

NAMES = ["ldfd01vlq", "izzz01010", "izzz02010", "acs_8ph_01"]


@pytest.fixture
def path(tmp_path, capsys):
    command.main(["s3://bucket", "night-1", *NAMES])
    path = tmp_path / "plan.out"
    path.write_text(capsys.readouterr().out)
    return path


def test_totals_by_instrument_size_and_evidence_largest_rows_and_cost(path, capsys):
    rows = read_plan(path)
    assert command.main(["show", str(path)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    usd = {name: row.cost_usd or 0.0 for name, row in rows.items()}
    gib = (rows["izzz01010"].memory_mib + rows["izzz02010"].memory_mib) / 1024
    wfc3 = next(line for line in lines if line[:1] == ["wfc3"])
    assert wfc3[:3] == ["wfc3", "2", f"{gib:,.1f}"]
    assert wfc3[-1] == f"{usd['izzz01010'] + usd['izzz02010']:,.2f}"
    assert next(line[0] for line in lines if line[:1] and line[0] in rows) == "acs_8ph_01"
    assert ["14336", "MiB", "1", "14.0", "12:00:00", "-"] in lines
    assert {"evidence", "size", "instrument"} <= {line[0] for line in lines if line}
    assert f"USD {sum(usd.values()):,.2f} on AWS, by the prices of the plan".split() in lines
    assert next(line for line in lines if line[:3] == ["4", "datasets,", "about"])[-3:] == ["longest", "6.0", "h"]


def test_a_terminal_gets_no_line_that_is_wider(path):
    out = io.StringIO()
    show(list(read_plan(path).values()), Console(file=out, force_terminal=True, width=30, highlight=False))
    assert "\x1b[1m" in out.getvalue()
    assert "…" in out.getvalue()


def test_what_a_terminal_would_obey_is_not_printed(path, capsys):
    row = json.loads(path.read_text().splitlines()[0])
    path.write_text(json.dumps(row | {"batch": "b\x1b]0;title\x07", "evidence": "e\x1b[2J"}) + "\n")
    command.main([f"--show={path}"])
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert r"e\x1b[2J" in printed


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is empty: write it with hstdputils plan"),
        ("{", r"plan\.out:1: not a valid plan row"),
        ("[" * 100_000, r"plan\.out:1: not a valid plan row"),
        ('{"output": "x"}', r"plan\.out:1: not a valid plan row"),
    ],
)
def test_what_is_no_plan_is_one_line(path, content, says):
    path.write_text(content)
    with pytest.raises(UserError, match=says):
        command.main(["show", str(path)])


@pytest.mark.parametrize(
    "wrong",
    [{"evidence_n": "7"}, {"cost_usd": "1"}, {"cost_usd": -1}, {"batch": 7}, {"ipppssoot": None}, {"evidence": []}],
)
def test_a_row_with_a_wrong_value_is_named(path, wrong):
    row = json.loads(path.read_text().splitlines()[0])
    path.write_text(json.dumps(row | wrong))
    with pytest.raises(UserError, match=rf"plan\.out:1: not a valid plan row \({next(iter(wrong))} must"):
        command.main(["show", str(path)])


def test_a_plan_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"cannot read the plan .*none\.out \(No such file"):
        command.main(["show", str(tmp_path / "none.out")])


@pytest.mark.parametrize("words", [["--show", "PLAN"], ["--show=PLAN"]])
def test_the_option_of_before_is_the_same(path, words, capsys):
    command.main(["show", str(path)])
    shown = capsys.readouterr().out
    assert command.main([word.replace("PLAN", str(path)) for word in words]) == 0
    assert capsys.readouterr().out == shown


@pytest.mark.parametrize("verb", ["show", "edit"])
def test_a_store_of_that_name_is_a_folder_here(verb, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert command.main([f"./{verb}", "b", "ldfd01vlq"]) == 0
    assert json.loads(capsys.readouterr().out)["output"] == f"./{verb}"
    with pytest.raises(UserError):
        command.main([verb, "b", "ldfd01vlq"])
