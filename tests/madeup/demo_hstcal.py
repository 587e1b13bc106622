"""What the demo has beside COS where hstcal is: a CR-SPLIT pair of ACS, a WFC3/IR exposure and a spectrum of STIS."""

from pathlib import Path

from .acs import hrc_modes
from .crds_cache import CONTEXT
from .demo import dataset_folder, write_inputs, write_whole
from .modes_cache import write_modes_cache
from .stis import write_ccd_spectrum
from .wfc3 import Exposure, write_ir
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
    write_whole(dest / "crds", lambda root: write_modes_cache(root, CONTEXT))


def write_acs_pair(root: Path) -> None:
    """Write the raw files and the table of the ACS association, each below the folder of its own name."""
    rows = [*((member, "EXP-CRJ") for member in ACS_MEMBERS), (ACS_PAIR, "PROD-CRJ")]
    hrc_modes.write_association(root, ACS_PAIR, rows)


def _write_all_inputs(root: Path) -> None:
    write_inputs(root)
    write_acs_pair(root)
    write_ir(dataset_folder(root, WFC3_IR), Exposure(WFC3_IR, "F160W", IMAGING))
    write_ccd_spectrum(dataset_folder(root, STIS_SPECTRUM), STIS_SPECTRUM)
