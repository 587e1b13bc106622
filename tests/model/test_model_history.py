"""The history: what is added, what is added twice, and what comes out."""

import math
import sqlite3

import pytest

from hstdputils.core.errors import UserError
from hstdputils.core.outcomes import Outcome
from hstdputils.model.features import Features
from hstdputils.model.history import History
from hstdputils.model.tables import read_table
from tests.madeup.markers import made_up_marker
from tests.model.made_up_runs import rows, write


def marker(name, outcome=Outcome.SUCCEEDED, memory=800, wall=100.0, end="2026-01-02T00:00:00+00:00", planned=1024):
    used = {"plan_row": {"memory_mib": planned}, "peak_memory_mib": memory, "wall_seconds": wall, "cpu_seconds": 90.0}
    return made_up_marker(name, outcome, start="", end=end, **used)


@pytest.fixture
def history(tmp_path):
    with History(tmp_path / "deep" / "h.sqlite", create=True) as made:
        yield made


def test_the_same_runs_are_added_once(history, tmp_path):
    table = write(tmp_path / "runs.csv", rows())
    assert history.add_table(read_table(table), "2021-05-13") == len(history) == len(rows())
    assert history.add_table(read_table(table), "2021-05-13") == 0
    assert history.add([marker("ldem01acq")]) == 1
    assert history.add([marker("ldem01acq")]) == 0
    assert history.dates() == ("2021-05-13", "2026-01-02")


def test_measured_is_the_largest_of_a_datasets_runs(history):
    history.add([marker("ldem01acq", memory=700, wall=300.0), marker("ldem01acq", memory=900), marker("ldem01bdq")])
    found = history.measured(["ldem01acq"])
    assert found["ldem01acq"] == (900, 300.0, 2)
    assert len(history.measured()) == 2
    assert "ldem01zzq" not in history.measured(["ldem01zzq"])


def test_out_of_memory_is_a_lower_bound_that_no_model_is_fitted_to(history):
    history.add([marker("ldem01acq", Outcome.OUT_OF_MEMORY, memory=1000, planned=1024)])
    assert history.measured(["ldem01acq"])["ldem01acq"].memory_mib == 2048
    assert len(history.runs()) == 0


@pytest.mark.parametrize("outcome", [Outcome.BAD_INPUT, Outcome.TIMEOUT, Outcome.HOST_LOST])
def test_other_failures_say_nothing_of_memory(history, outcome):
    assert history.add([marker("ldem01acq", outcome), marker("ldem01bdq", memory=0)]) == 0


def test_the_latest_run_is_fitted_with_features_of_another_table(history, tmp_path):
    known = write(tmp_path / "a.csv", [{"ipst": "LDEM01ACQ", "n_files": 3, "total_mb": 40, "drizcorr": ""}])
    assert history.add_table(read_table(known), "2021-01-01") == 0
    history.add(
        [marker("ldem01acq", memory=900, end="2026-03-01"), marker("ldem01acq", memory=700, end="2026-01-01")]
    )
    runs = history.runs()
    assert runs.used.tolist() == [900]
    assert runs.features[0, :2].tolist() == [3, 40]
    assert runs.sized.all()
    later = write(tmp_path / "b.csv", [{"ipst": "ldem01acq", "drizcorr": 1}])
    history.add_table(read_table(later), "2021-01-01")
    found = history.features(["ldem01acq"])["ldem01acq"]
    assert found[:3] == (3, 40, 1)
    assert math.isnan(found.dtype)


def test_errors_are_one_line(tmp_path):
    with pytest.raises(UserError, match="no history"):
        History(tmp_path / "none.sqlite")
    (tmp_path / "text").write_text("no database at all, " * 100)
    with pytest.raises(UserError, match="cannot use the history"):
        History(tmp_path / "text")
    other = sqlite3.connect(tmp_path / "other")
    other.execute("CREATE TABLE x (y)")
    other.commit()
    with pytest.raises(UserError, match="another program's database"):
        History(tmp_path / "other")
    other.execute("PRAGMA user_version = 99")
    with pytest.raises(UserError, match="later hstdputils"):
        History(tmp_path / "other")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,memory\nldem01acq,1\n", ":1: no column ipst"),
        ("ipst,memory,wallclock\nldem01acq,much,1\n", ":2: 'much' is not a number"),
        ("ipst,memory,wallclock\nnova,1,1\n", ":2: 'nova' is not a valid ipppssoot"),
        ("ipst,memory,wallclock\nldem01acq,inf,1\n", ":2: 'inf' is not a number"),
    ],
)
def test_bad_tables_name_the_line(tmp_path, text, message):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        list(read_table(path))


def test_tables_without_features_have_none(tmp_path):
    path = write(
        tmp_path / "t.csv", [{"ipppssoot": "ldem01acq", "memory_mib": 512, "wall_seconds": 9, "date": "2022-01-01"}]
    )
    row = next(read_table(path))
    assert (row.features, row.memory_mib, row.wall_seconds, row.date) == (None, 512, 9, "2022-01-01")
    assert all(math.isnan(value) for value in Features())


def test_few_rows_that_are_rounded_are_of_another_measurement(tmp_path, history, capsys):
    table = rows()
    for row in table[::100]:
        row["memory"] = round(3 * row["memory"] + 0.01, 2)
    path = write(tmp_path / "runs.csv", table)
    assert history.add_table(read_table(path), "2021-05-13") == len(table) - 6
    assert "runs.csv: the memory of 6 of 576 rows is left out: it is given to two decimals" in capsys.readouterr().err
    name = str(table[0]["ipst"])
    assert name not in history.measured()
    assert history.features([name])[name].total_mb == table[0]["total_mb"], "what is known before the run still holds"


def test_a_table_that_is_rounded_throughout_or_short_counts_whole(tmp_path, history, capsys):
    table = [row | {"memory": round(row["memory"], 2)} for row in rows()]
    assert history.add_table(read_table(write(tmp_path / "a.csv", table)), "2021-05-13") == len(table)
    few = [row | {"memory": row["memory"] if number else 1.5} for number, row in enumerate(rows()[:50])]
    assert history.add_table(read_table(write(tmp_path / "b.csv", few)), "2022-01-01") == len(few)
    assert capsys.readouterr().err == ""
