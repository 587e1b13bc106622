"""A CRDS cache for exposures of all instruments, in all ways of taking data that the tests have."""

from pathlib import Path

from . import acs, cos, stis, wfc3
from .crds_cache import write_config, write_mappings

CONTEXT = "hst_9100.pmap"


def write_modes_cache(root: Path) -> None:
    """Write mappings, references and configuration of a CRDS cache, to be used as ``CRDS_PATH``."""
    write_mappings(root, CONTEXT, (*acs.RULES, *cos.RULES, *stis.RULES, *wfc3.RULES))
    references = root / "references" / "hst"
    for part in (acs, cos, stis, wfc3):
        part.write_references(references)
    write_config(root, CONTEXT)
