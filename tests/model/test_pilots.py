"""One dataset of a program says what the others need, as far as runs of other programs tell."""

import numpy as np
import pytest

from hstdputils.core.errors import UserError
from hstdputils.model.features import Runs, characters
from hstdputils.model.fit import fit
from hstdputils.model.fitted import Model
from hstdputils.model.pilots import LEAST, UNKNOWN_FACTOR, after_pilot, fit_pilots, groups, kind_of

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def runs(instrument="i", programs=40, exposures=24, end="q"):
    """Return runs whose programs differ by a factor of 16, and whose datasets by 10 %."""
    random = np.random.default_rng(4)
    names, used = [], []
    for program in range(programs):
        level = 500 * 2 ** random.uniform(0, 4)
        for number in range(exposures):
            names.append(f"{instrument}8{LETTERS[program // 26]}{LETTERS[program % 26]}01{number:02}{end}")
            used.append(level * random.uniform(0.9, 1.0))
    unknown = np.full((len(names), 8), np.nan)
    return Runs(characters(names), unknown, np.array(used), np.full(len(names), 300.0))


def test_groups_are_of_one_program_and_kind_and_large_enough():
    singles = [f"i8aa01{number:02}q" for number in range(LEAST)]
    others = [f"i8aa02{number:02}0" for number in range(LEAST - 1)]
    found = groups([*reversed(singles), *others, "acs_8ph_01", "skycell-p0797x14y06"])
    assert list(found) == [singles[LEAST // 2]]
    assert sorted(found[singles[LEAST // 2]]) == singles
    assert len(groups([*others, "i8aa03010"])) == 1
    assert (kind_of("i8aa01010"), kind_of("i8aa0101q")) == ("+", "-")


def test_a_pilot_says_what_the_others_of_a_program_need_that_was_never_seen():
    pilots = fit_pilots(runs())
    for used in (600.0, 3000.0, 7000.0):
        asked = after_pilot(pilots, "wfc3", "-", used, 4000.0)
        assert used < asked.memory_mib < 1.2 * used
        assert asked.max_seconds == 43_200


def test_kinds_and_instruments_without_groups_have_none():
    pilots = fit_pilots(runs(exposures=LEAST - 1))
    assert pilots == {}
    assert after_pilot(pilots, "wfc3", "-", 1000.0, 10.0).memory_mib == UNKNOWN_FACTOR * 1000
    assert set(fit_pilots(runs("o", end="0"))) == {"stis"}
    assert set(fit_pilots(runs("o", end="0"))["stis"]) == {"+"}


def test_a_model_carries_them_and_does_without(tmp_path):
    data = {"fitted": {}, **fit(runs())}
    Model(data).save(tmp_path / "with.json")
    assert Model.load(tmp_path / "with.json").pilots == data["pilots"] != {}
    del data["pilots"]
    Model(data).save(tmp_path / "without.json")
    assert Model.load(tmp_path / "without.json").pilots == {}


@pytest.mark.parametrize(
    "wrong", [{"wfc3": {"-": [[1, 0]]}}, {"wfc3": {"-": []}}, {"wfc3": {"-": [[1, "x"]]}}, {"wfc3": 7}, [1]]
)
def test_wrong_factors_are_one_line(wrong, tmp_path):
    Model({"fitted": {}, **fit(runs(programs=10)), "pilots": wrong}).save(tmp_path / "m.json")
    with pytest.raises(UserError, match=r"m\.json is not a fitted model"):
        Model.load(tmp_path / "m.json")


def test_the_shipped_model_knows_each_instrument():
    assert set(Model.load().pilots) == {"acs", "cos", "stis", "wfc3"}
