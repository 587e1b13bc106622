"""Raw spectra of the made-up star, each with the wavecal that says how far off its place the grating was."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from .frames import Frame, ccd_subarray
from .headers import START, Exposure
from .raw_files import write_association, write_raw, write_support
from .settings import CENTRE, G430L, Setting
from .sky import Spectrum, lamp, slit_profile, star, star_profile

SHIFT = (2.4, -1.3)
"""Columns and rows by which all spectra lie off the place that the reference files say."""

BIAS = 1500.0
READ_NOISE = 3.0
LAMP_BRIGHTNESS = 200.0
COSMIC_RAYS = 40

Profile = Callable[[Setting, NDArray[np.float64]], NDArray[np.float64]]

CCD_SWITCHES = frozenset({"DQICORR", "BLEVCORR", "BIASCORR", "DARKCORR", "FLATCORR"})
SPECTRAL_SWITCHES = frozenset({"WAVECORR", "X1DCORR", "BACKCORR", "HELCORR", "DISPCORR", "FLUXCORR", "X2DCORR"})


def write_ccd_spectrum(folder: Path, rootname: str) -> None:
    """Write a CR-SPLIT association with the CCD: ``_asn``, ``_raw``, ``_wav`` and ``_spt``."""
    rng = np.random.default_rng(430)
    frame = ccd_subarray(int(CENTRE), 100)
    stem = rootname[:-2]
    wavecal = _exposure(rootname, G430L, frame, 10.0, CCD_SWITCHES, members=(f"{stem}aq",))
    wavecal = replace(wavecal, member_type="AUTO-WAVECAL", lamp="HITM1", target="WAVELINE")
    science = _exposure(
        rootname,
        G430L,
        frame,
        60.0,
        CCD_SWITCHES | SPECTRAL_SWITCHES | {"CRCORR", "EXPSCORR", "CTECORR"},
        members=(f"{stem}bq", f"{stem}cq"),
    )
    science = replace(science, member_type="CRSPLIT", start=START + timedelta(minutes=2))
    science.more["WAVECAL"] = f"{rootname}_wav.fits"
    light = light_of(G430L, frame, star(G430L), star_profile)
    write_raw(folder, science, [ccd_counts(rng, light * 60.0, frame, COSMIC_RAYS) for _ in range(2)])
    lines = light_of(G430L, frame, lamp(G430L, LAMP_BRIGHTNESS), slit_profile)
    write_raw(folder, wavecal, [ccd_counts(rng, lines * 10.0, frame)], "wav", G430L.scale)
    write_support(folder, science)
    members = [(f"{stem}aq", "AUTO-WAVECAL"), (f"{stem}bq", "CRSPLIT"), (f"{stem}cq", "CRSPLIT")]
    write_association(folder, science, members)


def _exposure(
    rootname: str,
    setting: Setting,
    frame: Frame,
    seconds: float,
    perform: frozenset[str],
    *,
    members: tuple[str, ...],
) -> Exposure:
    return Exposure(
        rootname=rootname,
        detector=setting.detector,
        opt_elem=setting.opt_elem,
        obstype="SPECTROSCOPIC",
        aperture=setting.aperture,
        frame=frame,
        exptime=seconds,
        cenwave=setting.cenwave,
        images=len(members),
        perform=perform,
        members=members,
    )


def light_of(setting: Setting, frame: Frame, spectrum: Spectrum, profile: Profile) -> NDArray[np.float64]:
    """Return what a frame's pixels count in a second of a spectrum."""
    column, row = frame.columns - SHIFT[0], frame.rows - SHIFT[1]
    light = np.zeros(frame.shape)
    for order, middle in setting.rows:
        light += profile(setting, row - middle)[:, None] * spectrum(column, order)
    return light * frame.sees_light / frame.scale**2


def ccd_counts(rng: Generator, electrons: NDArray[np.float64], frame: Frame, rays: int = 0) -> NDArray[np.float64]:
    """Return what the CCD reads of so many electrons, with bias, noise and cosmic rays."""
    counts = rng.poisson(electrons) + rng.normal(BIAS, READ_NOISE, electrons.shape)
    seen = np.flatnonzero(frame.sees_light)
    counts[rng.integers(0, frame.shape[0], rays), rng.choice(seen, rays)] += rng.uniform(300, 8000, rays)
    return counts
