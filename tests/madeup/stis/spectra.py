"""Raw spectra of the made-up star, each with the wavecal that says how far off its place the grating was."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from .doppler import MAGNITUDE, exposed
from .frames import MAMA_HIGH, Frame, ccd_subarray
from .headers import START, Exposure
from .raw_files import write_association, write_raw, write_support
from .settings import CENTRE, DARK, E230M, G140L, G430L, Setting
from .sky import Spectrum, lamp, slit_profile, star, star_profile

SHIFT = (2.4, -1.3)
"""Columns and rows by which all spectra lie off the place that the reference files say."""

BIAS = 1500.0
READ_NOISE = 3.0
CCD_LAMP, MAMA_LAMP = 200.0, 20.0
"""Electrons or counts a second in the lamp's brightest lines."""

COSMIC_RAYS = 40

Profile = Callable[[Setting, NDArray[np.float64]], NDArray[np.float64]]

CCD_SWITCHES = frozenset({"DQICORR", "BLEVCORR", "BIASCORR", "DARKCORR", "FLATCORR"})
MAMA_SWITCHES = frozenset({"DQICORR", "LORSCORR", "GLINCORR", "LFLGCORR", "DARKCORR", "FLATCORR"})
SPECTRAL_SWITCHES = frozenset({"WAVECORR", "X1DCORR", "BACKCORR", "HELCORR", "DISPCORR", "FLUXCORR", "X2DCORR"})


def write_ccd_spectrum(folder: Path, rootname: str, lamp_seconds: float = 10.0) -> None:
    """Write a CR-SPLIT association with the CCD: ``_asn``, ``_raw``, ``_wav`` and ``_spt``.

    The lamp is on for so many seconds; it may be none.
    """
    rng = np.random.default_rng(430)
    frame = ccd_subarray(int(CENTRE), 100)
    wavecal, science = exposures(rootname, G430L, frame, 60.0, images=2)
    write_raw(folder, science, ccd_star(rng, science), scale=G430L.scale)
    write_wavecal(rng, folder, replace(wavecal, exptime=lamp_seconds), G430L)
    write_rest(folder, wavecal, science)


def write_single_ccd_spectrum(folder: Path, rootname: str) -> None:
    """Write one exposure with the CCD and without a wavecal: ``_raw`` and ``_spt``."""
    rng = np.random.default_rng(432)
    frame = ccd_subarray(int(CENTRE), 100)
    _, science = exposures(rootname, G430L, frame, 60.0)
    perform = science.perform - {"WAVECORR", "CRCORR"}
    science = replace(science, members=(), member_type="", perform=perform, more={"WAVECAL": "N/A"})
    write_raw(folder, science, ccd_star(rng, science, rays=0), scale=G430L.scale)
    write_support(folder, science)


def write_mama_spectrum(folder: Path, rootname: str, repeats: int = 1) -> None:
    """Write an association of so many exposures with the FUV-MAMA: ``_asn``, ``_raw``, ``_wav`` and ``_spt``."""
    _write_mama(folder, rootname, G140L, 400.0, repeats)


def write_echelle(folder: Path, rootname: str) -> None:
    """Write an association with the NUV-MAMA and an echelle: ``_asn``, ``_raw``, ``_wav`` and ``_spt``."""
    _write_mama(folder, rootname, E230M, 2000.0)


def _write_mama(folder: Path, rootname: str, setting: Setting, seconds: float, repeats: int = 1) -> None:
    rng = np.random.default_rng(setting.cenwave)
    wavecal, science = exposures(rootname, setting, MAMA_HIGH, seconds, repeats)
    images = [mama_star(rng, science, setting, number, border=int(MAGNITUDE)) for number in range(1, repeats + 1)]
    write_raw(folder, science, images, scale=setting.scale)
    write_wavecal(rng, folder, wavecal, setting)
    write_rest(folder, wavecal, science)


