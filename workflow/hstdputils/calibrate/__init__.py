"""Calibration: one recipe for each instrument."""

from hstdputils.calibrate import acs, cos, stis, wfc3
from hstdputils.calibrate.recipe import Expectation, Recipe
from hstdputils.datasets import Dataset

__all__ = ["Expectation", "Recipe", "recipe_for"]

_RECIPES: dict[str, Recipe] = {
    recipe.instrument: recipe for recipe in (acs.RECIPE, cos.RECIPE, stis.RECIPE, wfc3.RECIPE)
}


def recipe_for(dataset: Dataset) -> Recipe:
    """Return how the dataset's instrument is calibrated."""
    return _RECIPES[dataset.instrument]
