"""Association tables: which exposures make up one product."""

from collections.abc import Sequence
from pathlib import Path

from astropy.io import fits


def write_association(folder: Path, asn_id: str, members: Sequence[str]) -> Path:
    """Write ``<asn_id>_asn.fits``: exposures at several focal-plane positions (EXP-FP), and their product.

    Parameters
    ----------
    folder
        Folder to write to; made when absent.
    asn_id
        ipppssoot of the association, which is its product's name too.
    members
        ipppssoots of the exposures.

    Returns
    -------
    Path
        The file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{asn_id}_asn.fits"
    names = [name.upper() for name in (*members, asn_id)]
    types = ["EXP-FP"] * len(members) + ["PROD-FP"]
    primary = fits.PrimaryHDU()
    primary.header.update(
        {
            "NEXTEND": 1,
            "FILENAME": path.name,
            "FILETYPE": "ASN_TABLE",
            "TELESCOP": "HST",
            "INSTRUME": "COS",
            "ROOTNAME": asn_id,
            "PRIMESI": "COS",
            "PROPOSID": 99999,
            "ASN_ID": asn_id,
            "ASN_TAB": path.name,
            "ASN_STAT": "COMPLETE",
            "ASN_PROD": True,
        }
    )
    table = fits.BinTableHDU.from_columns(
        [
            fits.Column("MEMNAME", "14A", array=names),
            fits.Column("MEMTYPE", "14A", array=types),
            fits.Column("MEMPRSNT", "L", array=[True] * len(names)),
        ],
        name="ASN",
    )
    fits.HDUList([primary, table]).writeto(path, overwrite=True)
    return path
