"""Raw images of a few made-up stars."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .frames import MAMA_HIGH, Frame, ccd_subarray
from .headers import Exposure
from .raw_files import write_association, write_raw, write_support
from .settings import CCD_CAMERA, NUV_CAMERA, SPREAD, Camera
from .spectra import CCD_SWITCHES, COSMIC_RAYS, MAMA_SWITCHES, ccd_counts, mama_counts

STARS = ((200.0, 500.0, 60.0), (512.0, 512.0, 100.0), (700.0, 540.0, 30.0))
"""Column and row in the raw image, counted from 1 in the pixels of the reference files; counts a second."""

SECONDS, DARK_SECONDS = 60.0, 1000.0
"""Exposure time of each of the two exposures of stars, and of those in the dark."""


def write_ccd_image(folder: Path, rootname: str) -> None:
    """Write a CR-SPLIT association with the CCD: ``_asn``, ``_raw`` and ``_spt``."""
    rng = np.random.default_rng(50)
    frame = ccd_subarray(512, 100)
    members = tuple(f"{rootname[:-2]}{letter}q" for letter in "ab")
    perform = CCD_SWITCHES | {"CRCORR", "EXPSCORR", "PHOTCORR", "GEOCORR"}
    exposure = _exposure(rootname, CCD_CAMERA, frame, SECONDS, perform, members)
    counts = [ccd_counts(rng, stars(frame), exposure.exptime, frame, COSMIC_RAYS) for _ in members]
    write_raw(folder, exposure, counts, scale=CCD_CAMERA.scale)
    write_support(folder, exposure)
    write_association(folder, exposure, [(member, "CRSPLIT") for member in members])


def write_ccd_dark(folder: Path, rootname: str) -> None:
    """Write a CR-SPLIT association of dark exposures with the CCD: ``_asn``, ``_raw`` and ``_spt``."""
    _write_dark(folder, rootname, "DARK", DARK_SECONDS)


def write_ccd_bias(folder: Path, rootname: str) -> None:
    """Write a CR-SPLIT association of exposures with the CCD that take no time: ``_asn``, ``_raw`` and ``_spt``."""
    _write_dark(folder, rootname, "BIAS", 0.0)


def _write_dark(folder: Path, rootname: str, target: str, seconds: float) -> None:
    rng = np.random.default_rng(51)
    frame = ccd_subarray(512, 100)
    members = tuple(f"{rootname[:-2]}{letter}q" for letter in "ab")
    perform = frozenset({"DQICORR", "BLEVCORR", "BIASCORR", "CRCORR", "EXPSCORR"})
    exposure = replace(_exposure(rootname, CCD_CAMERA, frame, seconds, perform, members), target=target)
    counts = [ccd_counts(rng, np.zeros(frame.shape), exposure.exptime, frame, COSMIC_RAYS) for _ in members]
    write_raw(folder, exposure, counts, scale=CCD_CAMERA.scale)
    write_support(folder, exposure)
    write_association(folder, exposure, [(member, "CRSPLIT") for member in members])


def write_mama_image(folder: Path, rootname: str) -> None:
    """Write an association of two repeated exposures with the NUV-MAMA: ``_asn``, ``_raw`` and ``_spt``."""
    rng = np.random.default_rng(25)
    members = tuple(f"{rootname[:-2]}{letter}q" for letter in "ab")
    perform = MAMA_SWITCHES | {"RPTCORR", "PHOTCORR", "GEOCORR"}
    exposure = _exposure(rootname, NUV_CAMERA, MAMA_HIGH, SECONDS, perform, members)
    counts = [mama_counts(rng, stars(MAMA_HIGH), NUV_CAMERA.detector, exposure.exptime) for _ in members]
    write_raw(folder, exposure, counts, scale=NUV_CAMERA.scale)
    write_support(folder, exposure)
    write_association(folder, exposure, [(member, "RPTOBS") for member in members])


def stars(frame: Frame) -> NDArray[np.float64]:
    """Return what a frame's pixels count in a second of the stars."""
    light = np.zeros(frame.shape)
    for column, row, counts in STARS:
        across, along = (
            np.exp(-0.5 * ((places - place) / SPREAD) ** 2) / (np.sqrt(2 * np.pi) * SPREAD)
            for places, place in ((frame.columns, column), (frame.rows, row))
        )
        light += counts * along[:, None] * across
    return light * frame.sees_light * frame.share


def _exposure(
    rootname: str,
    camera: Camera,
    frame: Frame,
    seconds: float,
    perform: frozenset[str],
    members: tuple[str, ...],
) -> Exposure:
    return Exposure(
        rootname=rootname,
        detector=camera.detector,
        opt_elem=camera.opt_elem,
        obstype="IMAGING",
        aperture=camera.aperture,
        frame=frame,
        exptime=seconds,
        images=len(members),
        perform=perform,
        members=members,
        member_type="CRSPLIT" if camera.detector == "CCD" else "RPTOBS",
    )