def exposures(
    rootname: str, setting: Setting, frame: Frame, seconds: float, images: int = 1
) -> tuple[Exposure, Exposure]:
    """Return the wavecal and the science exposures of an association, which begin two minutes later."""
    perform = CCD_SWITCHES if setting.detector == "CCD" else MAMA_SWITCHES
    first, *others = (f"{rootname[:-2]}{letter}q" for letter in "abc"[: images + 1])
    wavecal = Exposure(
        rootname=rootname,
        detector=setting.detector,
        opt_elem=setting.opt_elem,
        obstype="SPECTROSCOPIC",
        aperture=setting.aperture,
        frame=frame,
        exptime=10.0,
        cenwave=setting.cenwave,
        perform=perform,
        members=(first,),
        member_type="AUTO-WAVECAL",
        lamp="HITM1" if setting.detector == "CCD" else "LINE",
        target="WAVELINE",
    )
    perform |= (SPECTRAL_SWITCHES - {"X2DCORR"}) | {"SC2DCORR"} if setting.is_echelle else SPECTRAL_SWITCHES
    if wavecal.is_ccd:
        kind, perform = "CRSPLIT", perform | {"CRCORR", "EXPSCORR", "CTECORR"}
    else:
        kind, perform = "RPTOBS", perform | ({"DOPPCORR", "RPTCORR"} if images > 1 else {"DOPPCORR"})
    science = replace(
        wavecal,
        exptime=seconds,
        start=START + timedelta(minutes=2),
        perform=perform,
        members=tuple(others),
        images=images,
        member_type=kind if images > 1 else "SCIENCE",
        lamp="NONE",
        target="MADE-UP-STAR",
        more={"WAVECAL": f"{rootname}_wav.fits"},
    )
    return wavecal, science


def write_wavecal(rng: Generator, folder: Path, wavecal: Exposure, setting: Setting) -> None:
    """Write ``_wav``: the lamp through the slit."""
    frame, seconds = wavecal.frame, wavecal.exptime
    if wavecal.is_ccd:
        light = light_of(setting, frame, lamp(setting, CCD_LAMP), slit_profile)
        counts = ccd_counts(rng, light, seconds, frame)
    else:
        light = light_of(setting, frame, lamp(setting, MAMA_LAMP), slit_profile)
        counts = mama_counts(rng, light, setting.detector, seconds)
    write_raw(folder, wavecal, [counts], "wav", setting.scale)


def write_wavecal_alone(folder: Path, rootname: str) -> None:
    """Write a wavecal that belongs to no exposure, with the CCD: ``_wav`` and ``_spt``."""
    rng = np.random.default_rng(431)
    wavecal, _ = exposures(rootname, G430L, ccd_subarray(int(CENTRE), 100), 60.0)
    wavecal = replace(wavecal, member_type="", members=())
    write_wavecal(rng, folder, wavecal, G430L)
    write_support(folder, wavecal)


def write_rest(folder: Path, wavecal: Exposure, science: Exposure) -> None:
    """Write ``_spt`` and ``_asn``."""
    write_support(folder, science)
    rows = [(name, exposure.member_type) for exposure in (wavecal, science) for name in exposure.members]
    write_association(folder, science, rows)


def light_of(
    setting: Setting, frame: Frame, spectrum: Spectrum, profile: Profile, shift: tuple[float, float] = SHIFT
) -> NDArray[np.float64]:
    """Return what a frame's pixels count in a second of a spectrum."""
    column, row = frame.columns - shift[0], frame.rows - shift[1]
    light = np.zeros(frame.shape)
    for order, middle in setting.rows:
        light += profile(setting, row - middle)[:, None] * spectrum(column, order)
    return light * frame.sees_light * frame.share


def ccd_star(rng: Generator, exposure: Exposure, rays: int = COSMIC_RAYS) -> list[NDArray[np.float64]]:
    """Return what the CCD reads of the star's spectrum in each image set."""
    light = light_of(G430L, exposure.frame, star(G430L), star_profile)
    return [ccd_counts(rng, light, exposure.exptime, exposure.frame, rays) for _ in range(exposure.images)]


def ccd_counts(
    rng: Generator, light: NDArray[np.float64], seconds: float, frame: Frame, rays: int = 0
) -> NDArray[np.float64]:
    """Return what the CCD reads of so many electrons a second, with dark current, bias, noise and cosmic rays."""
    electrons = (light + DARK["CCD"] * frame.sees_light) * seconds
    counts = rng.poisson(electrons) + rng.normal(BIAS, READ_NOISE, electrons.shape)
    seen = np.flatnonzero(frame.sees_light)
    counts[rng.integers(0, frame.shape[0], rays), rng.choice(seen, rays)] += rng.uniform(300, 8000, rays)
    return counts


def mama_star(
    rng: Generator, exposure: Exposure, setting: Setting, image: int = 1, border: int = 0
) -> NDArray[np.float64]:
    """Return what a MAMA counts of the star's spectrum in an image set, with columns at its edges left out."""
    light = light_of(setting, MAMA_HIGH, star(setting), star_profile)
    seen = exposed(exposure.starts(image), exposure.exptime, MAMA_HIGH.shape[1], border=border)
    return mama_counts(rng, light * seen, setting.detector, exposure.exptime)


def mama_counts(rng: Generator, light: NDArray[np.float64], detector: str, seconds: float) -> NDArray[np.float64]:
    """Return what a MAMA counts of so many photons a second, and in the dark."""
    return rng.poisson((light + DARK[detector] * MAMA_HIGH.share) * seconds).astype(float)
