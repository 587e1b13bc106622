"""Fitting and planning: the law is found, evidence comes in its order, and nothing is planned that makes no sense."""

import itertools
import json
from math import nan

import numpy as np
import pytest

from hstdputils.core.errors import UserError
from hstdputils.core.instruments import INSTRUMENTS
from hstdputils.model.features import Features, Measured, Runs, characters
from hstdputils.model.fit import fit, fit_sizes
from hstdputils.model.fitted import Model
from hstdputils.model.predict import LIMITS, OWN_RANGE, Planner, on_grid, on_limits, on_sizes, on_steps
from hstdputils.model.score import cross_validated, doublings, folds, planned, score, table_2020
from hstdputils.model.tables import read_table
from hstdputils.model.tree import Levels
from tests.model.made_up_runs import LETTERS, rows


def runs(table=None):
    table = rows() if table is None else table
    features = np.array([[row[name] for name in Features._fields] for row in table], float)
    memory = np.array([row["memory"] * 1e9 / 2**20 for row in table])
    return Runs(
        characters([row["ipst"] for row in table]), features, memory, np.array([row["wallclock"] for row in table])
    )


@pytest.fixture(scope="module")
def model():
    return Model({"fitted": {}, **fit(runs())})


def big(letter="i", size=200.0, drizcorr=1.0):
    return Features(4, size, drizcorr, 1, 2, 0, 1, drizcorr)


def test_the_bill_counts_every_try():
    used, wall = np.array([1000.0, 1000.0, 1000.0]), np.array([10.0, 10.0, 10.0])
    planned = np.array([1000.0, 600.0, 200.0])
    assert doublings(planned, used).tolist() == [0, 1, 3]
    found = score(planned, used, wall, np.array([20.0, 5.0, 20.0]))
    assert found.bill == pytest.approx((1000 + 600 + 1200 + 200 + 400 + 800 + 1600) / 3000)
    assert found.second_tries == pytest.approx(2 / 3)
    assert found.cut == pytest.approx(1 / 3)


def test_the_cheapest_request_is_that_of_a_search_through_all():
    random = np.random.default_rng(1)
    used, wall = random.lognormal(6, 0.7, 200), random.uniform(1, 100, 200)
    levels = Levels(used, wall, 0.0)
    found = levels.cheapest(levels.histogram(np.arange(200)))
    bills = [score(np.full(200, request), used, wall).bill for request in np.geomspace(used.min(), used.max(), 3000)]
    assert score(np.full(200, found), used, wall).bill <= min(bills) * 1.02


@pytest.mark.parametrize("letter", LETTERS)
def test_the_law_is_found_for_sizes_not_seen(model, letter):
    needs = model.needs([f"{letter}zzz01010"], {f"{letter}zzz01010": big(size=500.0)}, {})[0]
    law = LETTERS[letter] * 3 * 600
    assert needs.evidence == "features"
    assert 0.9 * law < needs.memory_mib < 1.7 * law


def test_programs_not_seen_cost_little_and_less_than_the_table_of_2020():
    known = runs()
    by_features, by_name = cross_validated(known)
    assert by_features.score(known, 64).bill < 1.3
    assert by_features.score(known).second_tries < 0.05
    assert by_features.score(known).cut == 0
    assert by_features.score(known).bill < by_name.score(known).bill < table_2020(known).score(known).bill
    fold = folds(known, 3)
    assert all(len(set(fold[known.programs == program])) == 1 for program in set(known.programs))
    assert len(set(fold)) > 1


def test_evidence_comes_in_its_order(model):
    name, unknown = "i8aa01010", "izzz01010"
    own = {name: Measured(5000.0, 7000.0, 3)}
    features = {name: big(), unknown: big()}
    assert [need.evidence for need in model.needs([name, unknown], features, own)] == ["history", "features"]
    assert [need.evidence for need in model.needs([name, unknown], features, {})] == ["program", "features"]
    assert [need.evidence for need in model.needs([name, unknown], {}, {})] == ["program", "instrument"]
    found = model.needs([name], features, own)[0]
    assert found.evidence_n == 3
    assert 5000 <= model.needs([name], features, own, 64)[0].memory_mib <= OWN_RANGE * 5000 + 64
    assert found.memory_mib >= 5000
    assert found.max_seconds >= 2 * 7000


def test_a_lost_measurement_is_no_history(model):
    assert model.needs(["izzz01010"], {}, {"izzz01010": Measured(10.0, 5.0, 1)})[0].evidence == "instrument"


