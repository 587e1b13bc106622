"""Plans by what is known of datasets: their own runs, features, or their names alone."""

import gzip
import json

import pytest

from hstdputils.core.errors import UserError
from hstdputils.model.features import Features, Measured
from hstdputils.model.fitted import Model
from hstdputils.model.history import History
from hstdputils.model.tables import COLUMNS, TableRow
from hstdputils.plan import command

BY_NAME, BY_FEATURES, OWN = "izzz01010", "izzz02010", "izzz03010"
FEATURES = Features(9, 140, 1, 1, 2, 0, 1, 1)


@pytest.fixture
def files(tmp_path):
    """Return the options that name a table of features and a history."""
    table = tmp_path / "features.csv.gz"
    rows = [",".join(COLUMNS), f"{BY_FEATURES},{','.join(map(str, FEATURES))},3"]
    table.write_bytes(gzip.compress("\n".join(rows).encode()))
    with History(tmp_path / "runs.sqlite", create=True) as history:
        history.add_table(
            [TableRow(OWN, None, 3000.0, 700.0, ""), TableRow(OWN, None, 2000.0, 900.0, "")], "2021-05-15"
        )
    return [f"--features={table}", f"--history={tmp_path / 'runs.sqlite'}"]


def rows(capsys) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_each_row_says_what_it_rests_on(files, capsys):
    assert command.main(["none", "b", BY_NAME, BY_FEATURES, OWN, "acs_8ph_01", *files]) == 0
    printed = capsys.readouterr()
    found = [json.loads(line) for line in printed.out.splitlines()]
    assert [row["evidence"] for row in found] == ["instrument", "features", "history", "instrument"]
    assert found[2]["evidence_n"] == 2
    assert found[2]["memory_mib"] >= 3000
    assert "sizes rest on instrument 2, features 1, history 1" in printed.err


def test_rows_are_the_model_s_own(files, capsys):
    names = [BY_NAME, BY_FEATURES, OWN]
    command.main(["none", "b", *names, *files])
    needs = Model.load().needs(names, {BY_FEATURES: FEATURES}, {OWN: Measured(3000.0, 900.0, 2)})
    sizes = [(row["vcpus"], row["memory_mib"], row["max_seconds"]) for row in rows(capsys)]
    assert sizes == [tuple(need[:3]) for need in needs]


def test_more_rows_than_are_written_at_once(monkeypatch, tmp_path, files, capsys):
    """Rows do not depend on the chunk in which they are."""
    names = [f"izz{number:03}010" for number in range(150)] + [BY_FEATURES, OWN]
    path = tmp_path / "my.ids"
    path.write_text("\n".join(names))
    command.main(["none", "b", f"@{path}", *files])
    whole = capsys.readouterr()
    monkeypatch.setattr(command, "_CHUNK", 7)
    command.main(["none", "b", f"@{path}", *files])
    parts = capsys.readouterr()
    assert (parts.out, parts.err) == (whole.out, whole.err)
    assert len(whole.out.splitlines()) == 152


def test_a_coarse_grid_lets_rows_share_sizes(files, capsys):
    command.main(["none", "b", BY_NAME, BY_FEATURES, OWN, *files, "--grid-mib", "1024"])
    coarse = [row["memory_mib"] for row in rows(capsys)]
    command.main(["none", "b", BY_NAME, BY_FEATURES, OWN, *files, "--grid-mib", "1"])
    fine = [row["memory_mib"] for row in rows(capsys)]
    assert all(size % 1024 == 0 for size in coarse)
    assert all(0 <= large - small < 1024 for large, small in zip(coarse, fine, strict=True))


def test_the_cost_is_said_for_each_row_and_instrument_of_a_plan_for_aws(files, capsys):
    names = [BY_FEATURES, *(f"izzz02{number}20" for number in range(10)), "ldfd01vlq", "acs_8ph_01"]
    command.main(["s3://bucket", "b", *names, *files])
    printed = capsys.readouterr()
    costs = [json.loads(line)["cost_usd"] for line in printed.out.splitlines()]
    assert costs[-1] is None
    assert all(cost > 0 for cost in costs[:-1])
    assert f"cost: about USD {sum(costs[:-1]):,.2f} (EC2 on demand" in printed.err
    assert f"wfc3 USD {sum(costs[:-2]):,.2f}" in printed.err
    assert "the cost of 1 of them is not known" in printed.err


@pytest.mark.parametrize("output", ["none", "results"])
def test_a_small_plan_for_this_machine_says_nothing_of_aws(output, files, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command.main([output, "b", BY_FEATURES, "ldfd01vlq", *files])
    notes = capsys.readouterr().err
    assert "USD" not in notes
    assert "prices" not in notes


def test_dearer_instances_make_dearer_rows(files, capsys):
    command.main(["none", "b", BY_FEATURES, *files])
    on_demand = rows(capsys)[0]["cost_usd"]
    command.main(["none", "b", BY_FEATURES, *files, "--purchase", "spot"])
    assert rows(capsys)[0]["cost_usd"] < on_demand


@pytest.mark.parametrize("option", ["--features", "--history", "--model"])
def test_a_file_that_is_not_there_is_named(tmp_path, option):
    with pytest.raises(UserError, match=r"no\.file"):
        command.main(["none", "b", BY_NAME, option, str(tmp_path / "no.file")])
