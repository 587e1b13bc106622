"""Calibration: one recipe for each instrument."""

from hstdputils.calibrate import acs, cos, stis, wfc3
from hstdputils.calibrate.recipe import Expectation, Recipe
from hstdputils.datasets import Dataset
from hstdputils.errors import UserError

__all__ = ["Expectation", "Recipe", "recipe_for"]

_RECIPES: dict[str, Recipe] = {
    recipe.instrument: recipe for recipe in (acs.RECIPE, cos.RECIPE, stis.RECIPE, wfc3.RECIPE)
}


def recipe_for(dataset: Dataset) -> Recipe:
    """Return how the dataset's instrument is calibrated.

    Raises
    ------
    UserError
        There is no recipe for the instrument.
    """
    try:
        return _RECIPES[dataset.instrument]
    except KeyError:
        known = ", ".join(sorted(name.upper() for name in _RECIPES))
        raise UserError(
            f"{dataset} is a dataset of {dataset.instrument.upper()}, which this version plans but does not process "
            f"(it processes {known}): leave it out of the list"
        ) from None