def test_a_programs_own_runs_correct_what_features_say():
    table = rows()
    for row in table:
        if row["ipst"][:4] == "i8aa":
            row["memory"] *= 2.5
    data = fit(runs(table))
    features = np.array([big()])
    odd, usual = (Planner(data).plan(characters([name]), features).memory[0] for name in ("i8aa01010", "i8ab01010"))
    assert 1.8 < odd / usual < 3.2


@pytest.mark.parametrize("lost", ["total_mb", "n_files"])
def test_without_a_size_the_name_alone_counts(model, lost):
    name = "izzz01010"
    found = model.needs([name], {name: big()._replace(**{lost: nan})}, {})
    assert found == model.needs([name], {}, {})


def test_an_unknown_feature_still_leaves_the_others(model):
    name = "izzz01010"
    found = model.needs([name], {name: big()._replace(drizcorr=nan, dtype=nan)}, {})[0]
    larger = model.needs([name], {name: big(size=800.0)._replace(drizcorr=nan, dtype=nan)}, {})[0]
    assert found.evidence == larger.evidence == "features"
    assert larger.memory_mib > 2 * found.memory_mib


def test_nothing_is_planned_far_beyond_what_was_ever_used(model):
    name = "jzzz01010"
    found = model.needs([name], {name: Features(200, 1e6, 1, 1, 2, 0, 1, 1)}, {})[0]
    assert found.memory_mib <= 2 * runs().used.max() + 4096
    assert found.max_seconds in LIMITS


def test_mosaics_and_instruments_without_runs_keep_their_rows():
    alone = Model({"fitted": {}, **fit(runs([row for row in rows() if row["ipst"][0] == "i"]))})
    needs = alone.needs(["acs_8ph_01", "skycell-p0797x14y06", "lzzz01acq", "izzz01acq"], {}, {})
    assert needs[:2] == [(1, 14_336, 43_200, "instrument", 0, 0)] * 2
    assert needs[2][:5] == (1, 2048, 5_400, "instrument", 0)
    assert needs[3].evidence_n > 0


def test_names_in_chunks_are_as_one_by_one(model, monkeypatch):
    names = ["i8aa01010", "jzzz01acq", "acs_8ph_01", "l9ba0103q", "o8aa01acq"]
    whole = model.needs(names, {}, {})
    monkeypatch.setattr("hstdputils.model.fitted._CHUNK", 2)
    assert model.needs(names, {}, {}) == whole == [model.needs([name], {}, {})[0] for name in names]
    assert model.needs([], {}, {}) == []


def test_few_sizes_cost_no_more_than_a_search_through_all_finds():
    random = np.random.default_rng(2)
    memory, weight = random.uniform(100, 1000, 300), random.uniform(1, 9, 300)
    steps = sorted(set(on_grid(memory, 64).tolist()))
    cost = min(
        (weight * on_steps(memory, (*some, steps[-1]))).sum() for some in itertools.combinations(steps[:-1], 3)
    )
    sizes = fit_sizes(memory, weight, 4)
    assert len(sizes) == 4
    assert (weight * on_sizes(memory, np.array(sizes, float))).sum() == pytest.approx(cost)
    assert fit_sizes(np.array([100.0, 300.0]), np.ones(2), 30) == [128, 320]


def test_large_sizes_are_close_to_one_another():
    random = np.random.default_rng(3)
    memory = np.concatenate([random.uniform(500, 4000, 5000), [9000.0, 30_000.0, 90_000.0]])
    sizes = fit_sizes(memory, np.ones(len(memory)), 40)
    assert len(sizes) <= 40
    assert sizes[-1] == on_grid(np.array([90_000.0]), 64)[0]
    assert all(large / small <= 1.15 for small, large in itertools.pairwise(sizes) if large > 4096)
    assert sum(size < 3500 for size in sizes) > 10, "most runs are small"


@pytest.mark.parametrize("largest", [5000.0, 1e6, 2.0**30])
def test_one_run_that_is_far_larger_than_others_does_not_take_all_sizes(largest):
    sizes = fit_sizes(np.array([600.0, 700.0, 800.0, largest]), np.ones(4), 40)
    assert sizes[:2] == [640, 704]
    assert sizes[-1] >= largest
    assert len(sizes) <= 40


