"""The made-up datasets of COS, and what of the sky must come out of each."""

from collections.abc import Callable
from pathlib import Path

from tests.engines.modes import cos_sky as sky
from tests.madeup.acquisitions import STAR_CENTRES
from tests.madeup.cos.exposures import DARK_COUNTS, EXPTIME, STAR
from tests.madeup.demo import ACQ_IMAGE
from tests.madeup.spectrograph import G130M, G140L, G185M

FP_POS = "ldem16010"
POSITIONS = {"ldem16f1q": 1, "ldem16f2q": 2, "ldem16f3q": 3, "ldem16f4q": 4}
"""The exposures of the association, and their focal-plane positions."""

WITH_WAVECAL = "ldem18010"
ACCUM, WAVECAL = "ldem18acq", "ldem18wvq"
"""The exposures of the association: of the star, and of the lamp."""

IMAGES = "ldem17010"
IMAGE_MEMBERS = ("ldem17i1q", "ldem17i2q")

FLASHES = ((3.0, 8.0), (50.0, 55.0))
DRIFT = 4.0
"""Columns by which the spectra have moved in exposures with the lamp."""

NUV_COUNTS = 300_000
FUV_COUNTS = 400_000
IMAGE_COUNTS = 20_000


def acquisition_image(home: Path) -> None:
    """Check the star before and after it is centred."""
    for imset, centre in enumerate(STAR_CENTRES, start=1):
        sky.check_star(home / f"{ACQ_IMAGE}_flt.fits", centre, 4000, 30.0, imset=imset)


def fuv_both(home: Path) -> None:
    """Check what the lamp has told of the shift, and the spectra once it is taken out."""
    sky.check_events(home)
    sky.check_shift(home / "ldem11abq_x1d.fits", G130M, DRIFT)
    sky.check_spectrum(home / "ldem11abq_x1d.fits", G130M, FUV_COUNTS, EXPTIME, pixels=3)


def fuv_one(home: Path) -> None:
    """Check the spectrum of the segment."""
    sky.check_events(home)
    sky.check_spectrum(home / "ldem11a0q_x1d.fits", G140L, FUV_COUNTS, EXPTIME)


def fp_pos(home: Path) -> None:
    """Check each exposure's shift and spectrum, and the sums: of each position, and of all."""
    sky.check_events(home)
    for member, fppos in POSITIONS.items():
        sky.check_shift(home / f"{member}_x1d.fits", G185M, DRIFT)
        for name in (f"{member}_x1d.fits", f"{FP_POS}_x1dsum{fppos}.fits"):
            sky.check_spectrum(home / name, G185M, NUV_COUNTS, EXPTIME, fppos=(fppos,))
    sky.check_spectrum(home / f"{FP_POS}_x1dsum.fits", G185M, NUV_COUNTS, EXPTIME, fppos=POSITIONS.values())


def nuv_spectrum(dataset: str) -> Callable[[Path], None]:
    """Return what checks a spectrum of the NUV."""

    def check(home: Path) -> None:
        sky.check_events(home)
        sky.check_spectrum(home / f"{dataset}_x1d.fits", G185M, NUV_COUNTS, EXPTIME)

    return check


def with_wavecal(home: Path) -> None:
    """Check that the shift of the lamp's exposure is taken out of the star's."""
    sky.check_events(home)
    for exposure in (ACCUM, WAVECAL):
        sky.check_shift(home / f"{exposure}_x1d.fits", G185M, DRIFT)
    for name in (f"{ACCUM}_x1d.fits", f"{WITH_WAVECAL}_x1dsum.fits"):
        sky.check_spectrum(home / name, G185M, NUV_COUNTS, EXPTIME)


def star(name: str) -> Callable[[Path], None]:
    """Return what checks the star in an image."""

    def check(home: Path) -> None:
        sky.check_events(home)
        sky.check_star(home / name, STAR, IMAGE_COUNTS, EXPTIME)

    return check


def wavecal(home: Path) -> None:
    """Check where the lamp's spectrum has drifted to."""
    sky.check_events(home)
    sky.check_shift(home / "ldem14wvq_x1d.fits", G185M, DRIFT)


def dark(home: Path) -> None:
    """Check that no event is lost."""
    sky.check_events(home)
    sky.check_counts(home / "ldem15dkq_counts.fits", DARK_COUNTS, EXPTIME)
