"""Previews of spectra: flux against wavelength, with its errors."""

import warnings
from pathlib import Path

import numpy as np
from astropy.io import fits
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hstdputils.fits_headers import header_number

PIXELS = (1000, 600)
"""Width and height of a preview, pixels."""

THUMBNAIL = (128, 77)
"""Width and height of a thumbnail, pixels."""

PERCENTILES = (0.5, 99.5)
"""The flux axis covers this part of the good pixels, with a margin."""

MARGIN = 0.15
"""Part of the span that is added above and below."""

AIRGLOW = ((1212.0, 1220.0), (1301.0, 1307.5))
"""Wavelengths (Å) of the Earth's own Lyman alpha and O I, which do not count for the flux axis."""

Segment = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Wavelength (Å), flux and error (erg/s/cm²/Å) of the good pixels of a segment, stripe or order."""


def draw(path: Path, folder: Path) -> None:
    """Write ``<name>.png`` and ``<name>_thumb.png`` for the spectra of a FITS table.

    Raises
    ------
    ValueError
        The file holds no spectrum, or no good pixel.
    """
    segments, title = read_segments(path)
    if not segments:
        raise ValueError("it has no good pixel")
    _draw(segments, title, PIXELS, folder / f"{path.stem}.png")
    _draw(segments, "", THUMBNAIL, folder / f"{path.stem}_thumb.png")


def read_segments(path: Path) -> tuple[list[Segment], str]:
    """Return the spectra of all extensions and rows, and a title."""
    segments: list[Segment] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fits.open(path, memmap=False) as hdus:
            header = hdus[0].header
            tables = [hdu for hdu in hdus[1:] if isinstance(hdu, fits.BinTableHDU)]
            for hdu in tables:
                if not {"WAVELENGTH", "FLUX", "ERROR"} <= {name.upper() for name in hdu.columns.names}:
                    continue
                flags = int(header_number("SDQFLAGS", header.get("SDQFLAGS", hdu.header.get("SDQFLAGS")), 0))
                segments += [segment for row in hdu.data if (segment := _good_pixels(row, hdu, flags))]
    words = (header.get(key) for key in ("TARGNAME", "INSTRUME", "DETECTOR", "OPT_ELEM", "CENWAVE"))
    return segments, "  ".join([path.stem, *(str(word).strip() for word in words if word)])


def _good_pixels(row: fits.FITS_record, hdu: fits.BinTableHDU, flags: int) -> Segment | None:
    wavelength, flux, error = (np.ravel(row[name]).astype(float) for name in ("WAVELENGTH", "FLUX", "ERROR"))
    good = np.isfinite(wavelength) & np.isfinite(flux) & (wavelength > 0)
    if "DQ" in hdu.columns.names:
        good &= (np.ravel(row["DQ"]).astype(int) & flags) == 0
    return (wavelength[good], flux[good], error[good]) if good.any() else None


def _draw(segments: list[Segment], title: str, pixels: tuple[int, int], path: Path) -> None:
    figure = Figure(figsize=(pixels[0] / 100, pixels[1] / 100), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot() if title else figure.add_axes((0, 0, 1, 1))
    for wavelength, flux, error in segments:
        axes.fill_between(wavelength, flux - error, flux + error, color="0.8", linewidth=0)
        axes.plot(wavelength, flux, color="#1f4e8c", linewidth=0.6)
    axes.set_ylim(*_limits(segments))
    axes.margins(x=0.01)
    if title:
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("wavelength (Å)")
        axes.set_ylabel("flux (erg s⁻¹ cm⁻² Å⁻¹), errors in grey")
        figure.tight_layout()
    else:
        axes.set_axis_off()
    figure.savefig(path)


def _limits(segments: list[Segment]) -> tuple[float, float]:
    wavelength = np.concatenate([segment[0] for segment in segments])
    flux = np.concatenate([segment[1] for segment in segments])
    from_target = np.ones(flux.shape, dtype=bool)
    for low, high in AIRGLOW:
        from_target &= (wavelength < low) | (wavelength > high)
    flux = flux[from_target] if from_target.any() else flux
    low, high = np.percentile(flux, PERCENTILES)
    span = (high - low) or abs(high) or 1.0
    return float(low - MARGIN * span), float(high + MARGIN * span)
