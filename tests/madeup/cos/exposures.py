"""Raw COS exposures in the ways of taking data that the demo has none of: with the lamp, ACCUM, and images."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.madeup.cos.lamp import RATE, lamp_events
from tests.madeup.headers import NOT_ASSOCIATED, Exposure
from tests.madeup.spectrograph import DETECTOR_ROWS, SPREAD, Mode
from tests.madeup.timetag import (
    NUV_SWITCHES,
    SWITCHES,
    as_events,
    by_segment,
    stripe_events,
    timetag_exposure,
    write_segments,
)

STAR = (512.0, 480.0)
"""Column and row of the star in an image."""

IMAGE_SWITCHES = ("DQICORR", "DEADCORR", "FLATCORR")

EXPTIME = 60.0
"""Seconds."""

DARK_COUNTS = 2000


def write_spectrum(
    folder: Path,
    rootname: str,
    mode: Mode,
    *,
    counts: int = 60000,
    fppos: int = 3,
    flashes: Sequence[tuple[float, float]] = (),
    drift: float = 0.0,
    asn_id: str = NOT_ASSOCIATED,
    obsmode: str = "TIME-TAG",
    has_wavecal: bool = False,
    seed: int = 20,
) -> list[Path]:
    """Write a spectrum of the made-up star.

    Parameters
    ----------
    folder
        Folder to write to; made when absent.
    rootname
        ipppssoot of the exposure.
    mode
        The grating.
    counts
        Events from the target's continuum, in all segments or stripes together.
    fppos
        Focal-plane position, 1 to 4.
    flashes
        When the lamp is switched on and off (TAGFLASH), in seconds from the start.
    drift
        Columns by which the spectra of star and lamp have moved.
    asn_id
        Association that the exposure is a member of.
    obsmode
        TIME-TAG, or ACCUM, which has an image in place of events.
    has_wavecal
        Whether the association has an exposure of the lamp. With one, or with flashes, WAVECORR is done.
    seed
        Of the random numbers.

    Returns
    -------
    list of Path
        The files.
    """
    switches = NUV_SWITCHES if mode.detector == "NUV" else SWITCHES
    if flashes or has_wavecal:
        switches = (*switches, "WAVECORR")
    exposure = timetag_exposure(mode, rootname, fppos, EXPTIME, counts, asn_id, switches)
    exposure = replace(exposure, obsmode=obsmode, flashes=tuple(flashes))
    rng = np.random.default_rng(seed)
    by_stripe = {}
    for stripe in mode.stripes:
        star = stripe_events(rng, mode, stripe, exposure, counts // len(mode.stripes), drift)
        lamp = [lamp_events(rng, mode, stripe, exposure, on, off, drift) for on, off in flashes]
        by_stripe[stripe.name] = np.concatenate([star, *lamp])
    return write_segments(folder, exposure, by_segment(mode, by_stripe))


def write_wavecal(
    folder: Path, rootname: str, mode: Mode, *, drift: float = 0.0, asn_id: str = NOT_ASSOCIATED, seed: int = 21
) -> list[Path]:
    """Write an exposure of the wavecal lamp alone; its spectrum has drifted by a number of columns."""
    exptime = 10.0
    switches = (*NUV_SWITCHES, "WAVECORR") if mode.detector == "NUV" else (*SWITCHES, "WAVECORR")
    kept = tuple(switch for switch in switches if switch not in ("FLUXCORR", "HELCORR"))
    exposure = timetag_exposure(mode, rootname, 3, exptime, int(RATE * exptime), asn_id, kept)
    exposure = replace(exposure, exptype="WAVECAL", targname="WAVE", aperture="WCA")
    rng = np.random.default_rng(seed)
    by_stripe = {
        stripe.name: lamp_events(rng, mode, stripe, exposure, 0.0, exptime, drift) for stripe in mode.stripes
    }
    return write_segments(folder, exposure, by_segment(mode, by_stripe))


def write_image(
    folder: Path,
    rootname: str,
    *,
    counts: int = 20000,
    obsmode: str = "TIME-TAG",
    asn_id: str = NOT_ASSOCIATED,
    seed: int = 22,
) -> list[Path]:
    """Write an NUV image of the made-up star."""
    exposure = _image_exposure(rootname, counts, obsmode, "EXTERNAL/SCI", "MADE-UP-STAR", asn_id)
    rng = np.random.default_rng(seed)
    x, y = (rng.normal(centre, SPREAD, counts) for centre in STAR)
    return write_segments(folder, exposure, {"N/A": as_events(rng, rng.uniform(0, EXPTIME, counts), x, y)})


def write_dark(folder: Path, rootname: str, *, seed: int = 23) -> list[Path]:
    """Write a dark exposure with the NUV: events all over the detector."""
    exposure = _image_exposure(rootname, DARK_COUNTS, "TIME-TAG", "DARK", "DARK")
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, DETECTOR_ROWS - 1, (2, DARK_COUNTS))
    return write_segments(folder, exposure, {"N/A": as_events(rng, rng.uniform(0, EXPTIME, DARK_COUNTS), x, y)})


def _image_exposure(
    rootname: str, counts: int, obsmode: str, exptype: str, targname: str, asn_id: str = NOT_ASSOCIATED
) -> Exposure:
    return Exposure(
        rootname=rootname,
        exptype=exptype,
        obstype="IMAGING",
        obsmode=obsmode,
        detector="NUV",
        opt_elem="MIRRORA",
        exptime=EXPTIME,
        perform=IMAGE_SWITCHES,
        asn_id=asn_id,
        targname=targname,
        events_per_second=counts / EXPTIME,
    )
