"""Previews: pictures of products for people who look through an archive."""

from collections.abc import Sequence
from pathlib import Path

IMAGE_SUFFIXES = ("raw", "ima", "flt", "flc", "crj", "crc", "drz", "drc")
"""Suffixes of files that are previewed as images."""

SPECTRUM_SUFFIXES = ("x1d", "sx1", "x1dsum")
"""Suffixes of files that are previewed as spectra."""


def make_previews(paths: Sequence[Path], folder: Path) -> list[str]:
    """Draw all files that have previews.

    Parameters
    ----------
    paths
        FITS files; those of other kinds are passed over.
    folder
        Where the pictures go: ``<root>_<suffix>.jpg`` and ``<root>_<suffix>_thumb.jpg`` for images, ``.png`` for
        spectra. Made where there is anything to draw.

    Returns
    -------
    warnings
        One line for each file that could not be drawn.
    """
    warnings = []
    for path in paths:
        suffix = path.stem.rpartition("_")[2]
        if suffix in IMAGE_SUFFIXES:
            from hstdputils.previews.images import draw_image as draw
        elif suffix in SPECTRUM_SUFFIXES:
            from hstdputils.previews.spectra import draw_spectrum as draw
        else:
            continue
        folder.mkdir(exist_ok=True)
        try:
            draw(path, folder)
        except Exception as error:
            text = " ".join(str(error).split()) or type(error).__name__
            warnings.append(f"no preview of {path.name}: {text}")
    return warnings
