"""Reference files for the light that echelles scatter (SC2DCORR): a perfect echelle, which scatters none."""

from collections.abc import Sequence

import numpy as np
from astropy.io import fits

from tests.madeup.hdus import plain_table

from .settings import SIZE, Setting

WAVES = 1
"""Wavelengths at which halo and image of a star are known."""

_NOTE = {"PEDIGREE": "GROUND", "DESCRIP": "made up"}


def scattering_references(settings: Sequence[Setting]) -> dict[str, fits.BinTableHDU]:
    """Return the tables, by type, for the echelles among the settings of a detector."""
    echelles = [setting for setting in settings if setting.is_echelle]
    orders = [(setting, order) for setting in echelles for order, _ in setting.rows]
    across = {"NELEM": 3, "CDSCAT": _point(3), "EXSCAT": _point(3)}
    return {
        "cdstab": plain_table([{"OPT_ELEM": one.opt_elem, **across, **_NOTE} for one in echelles]),
        "echsctab": plain_table(
            [
                {"OPT_ELEM": one.opt_elem, "SPORDER": order, "NELEM": 101, "ECHSCAT": _point(101), **_NOTE}
                for one, order in orders
            ]
        ),
        "exstab": plain_table([{"OPT_ELEM": one.opt_elem, **across, **_NOTE} for one in echelles]),
        "halotab": plain_table([_halo(one) for one in echelles]),
        "riptab": plain_table([_ripple(one, order) for one, order in orders]),
        "srwtab": plain_table([_waves(one) for one in echelles]),
        "teltab": plain_table([_star(one) for one in echelles]),
    }


def _point(size: int) -> np.ndarray:
    """Return zeros but for a one in their middle."""
    values = np.zeros(size)
    values[size // 2] = 1
    return values


def _halo(setting: Setting) -> dict[str, object]:
    """Return the halo of a point: cs0.e takes its middle for the pixel before the detector's."""
    halo = np.zeros((SIZE, SIZE), np.float32)
    halo[SIZE // 2 - 1, SIZE // 2 - 1] = 1
    wave = float(setting.cenwave)
    return {"OPT_ELEM": setting.opt_elem, "HALOWAVE": wave, "HALDIM": SIZE, "HALO": halo.ravel(), **_NOTE}


def _ripple(setting: Setting, order: int) -> dict[str, object]:
    """Return how the light of an order falls off to its ends."""
    columns = np.arange(-300.0, SIZE + 300.0, 4.0)
    ripple = 1 - 0.3 * ((columns - setting.centre) / SIZE) ** 2
    spectrum = {"NELEM": columns.size, "WAVELENGTH": setting.wavelength(columns, order), "RIPPLE": ripple}
    return {"OPT_ELEM": setting.opt_elem, "CENWAVE": setting.cenwave, "SPORDER": order, **spectrum, **_NOTE}


def _waves(setting: Setting) -> dict[str, object]:
    waves = np.full(WAVES, float(setting.cenwave))
    known = {"NRW": WAVES, "HALOWAVES": waves, "PSFWAVES": waves}
    return {"OPT_ELEM": setting.opt_elem, "CENWAVE": setting.cenwave, **known, **_NOTE}


def _star(setting: Setting, size: int = 31) -> dict[str, object]:
    """Return the telescope's image of a star: a point, in pixels of 12 milliarcsec."""
    image = np.zeros((size, size))
    image[size // 2, size // 2] = 1
    return {"PSFWAVE": float(setting.cenwave), "PSCALE": 0.012, "PSFDIM": size, "TELEPSF": image.ravel(), **_NOTE}
