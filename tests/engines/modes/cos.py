"""Ways of taking data with COS, and what calcos makes of them.

FUV exposures take calcos about 8 s of computing a segment and 1.3 GiB, however few events they have: its images have
16384 columns. So there are two of them, one with both segments and one with one, and associations are of the NUV.
Left out: FUV ACCUM (bright stars alone; as FUV TIME-TAG, of images of 32 MB), the wavecal and the FP-POS
association of the FUV (as those of the NUV), TAGFLASH of images, the bright object aperture, PHOTCORR, and ACQ/SEARCH
(left alone as ACQ/PEAKD is).
"""

from collections.abc import Callable
from pathlib import Path

from tests.engines.modes import cos_sky as sky
from tests.engines.modes.cos_files import (
    FUV_IMAGE,
    NUV_IMAGE,
    NUV_SPECTRUM,
    events,
    images,
    lamp,
    spectra,
    support,
    write,
    write_all,
)
from tests.engines.modes.mode import Mode, image
from tests.madeup import write_acq_image, write_acq_peakxd
from tests.madeup.acquisitions import STAR_CENTRES
from tests.madeup.cos import exposures
from tests.madeup.cos.exposures import DARK_COUNTS, EXPTIME, STAR
from tests.madeup.demo import ACQ_IMAGE
from tests.madeup.spectrograph import G130M, G140L, G185M

FP_POS = "ldem16010"
POSITIONS = {"ldem16f1q": 1, "ldem16f2q": 2, "ldem16f3q": 3, "ldem16f4q": 4}
"""The exposures of the association, and their focal-plane positions."""

IMAGES = "ldem17010"
IMAGE_MEMBERS = ("ldem17i1q", "ldem17i2q")

FLASHES = ((3.0, 8.0), (50.0, 55.0))
DRIFT = 4.0
"""Columns by which the spectra have moved in exposures with the lamp."""

NUV_COUNTS = 150_000
FUV_COUNTS = 200_000
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


