"""Calibration: one recipe for each instrument, and for mosaics of visits and sky cells."""

from collections.abc import Iterable

from hstdputils.calibrate import acs, cos, hap, stis, wfc3
from hstdputils.calibrate.recipe import Recipe
from hstdputils.core.datasets import Dataset, Kind
from hstdputils.core.errors import UserError
from hstdputils.core.text import nearest

_RECIPES: dict[str, Recipe] = {
    recipe.instrument: recipe for recipe in (acs.RECIPE, cos.RECIPE, stis.RECIPE, wfc3.RECIPE, hap.VISIT, hap.SKYCELL)
}


def check_program_names(names: Iterable[str]) -> None:
    """Raise `UserError` for a name that no calibration program has."""
    known = sorted({program.name for recipe in _RECIPES.values() for program in recipe.programs})
    for name in names:
        if name not in known:
            raise UserError(
                f"no calibration program is named {name!r}{nearest(name, known)} ({', '.join(known)} are)"
            )


def recipe_for(dataset: Dataset) -> Recipe:
    """Return how the dataset is processed."""
    return _RECIPES[dataset.instrument if dataset.kind is Kind.IPPPSSOOT else dataset.kind]