def test_rows_share_the_fitted_sizes_and_a_few_time_limits(model):
    names = [row["ipst"] for row in rows()]
    known = {row["ipst"]: Features(*(row[name] for name in Features._fields)) for row in rows()}
    sizes = model.data["sizes"]["memory_mib"]
    assert {need.memory_mib for need in model.needs(names, known, {})} <= set(sizes)
    assert len(sizes) <= 40 < len({need.memory_mib for need in model.needs(names, known, {}, 1)})
    assert {need.max_seconds for need in model.needs(names, known, {})} <= set(LIMITS)


def test_beyond_the_fitted_sizes_and_limits_there_are_more():
    sizes = np.array([64.0, 128.0])
    assert on_sizes(np.array([1.0, 64.0, 64.5, 128.0, 129.0, 5000.0]), sizes).tolist() == [
        64,
        64,
        128,
        128,
        4096,
        8192,
    ]
    assert on_sizes(np.array([1.0, 65.0]), np.array([])).tolist() == [64, 128]
    assert on_limits(np.array([1.0, 5400.0, 5401.0, 172_801.0])).tolist() == [5400, 5400, 43_200, 259_200]


def test_sizes_are_on_the_grid(model):
    assert all(need.memory_mib % 512 == 0 for need in model.needs(["i8aa01010", "l9ba0103q"], {}, {}, grid_mib=512))
    assert on_grid(np.array([64.0, 64.5, 0.0]), 64).tolist() == [64, 128, 64]
    assert on_steps(np.array([10.0, 100.0, 500.0]), (200, 50)).tolist() == [50, 200, 500]


def test_a_model_is_written_and_read_back(model, tmp_path):
    path = tmp_path / "deep" / "model.json"
    model.save(path)
    again = Model.load(path)
    features = {"izzz01010": big()}
    assert again.needs(["i8aa01010", "izzz01010"], features, {}) == model.needs(
        ["i8aa01010", "izzz01010"], features, {}
    )
    assert again.text() == path.read_text()
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: {**data, "format": 99}, "later hstdputils"),
        (lambda data: {**data, "trees": None}, "no 'trees'"),
        (lambda data: {**data, "trees": {"acs": {"offset": 1, "nodes": [[1, 2]]}}}, "not a fitted model"),
        (lambda data: [], "it is a list, not an object"),
    ],
)
def test_a_model_that_cannot_be_used_is_one_line(model, tmp_path, change, message):
    path = tmp_path / "model.json"
    path.write_text(json.dumps(change(json.loads(model.text()))))
    with pytest.raises(UserError, match=message) as error:
        Model.load(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


def test_a_model_that_is_cut_off_or_gone_is_one_line(model, tmp_path):
    path = tmp_path / "model.json"
    path.write_text(model.text()[:500])
    with pytest.raises(UserError, match="not a fitted model"):
        Model.load(path)
    with pytest.raises(UserError, match="cannot read the model"):
        Model.load(tmp_path / "none.json")


def test_the_shipped_model_is_small_and_knows_its_score():
    model = Model.load()
    assert model.path is not None
    assert model.path.stat().st_size < 2_000_000
    score = model.data["fitted"]["score"]
    assert score["features_known"]["bill"] < score["id_alone"]["bill"] < 2
    assert {"date", "runs", "runs_from", "runs_to"} <= set(model.data["fitted"])
    assert set(model.planner.trees) == set(INSTRUMENTS)
    sizes = model.data["sizes"]["memory_mib"]
    assert len(sizes) <= 40
    assert all(large / small <= 1.15 for small, large in itertools.pairwise(sizes) if large > 4096)


@pytest.mark.slow
def test_real_runs_of_programs_not_seen(real_data):
    table = [row for row in read_table(real_data / "history" / "features_train.csv.gz") if row.memory_mib > 0]
    known = Runs(
        characters([row.ipppssoot for row in table]),
        np.array([row.features for row in table], float),
        np.array([row.memory_mib for row in table]),
        np.array([row.wall_seconds for row in table]),
    )
    test = folds(known, 11) == 0
    seen, planner = known[test], Planner(fit(known[~test]))
    by_features, by_name = (planned(planner, seen, by_name=alone).score(seen, 64) for alone in (False, True))
    before = table_2020(seen).score(seen)
    assert by_features.bill < 1.3
    assert by_features.second_tries < 0.01
    assert by_features.cut <= 2e-4
    assert by_name.bill < before.bill
    assert by_name.second_tries < before.second_tries
    assert by_name.cut <= before.cut
