"""Whether FITS files are whole."""

from pathlib import Path

from hstdputils.fits_headers import BadFits, read_hdus


def fits_problem(path: Path, *, empty_is_fine: bool = False) -> str:
    """Return what is wrong with a FITS file, or an empty string."""
    try:
        has_data = any(hdu.size for hdu in read_hdus(path))
    except BadFits as error:
        return str(error)
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    return "" if has_data or empty_is_fine else "is empty"
