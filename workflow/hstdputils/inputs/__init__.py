"""Inputs: a dataset's raw files, from the first source that has them."""

from hstdputils.inputs.associations import Row
from hstdputils.inputs.fetch import fetch_inputs, open_sources
from hstdputils.inputs.mosaics import fetch_mosaic, read_mosaic
from hstdputils.inputs.pollers import PollerRow
from hstdputils.inputs.raws import Observation, RawFile, read_observation

__all__ = [
    "Observation",
    "PollerRow",
    "RawFile",
    "Row",
    "fetch_inputs",
    "fetch_mosaic",
    "open_sources",
    "read_mosaic",
    "read_observation",
]
