"""COS reference files, just large enough for calcos: no pixel or column that it does not read."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits

from .hdus import save
from .spectrograph import DETECTOR_ROWS, FPPOS_TO_FPOFFSET, FUV_MODES, G130M, G185M, Mode, Stripe

NUV_FLAT = "mad0001ml_flat.fits"
NUV_DEAD = "mad0002ml_dead.fits"
NUV_BPIX = "mad0003ml_bpix.fits"
NUV_1DX = "mad0004ml_1dx.fits"
NUV_DISP = "mad0005ml_disp.fits"
NUV_PHOT = "mad0006ml_phot.fits"
FUV_BPIX = "mad0013ml_bpix.fits"
FUV_1DX = "mad0014ml_1dx.fits"
FUV_DISP = "mad0015ml_disp.fits"
FUV_PHOT = "mad0016ml_phot.fits"
FUV_BRF = "mad0017ml_brf.fits"

BAD_NUV_FLAT = "mad0901ml_flat.fits"
"""A flat that CRDS lists as bad."""

ABSENT_NUV_BPIX = "mad0903ml_bpix.fits"
"""A bad-pixel table that rules name and no cache holds."""

SENSITIVITY = 1e12
"""Counts per second and pixel, for a flux of 1 erg / s / cm2 / Angstrom."""

SENSITIVITY_SAMPLES = 200
SENSITIVITY_MARGIN = 1.5
"""Range of the sensitivity curve, as a multiple of the detector's."""

EXTRACTION_HEIGHT = 21
BACKGROUND_HEIGHT = 15
BACKGROUND_DISTANCE = 40


def write_references(folder: Path) -> list[Path]:
    """Write every reference file but `ABSENT_NUV_BPIX` to a folder, and return their paths."""
    writers: dict[str, Callable[[], fits.HDUList]] = {
        NUV_FLAT: flat_field,
        NUV_DEAD: dead_time,
        NUV_BPIX: lambda: bad_pixels(("N/A",), "NUV"),
        NUV_1DX: lambda: extraction(G185M),
        NUV_DISP: lambda: dispersion(G185M),
        NUV_PHOT: lambda: sensitivity(G185M),
        FUV_BPIX: lambda: bad_pixels(("FUVA", "FUVB"), "FUV"),
        FUV_1DX: lambda: extraction(*FUV_MODES),
        FUV_DISP: lambda: dispersion(*FUV_MODES),
        FUV_PHOT: lambda: sensitivity(*FUV_MODES),
        FUV_BRF: reference_frame,
        BAD_NUV_FLAT: flat_field,
    }
    folder.mkdir(parents=True, exist_ok=True)
    return [save(make(), folder / name) for name, make in writers.items()]


def flat_field() -> fits.HDUList:
    """Return an NUV flat field of ones, with a slow ripple of one per cent."""
    ripple = 1 + 0.01 * np.sin(np.arange(DETECTOR_ROWS) / 100)
    pixels = np.outer(np.ones(DETECTOR_ROWS), ripple).astype(np.float32)
    return fits.HDUList([_primary("NUV", "FLAT FIELD REFERENCE IMAGE"), fits.ImageHDU(pixels, name="SCI")])


def dead_time() -> fits.HDUList:
    """Return the live fraction of the NUV detector at a few count rates."""
    rows = [("N/A", 0.0, 1.0), ("N/A", 1e4, 0.99), ("N/A", 1e5, 0.9)]
    table = _table({"SEGMENT": "4A", "OBS_RATE": "E", "LIVETIME": "E"}, rows)
    table.header["TIMESTEP"] = 1.0
    return fits.HDUList([_primary("NUV", "DEADTIME REFERENCE TABLE"), table])


def bad_pixels(
    segments: tuple[str, ...],
    detector: str,
    regions: Sequence[tuple[int, int, int, int, int]] = ((10, 10, 4, 4, 8),),
) -> fits.HDUList:
    """Return bad regions: first column and row, width and height, and DQ flag; by default one outside all spectra."""
    columns = {"SEGMENT": "4A", "LX": "J", "LY": "J", "DX": "J", "DY": "J", "DQ": "J", "TYPE": "30A"}
    rows = [(segment, *region, "dead spot") for segment in segments for region in regions]
    return fits.HDUList([_primary(detector, "DATA QUALITY INITIALIZATION TABLE"), _table(columns, rows)])


