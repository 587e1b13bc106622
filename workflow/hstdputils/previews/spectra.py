"""Previews of spectra: flux against wavelength, with its errors; net counts where there is no flux."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hstdputils.fits.headers import header_number

PIXELS = (1000, 600)
"""Width and height of a preview, pixels."""


THUMBNAIL = (128, 77)
"""Width and height of a thumbnail, pixels."""


PERCENTILES = (0.5, 99.5)
"""The axis of the flux covers this part of the well-exposed pixels, with a margin."""


MARGIN = 0.15
"""Part of the span that is added above and below."""


LARGEST_FLUX_OF_A_COUNT = 20
"""Where a count stands for so many times the flux that it stands for where the detector is most sensitive (the best
twentieth of the pixels), the spectrum is not well exposed."""


LARGEST_STEP = 30
"""Where the flux of a count changes by more from one block of pixels to the next, it is calibrated on one side alone:
calcos has no sensitivity for the red end of G140L, and gives a flux there all the same."""


BLOCK = 32
"""Pixels over which the flux of a count is taken together: it scatters in sums of exposures that counted little."""


SIGNIFICANT = 5
"""Emission lines above so many times their error may raise the axis, up to `LARGEST_RISE`."""


LARGEST_RISE = 5
"""How many times higher a few emission lines may make the axis."""


AIRGLOW = ((1205.0, 1227.0), (1300.0, 1308.0))
"""Wavelengths (Å) of the Earth's own Lyman alpha and O I, which do not count for the axis of the flux."""


FLUX, NET = "flux (erg s⁻¹ cm⁻² Å⁻¹), errors in grey", "net (counts s⁻¹), not calibrated in flux, errors in grey"


COLOURS = ("#1f4e8c", "#b8541a")
"""The orders of an echelle alternate between them, so that overlapping ones can be distinguished."""


