"""The recipes: one for each instrument of the table, in the module of its name, and two for mosaics."""

from collections.abc import Iterable
from functools import cache
from importlib import import_module

from hstdputils.calibrate import hap
from hstdputils.calibrate.recipe import Recipe
from hstdputils.core.datasets import Dataset, Kind
from hstdputils.core.errors import UserError
from hstdputils.core.instruments import INSTRUMENTS
from hstdputils.core.text import nearest

_MOSAICS = {Kind.VISIT: hap.VISIT, Kind.SKYCELL: hap.SKYCELL}


@cache
def _of_instrument(name: str) -> Recipe:
    recipe: Recipe = import_module(f"hstdputils.calibrate.{name}").RECIPE
    return recipe


def recipe_for(dataset: Dataset) -> Recipe:
    """Return how the dataset is processed."""
    return _MOSAICS[dataset.kind] if dataset.is_mosaic else _of_instrument(dataset.instrument)


def check_program_names(names: Iterable[str]) -> None:
    """Raise `UserError` for a name that no calibration program has."""
    recipes = [*map(_of_instrument, INSTRUMENTS), *_MOSAICS.values()]
    known = sorted({program.name for recipe in recipes for program in recipe.programs})
    for name in names:
        if name not in known:
            raise UserError(
                f"no calibration program is named {name!r}{nearest(name, known)} ({', '.join(known)} are)"
            )