MODES: tuple[Mode, ...] = (
    Mode(
        "COS/FUV TIME-TAG, TAGFLASH, both segments",
        "ldem11abq",
        ("calcos",),
        write(exposures.write_spectrum, "ldem11abq", G130M, counts=FUV_COUNTS, flashes=FLASHES, drift=DRIFT),
        {
            **images("ldem11abq", FUV_IMAGE, ("_a", "_b")),
            **events("ldem11abq", segments=("_a", "_b")),
            **spectra("ldem11abq", rows=2),
            **lamp("ldem11abq", rows=4),
        },
        fuv_both,
        source="COS Data Handbook, table 2.1 and 2.4.2",
    ),
    Mode(
        "COS/FUV TIME-TAG, one segment",
        "ldem11a0q",
        ("calcos",),
        write(exposures.write_spectrum, "ldem11a0q", G140L, counts=FUV_COUNTS),
        {
            **images("ldem11a0q", FUV_IMAGE, ("_a",)),
            **events("ldem11a0q", segments=("_a",)),
            **spectra("ldem11a0q", rows=1),
        },
        fuv_one,
        source="COS Data Handbook 2.2",
    ),
    Mode(
        "COS/NUV TIME-TAG",
        "ldem12ttq",
        ("calcos",),
        write(exposures.write_spectrum, "ldem12ttq", G185M, counts=NUV_COUNTS),
        {**images("ldem12ttq", NUV_SPECTRUM), **events("ldem12ttq"), **spectra("ldem12ttq")},
        nuv_spectrum("ldem12ttq"),
        source="COS Data Handbook, table 2.1",
    ),
    Mode(
        "COS/NUV ACCUM",
        "ldem12acq",
        ("calcos",),
        write(exposures.write_spectrum, "ldem12acq", G185M, counts=NUV_COUNTS, obsmode="ACCUM"),
        {**images("ldem12acq", NUV_SPECTRUM), **events("ldem12acq", seconds=0), **spectra("ldem12acq")},
        nuv_spectrum("ldem12acq"),
        source="COS Data Handbook, table 2.1 and 2.4.2",
    ),
    Mode(
        "COS/NUV TIME-TAG, TAGFLASH, association of four FP-POS",
        FP_POS,
        ("calcos",),
        write_all(
            FP_POS,
            [
                write(
                    exposures.write_spectrum,
                    member,
                    G185M,
                    counts=NUV_COUNTS,
                    fppos=fppos,
                    flashes=FLASHES,
                    drift=DRIFT,
                    asn_id=FP_POS,
                    seed=30 + fppos,
                )
                for member, fppos in POSITIONS.items()
            ],
            POSITIONS,
        ),
        {
            name: extensions
            for part in (
                *(images(member, NUV_SPECTRUM) for member in POSITIONS),
                *(events(member) for member in POSITIONS),
                *(spectra(member) for member in POSITIONS),
                *(lamp(member, rows=6) for member in POSITIONS),
                *(spectra(FP_POS, f"x1dsum{fppos}") for fppos in ("", *POSITIONS.values())),
                support(FP_POS),
            )
            for name, extensions in part.items()
        },
        fp_pos,
        source="COS Data Handbook 2.4.3",
    ),
    Mode(
        "COS/NUV imaging, TIME-TAG",
        "ldem13ttq",
        ("calcos",),
        write(exposures.write_image, "ldem13ttq", counts=IMAGE_COUNTS),
        {**images("ldem13ttq", NUV_IMAGE), **events("ldem13ttq")},
        star("ldem13ttq_flt.fits"),
        source="COS Data Handbook, table 2.1",
    ),
    Mode(
        "COS/NUV imaging, ACCUM",
        "ldem13acq",
        ("calcos",),
        write(exposures.write_image, "ldem13acq", counts=IMAGE_COUNTS, obsmode="ACCUM"),
        {**images("ldem13acq", NUV_IMAGE), **events("ldem13acq", seconds=0)},
        star("ldem13acq_flt.fits"),
        source="COS Data Handbook, table 2.1",
    ),
    Mode(
        "COS/NUV imaging, association",
        IMAGES,
        ("calcos",),
        write_all(
            IMAGES,
            [
                write(exposures.write_image, member, counts=IMAGE_COUNTS, asn_id=IMAGES, seed=seed)
                for seed, member in enumerate(IMAGE_MEMBERS, start=40)
            ],
            IMAGE_MEMBERS,
        ),
        {
            **images(IMAGE_MEMBERS[0], NUV_IMAGE),
            **images(IMAGE_MEMBERS[1], NUV_IMAGE),
            **events(IMAGE_MEMBERS[0]),
            **events(IMAGE_MEMBERS[1]),
            f"{IMAGES}_fltsum.fits": NUV_IMAGE,
            **support(IMAGES),
        },
        star(f"{IMAGES}_fltsum.fits"),
        source="COS Data Handbook 2.4.3",
    ),
    Mode(
        "COS/NUV wavecal alone",
        "ldem14wvq",
        ("calcos",),
        write(exposures.write_wavecal, "ldem14wvq", G185M, drift=DRIFT),
        {**images("ldem14wvq", NUV_SPECTRUM), **events("ldem14wvq", seconds=10), **spectra("ldem14wvq")},
        wavecal,
        source="COS Data Handbook 3.4, WAVECORR",
    ),
    Mode(
        "COS/NUV dark",
        "ldem15dkq",
        ("calcos",),
        write(exposures.write_dark, "ldem15dkq"),
        {**images("ldem15dkq", NUV_IMAGE), **events("ldem15dkq")},
        dark,
        source="COS Data Handbook, table 2.1",
    ),
    Mode(
        "COS/NUV ACQ/IMAGE",
        ACQ_IMAGE,
        ("calcos",),
        write(write_acq_image, ACQ_IMAGE),
        images(ACQ_IMAGE, image(1024, 1024, sets=2)),
        acquisition_image,
        source="COS Data Handbook 2.4.3",
    ),
    *(
        Mode(
            f"COS/NUV {exptype}",
            dataset,
            ("calcos",),
            write(write_acq_peakxd, dataset, exptype=exptype),
            {},
            reason=f"calcos does not process {dataset}: EXPTYPE is {exptype}",
            source="COS Data Handbook, table 2.1: the raw file alone",
        )
        for dataset, exptype in (("ldem10pxq", "ACQ/PEAKXD"), ("ldem10pdq", "ACQ/PEAKD"))
    ),
)