@dataclass(frozen=True, slots=True)
class Segment:
    """The good pixels of a segment, stripe or order: arrays of one length."""

    wavelength: np.ndarray
    """Wavelengths, Å."""
    value: np.ndarray
    """Flux (erg/s/cm²/Å), or net counts (counts/s)."""
    error: np.ndarray
    """Errors of the values."""
    is_exposed: np.ndarray
    """Where the detector is sensitive."""
    order: int = 0
    """The spectral order, where the table has several."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """What a preview shows."""

    segments: Sequence[Segment]
    title: str
    quantity: str
    """What the values are: `FLUX` or `NET`."""


def draw(path: Path, folder: Path) -> None:
    """Write ``<name>.png`` and ``<name>_thumb.png`` for the spectra of a FITS table.

    Raises
    ------
    ValueError
        The file holds no spectrum, or no good pixel.
    """
    spectrum = read_spectrum(path)
    if not spectrum.segments:
        raise ValueError("it has no good pixel")
    spectrum = Spectrum(binned(spectrum.segments, PIXELS[0]), spectrum.title, spectrum.quantity)
    _draw(spectrum, PIXELS, folder / f"{path.stem}.png", is_small=False)
    _draw(spectrum, THUMBNAIL, folder / f"{path.stem}_thumb.png", is_small=True)


def read_spectrum(path: Path) -> Spectrum:
    """Return the spectra of all extensions and rows.

    Net counts stand for the flux where all of it is zero, as without FLUXCORR.
    """
    rows: list[tuple[dict[str, np.ndarray], int]] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fits.open(path, memmap=False) as hdus:
            header = hdus[0].header
            for hdu in (hdu for hdu in hdus[1:] if isinstance(hdu, fits.BinTableHDU)):
                names = {name.upper() for name in hdu.columns.names}
                if not {"WAVELENGTH", "FLUX", "ERROR"} <= names:
                    continue
                flags = int(header_number("SDQFLAGS", header.get("SDQFLAGS", hdu.header.get("SDQFLAGS")), 0))
                used = names & {"WAVELENGTH", "FLUX", "ERROR", "NET", "NET_ERROR", "DQ", "SPORDER"}
                rows += [({name: np.ravel(row[name]).astype(float) for name in used}, flags) for row in hdu.data]
    has_flux = any(np.any(np.nan_to_num(row["FLUX"])) for row, _ in rows)
    has_net = any("NET" in row and np.any(np.nan_to_num(row["NET"])) for row, _ in rows)
    quantity = NET if has_net and not has_flux else FLUX
    largest = LARGEST_FLUX_OF_A_COUNT * _best([_flux_of_a_count(row) for row, _ in rows])
    segments = [segment for row, flags in rows if (segment := _segment(row, flags, quantity, largest))]
    words = (header.get(key) for key in ("TARGNAME", "INSTRUME", "DETECTOR", "OPT_ELEM", "CENWAVE"))
    return Spectrum(segments, "  ".join([path.stem, *(str(word).strip() for word in words if word)]), quantity)


def _segment(row: dict[str, np.ndarray], flags: int, quantity: str, largest: float) -> Segment | None:
    """Return the good pixels of a row, and None where it has none."""
    wavelength, value, error = row["WAVELENGTH"], row["FLUX"], row["ERROR"]
    if quantity == NET:
        value, error = row["NET"], row.get("NET_ERROR", error)
    good = np.isfinite(wavelength) & np.isfinite(value) & (wavelength > 0)
    good &= (row.get("DQ", np.zeros(value.shape)).astype(int) & flags) == 0
    is_calibrated = (value != 0) | (error != 0)
    if (good & is_calibrated).any():
        good &= is_calibrated
    if not good.any():
        return None
    exposed = np.ones(value.shape, dtype=bool)
    of_a_count = _flux_of_a_count(row)
    if quantity == FLUX and of_a_count.size:
        blocks = np.minimum(np.arange(value.size) // BLOCK, of_a_count.size - 1)
        exposed = (of_a_count <= largest)[blocks]
        good &= _longest_without_step(of_a_count)[blocks]
    order = int(row["SPORDER"][0]) if "SPORDER" in row else 0
    return Segment(wavelength[good], value[good], error[good], exposed[good], order)


def _flux_of_a_count(row: dict[str, np.ndarray]) -> np.ndarray:
    """Return how much flux a count a second stands for in each block of pixels; empty where nothing says so."""
    if "NET" not in row:
        return np.empty(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.abs(row["FLUX"] / row["NET"])
    known = np.isfinite(ratio) & (ratio > 0)
    blocks = [ratio[start : start + BLOCK][known[start : start + BLOCK]] for start in range(0, ratio.size, BLOCK)]
    medians = np.array([np.median(block) if block.size else np.nan for block in blocks])
    places = np.flatnonzero(np.isfinite(medians))
    return np.interp(np.arange(medians.size), places, medians[places]) if places.size else np.empty(0)


def _longest_without_step(of_a_count: np.ndarray) -> np.ndarray:
    """Return where the longest part of the blocks is in which the flux of a count has no step."""
    steps = np.abs(np.diff(np.log(of_a_count))) > np.log(LARGEST_STEP)
    parts = np.concatenate([[0], np.cumsum(steps)])
    return np.asarray(parts == np.argmax(np.bincount(parts)))


def _best(arrays: Sequence[np.ndarray]) -> float:
    values = [of_a_count[_longest_without_step(of_a_count)] for of_a_count in arrays if of_a_count.size]
    return float(np.percentile(np.concatenate(values), 5)) if values else np.inf


def binned(segments: Sequence[Segment], bins: int) -> list[Segment]:
    """Return the means of what falls into each of so many bins of wavelength, where a segment has more pixels.

    Errors are those of the means. A bin without a good pixel is NaN, which leaves a gap.
    """
    low = min(segment.wavelength.min() for segment in segments)
    high = max(segment.wavelength.max() for segment in segments)
    edges = np.linspace(low, high, bins + 1)
    return [_binned(segment, edges) for segment in segments]


def _binned(segment: Segment, edges: np.ndarray) -> Segment:
    places = np.clip(np.searchsorted(edges, segment.wavelength, side="right") - 1, 0, len(edges) - 2)
    first, last = int(places.min()), int(places.max())
    size = last - first + 1
    if segment.wavelength.size < 2 * size:
        return segment
    counts = np.bincount(places - first, minlength=size).astype(float)

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(places - first, weights=values, minlength=size)

    with np.errstate(divide="ignore", invalid="ignore"):
        return Segment(
            (edges[first : last + 1] + edges[first + 1 : last + 2]) / 2,
            total(segment.value) / counts,
            np.sqrt(total(segment.error**2)) / counts,
            total(segment.is_exposed) / counts > 0.5,
            segment.order,
        )


def _draw(spectrum: Spectrum, pixels: tuple[int, int], path: Path, *, is_small: bool) -> None:
    figure = Figure(figsize=(pixels[0] / 100, pixels[1] / 100), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1)) if is_small else figure.add_subplot()
    is_echelle = len({segment.order for segment in spectrum.segments}) > 1
    for segment in spectrum.segments:
        colour = COLOURS[segment.order % 2 if is_echelle else 0]
        wavelength, value = segment.wavelength, segment.value
        axes.fill_between(wavelength, value - segment.error, value + segment.error, color="0.8", linewidth=0)
        axes.plot(wavelength, value, color=colour, linewidth=0.6, alpha=0.25)
        axes.plot(wavelength, np.where(segment.is_exposed, value, np.nan), color=colour, linewidth=0.8)
    axes.set_ylim(*limits(spectrum.segments))
    axes.margins(x=0.01)
    if not any(np.nan_to_num(segment.value).any() for segment in spectrum.segments):
        axes.text(
            *(0.5, 0.6, "all values are 0"), transform=axes.transAxes, ha="center", fontsize=8 if is_small else 20
        )
    if is_small:
        axes.set_axis_off()
    else:
        axes.set_title(spectrum.title, fontsize=10)
        axes.set_xlabel("wavelength (Å)" + (", orders in turns of two colours" if is_echelle else ""))
        axes.set_ylabel(spectrum.quantity)
        figure.tight_layout()
    figure.savefig(path)


def limits(segments: Sequence[Segment]) -> tuple[float, float]:
    """Return the ends of the axis of the flux: zero, and what is well exposed and of the target."""
    wavelength = np.concatenate([segment.wavelength for segment in segments])
    value = np.concatenate([segment.value for segment in segments])
    error = np.concatenate([segment.error for segment in segments])
    counts = np.isfinite(value)
    preferred = counts & np.concatenate([segment.is_exposed for segment in segments])
    for low, high in AIRGLOW:
        preferred &= (wavelength < low) | (wavelength > high)
    preferred = preferred if preferred.any() else counts
    low, high = np.percentile(value[preferred], PERCENTILES)
    lines = value[preferred & (value > SIGNIFICANT * error)]
    if lines.size and high > 0:
        high = max(high, min(float(lines.max()), LARGEST_RISE * high))
    low = min(float(low), 0.0)
    span = (high - low) or 1.0
    return float(low - MARGIN * span), float(high + MARGIN * span)
