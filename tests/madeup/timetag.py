"""Raw COS spectra, TIME-TAG and ACCUM: NUV G185M, and FUV G130M with its two segments."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
from astropy.io import fits
from numpy.random import Generator
from numpy.typing import NDArray

from .acquisitions import image_set, image_wcs
from .headers import NOT_ASSOCIATED, Exposure, extension_header, primary_header, set_all
from .raw_files import HDUs, write_raw
from .spectrograph import (
    DETECTOR_ROWS,
    FPPOS_TO_FPOFFSET,
    G130M,
    G185M,
    SPREAD,
    Mode,
    Stripe,
    transmission,
)

SWITCHES = ("DQICORR", "X1DCORR", "BACKCORR", "FLUXCORR", "HELCORR")
NUV_SWITCHES = (*SWITCHES, "DEADCORR", "FLATCORR")

BACKGROUND_FRACTION = 0.05
"""Part of the events that falls anywhere on the detector."""

Events = dict[str, NDArray[np.void]]
"""Events by stripe, or by segment: FUVA and FUVB, or N/A with the NUV."""


def write_nuv_timetag(
    folder: Path,
    rootname: str,
    *,
    fppos: int = 3,
    exptime: float = 60.0,
    counts: int = 40000,
    seed: int = 2,
    asn_id: str = NOT_ASSOCIATED,
    calibrate: bool = True,
) -> list[Path]:
    """Write an NUV G185M time-tag exposure, ``_rawtag`` and ``_spt``.

    Parameters
    ----------
    folder
        Folder to write to; made when absent.
    rootname
        ipppssoot of the exposure.
    fppos
        Focal-plane position, 1 to 4.
    exptime
        Exposure time, in seconds.
    counts
        Events from the target's continuum; its lines take some of them away.
    seed
        Of the random numbers: the same seed gives the same events.
    asn_id
        Association that the exposure is a member of.
    calibrate
        False sets all switches to OMIT, so that calcos has nothing to do.

    Returns
    -------
    list of Path
        The files.
    """
    switches = NUV_SWITCHES if calibrate else ()
    exposure = timetag_exposure(G185M, rootname, fppos, exptime, counts, asn_id, switches)
    rng = np.random.default_rng(seed)
    return write_segments(folder, exposure, by_segment(G185M, _star(rng, G185M, exposure, counts)))


def write_fuv_timetag(
    folder: Path,
    rootname: str,
    *,
    fppos: int = 3,
    exptime: float = 60.0,
    counts: int = 60000,
    seed: int = 3,
    asn_id: str = NOT_ASSOCIATED,
) -> list[Path]:
    """Write an FUV G130M time-tag exposure: ``_rawtag_a``, ``_rawtag_b`` and ``_spt``.

    The arguments are those of `write_nuv_timetag`.
    """
    exposure = timetag_exposure(G130M, rootname, fppos, exptime, counts, asn_id, SWITCHES)
    rng = np.random.default_rng(seed)
    return write_segments(folder, exposure, by_segment(G130M, _star(rng, G130M, exposure, counts)))


def _star(rng: Generator, mode: Mode, exposure: Exposure, counts: int) -> Events:
    each = counts // len(mode.stripes)
    return {stripe.name: stripe_events(rng, mode, stripe, exposure, each) for stripe in mode.stripes}


def timetag_exposure(
    mode: Mode,
    rootname: str,
    fppos: int,
    exptime: float,
    counts: int,
    asn_id: str,
    switches: tuple[str, ...],
) -> Exposure:
    """Return what the headers of a spectrum say; exposures at later focal-plane positions are later."""
    exposure = Exposure(
        rootname=rootname,
        exptype="EXTERNAL/SCI",
        obstype="SPECTROSCOPIC",
        obsmode="TIME-TAG",
        detector=mode.detector,
        opt_elem=mode.opt_elem,
        cenwave=mode.cenwave,
        fppos=fppos,
        exptime=exptime,
        perform=switches,
        asn_id=asn_id,
        events_per_second=counts / exptime,
    )
    later = timedelta(seconds=(exptime + 60) * fppos)
    return replace(exposure, start=exposure.start + later)


def stripe_events(
    rng: Generator, mode: Mode, stripe: Stripe, exposure: Exposure, counts: int, drift: float = 0.0
) -> NDArray[np.void]:
    """Return the events of one spectrum, not in order of time; it has drifted by a number of columns."""
    x = rng.uniform(0, mode.columns - 1, counts)
    zero_point = mode.zero_point(stripe, FPPOS_TO_FPOFFSET[exposure.fppos]) - drift * mode.dispersion
    x = x[rng.uniform(size=counts) < transmission(zero_point + mode.dispersion * x)]
    y = rng.normal(stripe.row, SPREAD, x.size)
    background = rng.uniform(size=x.size) < BACKGROUND_FRACTION
    y[background] = rng.uniform(0, DETECTOR_ROWS - 1, background.sum())
    return as_events(rng, rng.uniform(0, exposure.exptime, x.size), x, y)


def as_events(
    rng: Generator, times: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.void]:
    """Return events at these times (s), columns and rows, with pulse heights that are those of photons."""
    events = np.empty(x.size, dtype=[("TIME", "f4"), ("RAWX", "i2"), ("RAWY", "i2"), ("PHA", "u1")])
    events["TIME"] = times
    events["RAWX"] = np.rint(x)
    events["RAWY"] = np.clip(np.rint(y), 0, DETECTOR_ROWS - 1)
    events["PHA"] = rng.integers(8, 20, x.size)
    return events


def by_segment(mode: Mode, by_stripe: Events) -> Events:
    """Return the events of each file: the stripes of the NUV are in one, the segments of the FUV in one each."""
    return by_stripe if mode.detector == "FUV" else {"N/A": np.concatenate(list(by_stripe.values()))}


def write_segments(folder: Path, exposure: Exposure, events: Events) -> list[Path]:
    """Write the raw files of an exposure: its events, or with ACCUM their image, of each segment."""
    kind, make = ("rawtag", event_hdus) if exposure.obsmode == "TIME-TAG" else ("rawaccum", accum_hdus)
    letters = "ABC" if exposure.detector == "NUV" else "AB"
    raw_files: dict[str, HDUs] = {}
    for segment, of_segment in events.items():
        suffix = kind if segment == "N/A" else f"{kind}_{segment[-1].lower()}"
        raw_files[suffix] = make(exposure, suffix, segment, of_segment, letters)
    return write_raw(folder, exposure, raw_files)


def accum_hdus(exposure: Exposure, suffix: str, segment: str, events: NDArray[np.void], letters: str) -> HDUs:
    """Return the parts of a rawaccum file: primary, SCI, ERR and DQ."""
    image = np.zeros((DETECTOR_ROWS, DETECTOR_ROWS), dtype=np.int16)
    np.add.at(image, (events["RAWY"], events["RAWX"]), 1)
    header = extension_header(exposure)
    header.update(image_wcs((DETECTOR_ROWS / 2, DETECTOR_ROWS / 2)))
    return [fits.PrimaryHDU(header=primary_header(exposure, suffix, segment)), *image_set(image, header, 1)]


def event_hdus(exposure: Exposure, suffix: str, segment: str, events: NDArray[np.void], letters: str) -> HDUs:
    """Return the parts of a rawtag file: primary, EVENTS and GTI (good time intervals)."""
    events = np.sort(events, order="TIME")
    columns = [
        fits.Column("TIME", "1E", "s", array=events["TIME"]),
        fits.Column("RAWX", "1I", "pixel", array=events["RAWX"]),
        fits.Column("RAWY", "1I", "pixel", array=events["RAWY"]),
    ]
    if exposure.detector == "FUV":
        columns.append(fits.Column("PHA", "1B", array=events["PHA"]))
    header = extension_header(exposure)
    set_all(header, ("SHIFT1", "SHIFT2", "DPIXEL1"), letters, 0.0)
    set_all(header, ("SP_LOC_", "SP_OFF_", "SP_NOM_", "SP_SLP_", "SP_HGT_"), letters, -999.0)
    set_all(header, ("B_HGT1_", "B_HGT2_", "B_BKG1_", "B_BKG2_"), letters, -999.0)
    if segment != "N/A":
        set_all(header, ("EXPTIME",), letters, exposure.exptime)
    header["NEVENTS"] = events.size
    table = fits.BinTableHDU.from_columns(columns, header=header, name="EVENTS")
    gti = fits.BinTableHDU.from_columns(
        [
            fits.Column("START", "1D", "seconds", array=[0.0]),
            fits.Column("STOP", "1D", "seconds", array=[exposure.exptime]),
        ],
        name="GTI",
    )
    return [fits.PrimaryHDU(header=primary_header(exposure, suffix, segment)), table, gti]
