"""The table of instruments says one thing of each, and its recipes are found by name."""

from hstdputils.calibrate.recipe import recipe_for
from hstdputils.core.datasets import Dataset, parse_dataset
from hstdputils.core.instruments import (
    BY_LETTER,
    INSTRUMENT_OF,
    INSTRUMENTS,
    MOSAICKED,
    OTHER_INSTRUMENTS,
    SKYCELL,
)


def test_a_letter_is_that_of_one_instrument():
    assert len(BY_LETTER) == len(INSTRUMENTS)
    assert not BY_LETTER.keys() & OTHER_INSTRUMENTS.keys()


def test_the_first_letter_of_any_name_tells_the_instrument():
    assert len(INSTRUMENT_OF) == len(BY_LETTER) + len({*MOSAICKED, SKYCELL})
    for name in ("j8cb010b0", "ldem01acq", "acs_8ph_01", "wfc3_cnk_20", "skycell-p0797x14y06"):
        assert INSTRUMENT_OF[name[0]] == parse_dataset(name).instrument


def test_each_instrument_has_a_recipe_of_its_own():
    recipes = [recipe_for(Dataset(letter.ljust(9, "0"))) for letter in BY_LETTER]
    assert [recipe.inputs for recipe in recipes] == list(BY_LETTER.values())


def test_mosaics_are_made_of_calibrated_exposures():
    visit, cell = (recipe_for(Dataset(name)) for name in ("acs_8ph_01", "skycell-p0797x14y06"))
    assert (visit.name, cell.name) == ("visit", "skycell")
    assert visit.input_suffixes == cell.input_suffixes == {"flc", "flt"}
    assert Dataset("acs_8ph_01").default_needs == Dataset("skycell-p0797x14y06").default_needs
