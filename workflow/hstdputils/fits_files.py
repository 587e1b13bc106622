"""Whether FITS files are whole."""

import warnings
from pathlib import Path


def fits_problem(path: Path, *, empty_is_fine: bool = False) -> str:
    """Return what is wrong with a FITS file, or an empty string."""
    from astropy.io import fits

    size = path.stat().st_size
    data_bytes = 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(path) as hdus:
                for hdu in hdus:
                    place = hdu.fileinfo()
                    if place["datLoc"] + place["datSpan"] > size:
                        return "is cut short"
                    data_bytes += place["datSpan"]
    except (OSError, TypeError, ValueError, KeyError, fits.VerifyError) as error:
        return f"is no FITS file ({' '.join(str(error).split())})"
    return "" if data_bytes or empty_is_fine else "is empty"
