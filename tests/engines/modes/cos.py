"""Ways of taking data with COS, and what calcos makes of them."""

from tests.engines.modes.mode import Mode, image
from tests.madeup import dataset_folder, write_acq_image
from tests.madeup.demo import ACQ_IMAGE

MODES: tuple[Mode, ...] = (
    Mode(
        "COS/NUV ACQ/IMAGE",
        ACQ_IMAGE,
        ("calcos",),
        lambda root: write_acq_image(dataset_folder(root, ACQ_IMAGE), ACQ_IMAGE),
        {
            f"{ACQ_IMAGE}_counts.fits": image(1024, 1024, sets=2),
            f"{ACQ_IMAGE}_flt.fits": image(1024, 1024, sets=2),
        },
        source="COS Data Handbook 2.4.3",
    ),
)
