"""What a dataset needs to be processed: cores, memory and time, fitted from finished runs."""

from functools import cache

from hstdputils.datasets import Dataset
from hstdputils.model.features import Features
from hstdputils.model.fitted import Model
from hstdputils.model.needs import BY_INSTRUMENT, MOSAICS, Measured, Resources

__all__ = ["BY_INSTRUMENT", "MOSAICS", "Features", "Measured", "Model", "Resources", "resources_for"]


def resources_for(dataset: Dataset) -> Resources:
    """Return what a dataset needs, of which no more than its name is known."""
    return _shipped().needs([dataset.ipppssoot], {}, {})[0]


@cache
def _shipped() -> Model:
    return Model.load()
