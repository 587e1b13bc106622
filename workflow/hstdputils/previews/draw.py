"""Drawing previews of products, with the module for each kind of file imported only when it is needed."""

import importlib
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

_IMAGES = "hstdputils.previews.images"


_SPECTRA = "hstdputils.previews.spectra"


DRAWN_BY = {
    **dict.fromkeys(("raw", "ima", "flt", "flt_a", "flt_b", "flc", "crj", "crc", "sfl", "drz", "drc"), _IMAGES),
    **dict.fromkeys(("fltsum", "x2d", "sx2"), _IMAGES),
    **dict.fromkeys(("x1d", "sx1", "x1dsum", "x1dsum1", "x1dsum2", "x1dsum3", "x1dsum4"), _SPECTRA),
}
"""The module that draws files of each suffix; other files have no preview."""


def make_previews(paths: Sequence[Path], folder: Path) -> list[str]:
    """Draw all files that have previews.

    Parameters
    ----------
    paths
        FITS files; those without a preview are ignored.
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
        module = DRAWN_BY.get(_suffix(path.name))
        if module is None:
            continue
        folder.mkdir(exist_ok=True)
        try:
            importlib.import_module(module).draw(path, folder)
        except Exception as error:
            text = " ".join(str(error).split()) or type(error).__name__
            warnings.append(f"no preview of {path.name}: {text}")
    return warnings


def import_ahead(names: Iterable[str]) -> None:
    """Start importing the modules that draw files of these names, while calibration programs run."""
    modules = {module for name in names if (module := DRAWN_BY.get(_suffix(name)))}

    def import_all() -> None:
        for module in sorted(modules):
            importlib.import_module(module)

    # not a daemon: ending the process in the middle of an import crashes it
    threading.Thread(target=import_all, name="import-ahead").start()


def _suffix(name: str) -> str:
    """Return the suffix of a file name: ``drz`` or, for a segment of COS, ``flt_a``."""
    words = name.removesuffix(".fits").split("_")
    return "_".join(words[-2:] if words[-1] in ("a", "b") else words[-1:])
