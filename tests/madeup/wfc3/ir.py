"""Raw WFC3/IR exposures: a ramp of reads without reset, of a few stars on a small subarray."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from .headers import Exposure, constant, extension_header, primary_header
from .sky import IRSUB64 as SUBARRAY

DARK_EDGE = 5
"""Reference pixels, which see no light, at each edge of a read."""

SHAPE = (SUBARRAY.rows + 2 * DARK_EDGE, SUBARRAY.columns + 2 * DARK_EDGE)
INSIDE = (slice(DARK_EDGE, -DARK_EDGE), slice(DARK_EDGE, -DARK_EDGE))

SAMPLE_TIMES = (0.0, 2.93, 12.93, 22.93, 32.93, 42.93, 52.93, 62.93)
"""Seconds from the zeroth read to each, in the sequence SPARS10."""

BIAS = 11_000
"""Counts of a pixel just after its reset."""

GAIN = 2.4
"""Electrons per count."""

READ_NOISE = 15.0
"""Electrons."""

DARK = 0.05
"""Electrons per second and pixel."""

SKY = 1.5
"""Electrons per second and pixel."""

NONLINEARITY = 4e-6
"""What must be added to a count, relative to it, for each count."""

COSMIC_RAY = 5_000
"""Electrons that a cosmic ray leaves in one pixel."""

COSMIC_RAY_AT = (20, 12)
"""Column and row of the image, the first pixel being 0, that a cosmic ray hits half way."""

IMAGING = (
    *("DQICORR", "ZSIGCORR", "ZOFFCORR", "DARKCORR", "BLEVCORR", "NLINCORR", "FLATCORR", "CRCORR", "UNITCORR"),
    *("PHOTCORR", "DRIZCORR"),
)
"""Switches of an imaging exposure."""


SPECTROSCOPY = tuple(switch for switch in IMAGING if switch != "PHOTCORR")
"""Switches of an exposure through a grism."""


def flat_field() -> NDArray[np.float64]:
    """Return the sensitivity of the subarray's pixels: more to the right, 5 % at most."""
    return np.tile(1 + np.linspace(-0.05, 0.05, SHAPE[1]), (SHAPE[0], 1))


def write_ir(
    folder: Path,
    exposure: Exposure,
    *,
    sample_times: Sequence[float] = SAMPLE_TIMES,
    cosmic_ray: tuple[int, int] | None = COSMIC_RAY_AT,
    seed: int = 1,
) -> Path:
    """Write ``<rootname>_raw.fits``, and return its path.

    Parameters
    ----------
    folder
        Folder to write to; made when absent.
    exposure
        What is taken.
    sample_times
        Times of the reads, the zeroth included, s; in the file the last read is first.
    cosmic_ray
        Column and row of the image that a cosmic ray hits half way.
    seed
        Of the noise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    exposure = replace(exposure, exptime=sample_times[-1])
    ramp = _ramp(exposure, sample_times, cosmic_ray, np.random.default_rng(seed))
    hdus: list[fits.PrimaryHDU | fits.ImageHDU] = [fits.PrimaryHDU(header=_primary(exposure, len(ramp)))]
    for version, number in enumerate(reversed(range(len(ramp))), start=1):
        hdus += _read(exposure, ramp[number], sample_times, number, version)
    path = folder / f"{exposure.rootname}_raw.fits"
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return path


def _ramp(
    exposure: Exposure, times: Sequence[float], cosmic_ray: tuple[int, int] | None, rng: np.random.Generator
) -> list[NDArray[np.uint16]]:
    """Return what the detector counts in each read: what has come since the reset, noise and bias."""
    rate = SUBARRAY.light(exposure.pointing, SKY, dispersed=exposure.spectroscopic) * flat_field()[INSIDE]
    electrons, before, reads = np.zeros(SHAPE), 0.0, []
    for number, time in enumerate(times):
        electrons[INSIDE] += rng.poisson((rate + DARK) * (time - before))
        if cosmic_ray and number == len(times) // 2:
            column, row = cosmic_ray
            electrons[DARK_EDGE + row, DARK_EDGE + column] += COSMIC_RAY
        noise = rng.normal(0, READ_NOISE / GAIN, SHAPE)
        reads.append(np.rint(BIAS + _counted(electrons / GAIN) + noise).astype(np.uint16))
        before = time
    return reads


def _counted(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what the detector counts where a linear one counts so much."""
    return (np.sqrt(1 + 4 * NONLINEARITY * counts) - 1) / (2 * NONLINEARITY)


def _primary(exposure: Exposure, reads: int) -> fits.Header:
    header = primary_header(exposure, "IR", 5 * reads)
    header.update(
        {
            "OBSMODE": "MULTIACCUM",
            "SUBTYPE": "SQ64SUB",
            "SAMP_SEQ": "SPARS10",
            "NSAMP": reads,
            "SAMPZERO": 0.06,
            "APERTURE": "IRSUB64",
            "PROPAPER": "IRSUB64",
            "DIRIMAGE": "NONE",
            "CCDAMP": "ABCD",
            "CCDGAIN": 2.5,
        }
    )
    header.update(exposure.keywords)
    return header


def _read(
    exposure: Exposure, counts: NDArray[np.uint16], times: Sequence[float], number: int, version: int
) -> list[fits.ImageHDU]:
    """Return the planes of one read: counts, errors, flags, number of samples, and time."""
    where = SUBARRAY.keywords(exposure.pointing, (DARK_EDGE, DARK_EDGE))
    science = extension_header(exposure, SHAPE, CENTERA1=513, CENTERA2=513, BUNIT="COUNTS", **where)
    science.update(
        {
            "SAMPNUM": number,
            "SAMPTIME": times[number],
            "DELTATIM": times[number] - times[number - 1] if number else 0.0,
            "ROUTTIME": exposure.expstart + times[number] / 86400,
            "TDFTRANS": 0,
        }
    )
    planes = [fits.ImageHDU(counts, science, name="SCI", ver=version)]
    for name, value, unit in (
        ("ERR", 0.0, "COUNTS"),
        ("DQ", 0, "UNITLESS"),
        ("SAMP", number, "SAMPLES"),
        ("TIME", times[number], "SECONDS"),
    ):
        header = fits.Header({"ROOTNAME": exposure.rootname, "EXPNAME": exposure.rootname, "BUNIT": unit, **where})
        planes.append(constant(header, name, value, SHAPE, version))
    return planes
