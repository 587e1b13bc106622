"""Ways of taking data with COS, and what calcos makes of them.

FUV exposures take calcos about 8 s of computing a segment and 1.3 GiB, however few events they have: its images have
16384 columns. So there are two of them, one with both segments and one with one, and associations are of the NUV.
Left out: FUV ACCUM (bright stars alone; as FUV TIME-TAG, of images of 32 MB), the wavecal and the FP-POS
association of the FUV (as those of the NUV), TAGFLASH of images, the bright object aperture, PHOTCORR, and ACQ/SEARCH
(left alone as ACQ/PEAKD is).
"""

from tests.engines.modes import cos_checks as check
from tests.engines.modes.cos_checks import (
    ACCUM,
    DRIFT,
    FLASHES,
    FP_POS,
    FUV_COUNTS,
    IMAGE_COUNTS,
    IMAGE_MEMBERS,
    IMAGES,
    NUV_COUNTS,
    POSITIONS,
    WAVECAL,
    WITH_WAVECAL,
)
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
from tests.madeup.cos import exposures
from tests.madeup.demo import ACQ_IMAGE
from tests.madeup.spectrograph import G130M, G140L, G185M

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
        check.fuv_both,
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
        check.fuv_one,
        source="COS Data Handbook 2.2",
    ),
    Mode(
        "COS/NUV TIME-TAG",
        "ldem12ttq",
        ("calcos",),
        write(exposures.write_spectrum, "ldem12ttq", G185M, counts=NUV_COUNTS),
        {**images("ldem12ttq", NUV_SPECTRUM), **events("ldem12ttq"), **spectra("ldem12ttq")},
        check.nuv_spectrum("ldem12ttq"),
        source="COS Data Handbook, table 2.1",
    ),
    Mode(
        "COS/NUV ACCUM",
        "ldem12acq",
        ("calcos",),
        write(exposures.write_spectrum, "ldem12acq", G185M, counts=NUV_COUNTS, obsmode="ACCUM"),
        {**images("ldem12acq", NUV_SPECTRUM), **events("ldem12acq", seconds=0), **spectra("ldem12acq")},
        check.nuv_spectrum("ldem12acq"),
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
        check.fp_pos,
        source="COS Data Handbook 2.4.3",
    ),
    Mode(
        "COS/NUV ACCUM with a wavecal, association",
        WITH_WAVECAL,
        ("calcos",),
        write_all(
            WITH_WAVECAL,
            [
                write(
                    exposures.write_spectrum,
                    ACCUM,
                    G185M,
                    counts=NUV_COUNTS,
                    drift=DRIFT,
                    asn_id=WITH_WAVECAL,
                    obsmode="ACCUM",
                    has_wavecal=True,
                ),
                write(exposures.write_wavecal, WAVECAL, G185M, drift=DRIFT, asn_id=WITH_WAVECAL),
            ],
            [ACCUM],
            [WAVECAL],
        ),
        {
            **images(ACCUM, NUV_SPECTRUM),
            **events(ACCUM),
            **spectra(ACCUM),
            **images(WAVECAL, NUV_SPECTRUM),
            **events(WAVECAL, seconds=10),
            **spectra(WAVECAL),
            **spectra(WITH_WAVECAL, "x1dsum"),
            **spectra(WITH_WAVECAL, "x1dsum3"),
            **support(WITH_WAVECAL),
        },
        check.with_wavecal,
        source="COS Data Handbook 2.4.3 and 3.4, WAVECORR",
    ),
    Mode(
        "COS/NUV imaging, TIME-TAG",
        "ldem13ttq",
        ("calcos",),
        write(exposures.write_image, "ldem13ttq", counts=IMAGE_COUNTS),
        {**images("ldem13ttq", NUV_IMAGE), **events("ldem13ttq")},
        check.star("ldem13ttq_flt.fits"),
        source="COS Data Handbook, table 2.1",
    ),
    Mode(
        "COS/NUV imaging, ACCUM",
        "ldem13acq",
        ("calcos",),
        write(exposures.write_image, "ldem13acq", counts=IMAGE_COUNTS, obsmode="ACCUM"),
        {**images("ldem13acq", NUV_IMAGE), **events("ldem13acq", seconds=0)},
        check.star("ldem13acq_flt.fits"),
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
        check.star(f"{IMAGES}_fltsum.fits"),
        source="COS Data Handbook 2.4.3",
    ),
    Mode(
        "COS/NUV wavecal alone",
        "ldem14wvq",
        ("calcos",),
        write(exposures.write_wavecal, "ldem14wvq", G185M, drift=DRIFT),
        {**images("ldem14wvq", NUV_SPECTRUM), **events("ldem14wvq", seconds=10), **spectra("ldem14wvq")},
        check.wavecal,
        source="COS Data Handbook 3.4, WAVECORR",
    ),
    Mode(
        "COS/NUV dark",
        "ldem15dkq",
        ("calcos",),
        write(exposures.write_dark, "ldem15dkq"),
        {**images("ldem15dkq", NUV_IMAGE), **events("ldem15dkq")},
        check.dark,
        source="COS Data Handbook, table 2.1",
    ),
    Mode(
        "COS/NUV ACQ/IMAGE",
        ACQ_IMAGE,
        ("calcos",),
        write(write_acq_image, ACQ_IMAGE),
        images(ACQ_IMAGE, image(1024, 1024, sets=2)),
        check.acquisition_image,
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
