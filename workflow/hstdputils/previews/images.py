"""Previews of images: asinh scale between the 0.25 and 99.75 percentiles, full size and thumbnail."""

import warnings
from pathlib import Path

import numpy as np
from astropy.io import fits
from PIL import Image, ImageDraw, ImageFont

THUMBNAIL = 128
"""Longest side of a thumbnail, pixels."""


LARGEST = 4096
"""Longest side of a full preview, pixels; larger images are averaged down."""


WIDEST = 4
"""Largest ratio of width to height of a thumbnail, and of a preview of an image wider than `LARGEST`, as of COS/FUV:
columns of wider images are averaged."""


PERCENTILES = (0.25, 99.75)
"""The scale covers 99.5 % of the pixels."""


NOISE_WIDTHS = 12
"""The scale extends to so many standard deviations of the noise above the median, if there are such pixels: an almost
empty field is dark instead of a bright picture of its noise."""


SOFTENING = 0.1
"""Share of the scale that is about linear; above it the grey grows with the logarithm of the signal."""


SAMPLE = 1_000_000
"""Pixels that the percentiles are taken of, where the image has more; they are spread evenly over it."""


REFERENCE_PIXELS = 5
"""Rows and columns at each edge of WFC3/IR that see no light, in raw and ima files (WFC3 Data Handbook, 2.2)."""


GAP = 16
"""Dark rows between two detector chips, pixels."""


def draw(path: Path, folder: Path) -> None:
    """Write ``<name>.jpg`` and ``<name>_thumb.jpg`` for the science images of a FITS file.

    Raises
    ------
    ValueError
        The file holds no image, or no finite pixel.
    """
    image = science_image(path)
    narrow = narrowed(image)
    small = Image.fromarray(scaled(narrow))
    is_shown_as_it_is = narrow is not image and image.shape[1] <= LARGEST
    picture = Image.fromarray(scaled(image)) if is_shown_as_it_is else small.copy()
    if max(picture.size) > LARGEST:
        picture.thumbnail((LARGEST, LARGEST), Image.Resampling.BOX)
    small.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    if np.nanmin(image) == np.nanmax(image):
        text = f"all pixels are {np.nanmax(image):g}"
        picture, small = _placeholder(text, picture.size), _placeholder(text, small.size)
    picture.save(folder / f"{path.stem}.jpg", quality=90)
    small.save(folder / f"{path.stem}_thumb.jpg", quality=85)


def _placeholder(text: str, size: tuple[int, int]) -> Image.Image:
    """Return a dark picture of at least this size with a text in the middle."""
    width, height = max(size[0], THUMBNAIL), max(size[1], THUMBNAIL // 4)
    picture = Image.new("L", (width, height), 40)
    font = ImageFont.load_default(width / 12)
    ImageDraw.Draw(picture).text((width / 2, height / 2), text, fill=255, font=font, anchor="mm")
    return picture


def science_image(path: Path) -> np.ndarray:
    """Return the image to be shown, float32, row 0 at the bottom of the sky.

    Both chips of ACS/WFC and WFC3/UVIS are shown, the one with the larger CCDCHIP below; of repeated images of one
    detector (WFC3/IR samples, COS ACQ/IMAGE pairs, CR-splits) the first is shown.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fits.open(path, memmap=False) as hdus:
            border = REFERENCE_PIXELS if path.stem.endswith(("_raw", "_ima")) and _is_ir(hdus[0].header) else 0
            chips: dict[object, np.ndarray] = {}
            for hdu in hdus:
                chip = hdu.header.get("CCDCHIP")
                if hdu.name in ("SCI", "PRIMARY") and len(hdu.shape) == 2 and chip not in chips:
                    image = np.asarray(hdu.data, dtype=np.float32)
                    chips[chip] = image[border : image.shape[0] - border, border : image.shape[1] - border]
    if not chips:
        raise ValueError("it holds no image")
    if len(chips) == 1:
        return next(iter(chips.values()))
    ordered = [chips[chip] for chip in sorted(chips, key=str, reverse=True)]
    width = max(image.shape[1] for image in ordered)
    rows: list[np.ndarray] = []
    for image in ordered:
        if rows:
            rows.append(np.full((GAP, width), np.nan, dtype=np.float32))
        rows.append(np.pad(image, ((0, 0), (0, width - image.shape[1])), constant_values=np.nan))
    return np.concatenate(rows)


def narrowed(image: np.ndarray) -> np.ndarray:
    """Return an image that is at most `WIDEST` times as wide as high, by means of neighbouring columns."""
    height, width = image.shape
    columns = width // (WIDEST * height)
    if columns < 2:
        return image
    used = width - width % columns
    return np.asarray(image[:, :used].reshape(height, used // columns, columns).mean(axis=2, dtype=np.float32))


def _is_ir(header: fits.Header) -> bool:
    return str(header.get("DETECTOR", "")).strip() == "IR"


def scaled(image: np.ndarray) -> np.ndarray:
    """Return an image as grey values, uint8, with row 0 at the top as pictures have it."""
    finite = np.isfinite(image)
    if not finite.any():
        raise ValueError("it has no finite pixel")
    pixels = image[finite]
    low, high = (float(limit) for limit in np.percentile(pixels[:: 1 + pixels.size // SAMPLE], PERCENTILES))
    lit = float(np.median(pixels[:: 1 + pixels.size // SAMPLE])) + NOISE_WIDTHS * _noise(image)
    high = max(high, min(lit, float(pixels.max())))
    if high <= low:
        low, high = float(pixels.min()), float(pixels.max())
    span = high - low or 1.0
    unit = np.clip((np.where(finite, image, low) - low) / span, 0.0, 1.0)
    return (np.arcsinh(unit / SOFTENING) / np.arcsinh(1 / SOFTENING) * 255).astype(np.uint8)[::-1]


def _noise(image: np.ndarray) -> float:
    """Return the standard deviation of the noise, from differences of neighbouring columns."""
    differences = np.abs(np.diff(image[:: 1 + image.size // SAMPLE], axis=1))
    finite = differences[np.isfinite(differences)]
    return float(np.median(finite)) / 0.954 if finite.size else 0.0
