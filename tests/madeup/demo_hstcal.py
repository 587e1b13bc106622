"""What the demo has beside COS where hstcal is: a CR-SPLIT pair of ACS, a WFC3/IR exposure and a spectrum of STIS."""

from pathlib import Path

from . import acs, cos_references, stis, wfc3
from .acs import datasets
from .crds_cache import CONTEXT, RULES, write_config, write_mappings
from .demo import dataset_folder, write_inputs, write_whole
from .wfc3.ir import IMAGING

ACS_PAIR = "jdem01010"
ACS_MEMBERS = ("jdem01c1q", "jdem01c2q")
WFC3_IR = "idem01irq"
STIS_SPECTRUM = "odem01010"

HSTCAL_DATASETS = (ACS_PAIR, WFC3_IR, STIS_SPECTRUM)


def write_whole_demo(dest: Path) -> None:
    """Write ``dest/inputs`` and ``dest/crds`` for the datasets of all instruments, as `write_demo` does for COS."""
    dest.mkdir(parents=True, exist_ok=True)
    write_whole(dest / "inputs", _write_all_inputs)
    write_whole(dest / "crds", _write_cache)


def write_acs_pair(root: Path) -> None:
    """Write the raw files and the table of the ACS association, each below the folder of its own name."""
    rows = [*((member, "EXP-CRJ") for member in ACS_MEMBERS), (ACS_PAIR, "PROD-CRJ")]
    datasets.write_association(root, ACS_PAIR, rows, datasets.HRC)


def _write_all_inputs(root: Path) -> None:
    write_inputs(root)
    write_acs_pair(root)
    wfc3.write_ir(dataset_folder(root, WFC3_IR), wfc3.Exposure(WFC3_IR, "F160W", IMAGING))
    stis.write_ccd_spectrum(dataset_folder(root, STIS_SPECTRUM), STIS_SPECTRUM)


def _write_cache(root: Path) -> None:
    """Write the CRDS cache of the demo of COS, with rules and references of the others instead of those for tests."""
    write_mappings(root, CONTEXT, (*RULES, *acs.RULES, *stis.RULES, *wfc3.RULES))
    for part in (cos_references, acs, stis, wfc3):
        part.write_references(root / "references/hst")
    write_config(root, CONTEXT)
