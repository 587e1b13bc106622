"""The demo's datasets, laid out as the public bucket ``stpubdata`` is, and their CRDS cache."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from .acquisitions import write_acq_image, write_acq_peakxd
from .associations import write_association
from .crds_cache import write_crds_cache
from .timetag import write_fuv_timetag, write_nuv_timetag

ACQ_IMAGE = "ldem01acq"
SPECTRUM = "ldem01tnq"
ASSOCIATION = "ldem01010"
MEMBERS = {"ldem01f1q": 2, "ldem01f2q": 3}
"""The association's exposures, and their focal-plane positions."""

PEAKXD = "ldem01pkq"
ALL_OMIT = "ldem01omq"
FUV_SPECTRUM = "ldem01fuq"

DEMO_DATASETS = (ACQ_IMAGE, SPECTRUM, ASSOCIATION)
TEST_DATASETS = (PEAKXD, ALL_OMIT, FUV_SPECTRUM)
"""Datasets that tests alone use."""


def dataset_folder(root: Path, ipppssoot: str) -> Path:
    """Return the folder of a dataset, ``<root>/<ippp>/<ipppssoot>``."""
    return root / ipppssoot[:4] / ipppssoot


def write_inputs(root: Path) -> None:
    """Write the raw files of all datasets, each below the folder of its own name."""
    write_acq_image(dataset_folder(root, ACQ_IMAGE), ACQ_IMAGE)
    write_nuv_timetag(dataset_folder(root, SPECTRUM), SPECTRUM)
    for seed, (member, fppos) in enumerate(MEMBERS.items(), start=10):
        folder = dataset_folder(root, member)
        write_nuv_timetag(folder, member, fppos=fppos, seed=seed, asn_id=ASSOCIATION)
    write_association(dataset_folder(root, ASSOCIATION), ASSOCIATION, list(MEMBERS))
    write_acq_peakxd(dataset_folder(root, PEAKXD), PEAKXD)
    write_nuv_timetag(dataset_folder(root, ALL_OMIT), ALL_OMIT, calibrate=False)
    write_fuv_timetag(dataset_folder(root, FUV_SPECTRUM), FUV_SPECTRUM)


def write_demo(dest: Path) -> None:
    """Write ``dest/inputs`` and ``dest/crds``; what is there already is complete, and is left alone.

    Each of the two is made in a temporary folder and renamed, so that an interrupted call leaves no
    half set, and calls at the same time do not disturb each other.
    """
    dest.mkdir(parents=True, exist_ok=True)
    write_whole(dest / "inputs", write_inputs)
    write_whole(dest / "crds", write_crds_cache)


def write_whole(folder: Path, write: Callable[[Path], None]) -> None:
    """Have a folder written whole or not at all; one that is there is left alone."""
    if folder.exists():
        return
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".madeup-") as scratch:
        made = Path(scratch) / folder.name
        write(made)
        try:
            made.rename(folder)
        except OSError:
            if not folder.exists():  # else another call was first
                raise