def extraction(*modes: Mode) -> fits.HDUList:
    """Return where to extract the spectra of the target (PSA) and of the lamp (WCA), and their background."""
    columns = {
        **_MODE_COLUMNS,
        **dict.fromkeys(("SLOPE", "B_SPEC", "B_BKG1", "B_BKG2"), "D"),
        **dict.fromkeys(("HEIGHT", "B_HGT1", "B_HGT2", "BWIDTH"), "J"),
    }
    sizes = (EXTRACTION_HEIGHT, BACKGROUND_HEIGHT, BACKGROUND_HEIGHT, 50)
    rows = []
    for mode, stripe in _stripes(modes):
        for aperture, row in (("PSA", stripe.row), ("WCA", stripe.row + mode.lamp_offset)):
            backgrounds = (row - BACKGROUND_DISTANCE, row + BACKGROUND_DISTANCE)
            rows.append((stripe.name, mode.opt_elem, mode.cenwave, aperture, 0.0, row, *backgrounds, *sizes))
    return fits.HDUList([_primary(modes[0].detector, "1-D EXTRACTION PARAMETERS TABLE"), _table(columns, rows)])


def dispersion(*modes: Mode) -> fits.HDUList:
    """Return a linear dispersion relation for each stripe, aperture and grating offset."""
    columns = {**_MODE_COLUMNS, "FPOFFSET": "J", "NELEM": "J", "COEFF": "2D", "D": "E", "D_TV03": "E"}
    rows = []
    for mode, stripe in _stripes(modes):
        for aperture in ("PSA", "WCA"):
            for fpoffset in FPPOS_TO_FPOFFSET.values():
                coefficients = (mode.zero_point(stripe, fpoffset), mode.dispersion)
                key = (stripe.name, mode.opt_elem, mode.cenwave, aperture, fpoffset)
                rows.append((*key, len(coefficients), coefficients, 0.0, 0.0))
    return fits.HDUList([_primary(modes[0].detector, "DISPERSION RELATION REFERENCE TABLE"), _table(columns, rows)])


def sensitivity(*modes: Mode) -> fits.HDUList:
    """Return the same sensitivity at all wavelengths."""
    samples = SENSITIVITY_SAMPLES
    columns = {**_MODE_COLUMNS, "WAVELENGTH": f"{samples}D", "SENSITIVITY": f"{samples}E"}
    rows = []
    for mode, stripe in _stripes(modes):
        half_range = SENSITIVITY_MARGIN * mode.columns / 2 * mode.dispersion
        wavelengths = np.linspace(stripe.wavelength - half_range, stripe.wavelength + half_range, samples)
        curve = np.full(samples, SENSITIVITY)
        rows.append((stripe.name, mode.opt_elem, mode.cenwave, "PSA", wavelengths, curve))
    primary = _primary(modes[0].detector, "PHOTOMETRIC SENSITIVITY REFERENCE TABLE")
    return fits.HDUList([primary, _table(columns, rows)])


def reference_frame() -> fits.HDUList:
    """Return the active area of the FUV detector: all of it."""
    columns = {"SEGMENT": "4A", "A_LEFT": "J", "A_RIGHT": "J", "A_LOW": "J", "A_HIGH": "J"}
    rows = [(stripe.name, 0, G130M.columns - 1, 0, DETECTOR_ROWS - 1) for stripe in G130M.stripes]
    return fits.HDUList([_primary("FUV", "BASELINE REFERENCE FRAME TABLE"), _table(columns, rows)])


def _stripes(modes: Sequence[Mode]) -> list[tuple[Mode, Stripe]]:
    return [(mode, stripe) for mode in modes for stripe in mode.stripes]


_MODE_COLUMNS = {"SEGMENT": "4A", "OPT_ELEM": "5A", "CENWAVE": "J", "APERTURE": "4A"}


def _primary(detector: str, filetype: str) -> fits.PrimaryHDU:
    """Return a primary with what calcos checks (FILETYPE, VCALCOS), and what CRDS wants in a reference."""
    primary = fits.PrimaryHDU()
    primary.header.update(
        {
            "TELESCOP": "HST",
            "INSTRUME": "COS",
            "DETECTOR": detector,
            "FILETYPE": filetype,
            "VCALCOS": "2.0",
            "PEDIGREE": "DUMMY",
            "USEAFTER": "May 11 2009 00:00:00",
            "DESCRIP": "Made up for the tests of calcloud",
            "COSCOORD": "USER",
            "LIFE_ADJ": -1.0,
        }
    )
    return primary


def _table(columns: dict[str, str], rows: list[tuple]) -> fits.BinTableHDU:
    """Return a table of rows, with FITS formats by column name."""
    arrays = zip(*rows, strict=True)
    return fits.BinTableHDU.from_columns(
        [
            fits.Column(name, form, array=np.array(values))
            for (name, form), values in zip(columns.items(), arrays, strict=True)
        ]
    )
