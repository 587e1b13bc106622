"""Inputs: a dataset's raw files, from the first source that has them."""

from hstdputils.inputs.fetch import fetch_inputs, open_sources
from hstdputils.inputs.raws import RawFile, read_raws

__all__ = ["RawFile", "fetch_inputs", "open_sources", "read_raws"]
