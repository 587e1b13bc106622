"""Inputs: a dataset's raw files, from the first source that has them."""

from hstdputils.inputs.associations import Row
from hstdputils.inputs.fetch import fetch_inputs, open_sources
from hstdputils.inputs.raws import Observation, RawFile, read_observation

__all__ = ["Observation", "RawFile", "Row", "fetch_inputs", "open_sources", "read_observation"]
