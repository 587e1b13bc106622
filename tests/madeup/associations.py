"""Association tables: which exposures make up one product."""

from collections.abc import Sequence
from pathlib import Path

from astropy.io import fits


def write_association(
    folder: Path,
    asn_id: str,
    members: Sequence[str],
    *,
    instrument: str = "COS",
    detector: str = "NUV",
    kind: str = "FP",
) -> Path:
    """Write ``<asn_id>_asn.fits``: exposures, and their product.

    Parameters
    ----------
    folder
        Folder to write to; made when absent.
    asn_id
        ipppssoot of the association, which is its product's name too.
    members
        ipppssoots of the exposures.
    instrument, detector
        What took them.
    kind
        What makes the exposures one product: several focal-plane positions (FP), or pointings (DTH).

    Returns
    -------
    Path
        The file.
    """
    rows = [*((member, f"EXP-{kind}") for member in members), (asn_id, f"PROD-{kind}")]
    return write_table(folder, asn_id, rows, instrument=instrument, detector=detector)


def write_table(
    folder: Path, asn_id: str, rows: Sequence[tuple[str, str]], *, instrument: str, detector: str
) -> Path:
    """Write ``<asn_id>_asn.fits`` of any rows: names of exposures and products, each with its MEMTYPE."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{asn_id}_asn.fits"
    primary = fits.PrimaryHDU()
    primary.header.update(
        {
            "NEXTEND": 1,
            "FILENAME": path.name,
            "FILETYPE": "ASN_TABLE",
            "TELESCOP": "HST",
            "INSTRUME": instrument,
            "DETECTOR": detector,
            "ROOTNAME": asn_id,
            "PRIMESI": instrument,
            "PROPOSID": 99999,
            "ASN_ID": asn_id,
            "ASN_TAB": path.name,
            "ASN_STAT": "COMPLETE",
            "ASN_PROD": False,
        }
    )
    table = fits.BinTableHDU.from_columns(
        [
            fits.Column("MEMNAME", "14A", array=[name.upper() for name, _ in rows]),
            fits.Column("MEMTYPE", "14A", array=[kind for _, kind in rows]),
            fits.Column("MEMPRSNT", "L", array=[True] * len(rows)),
        ],
        name="ASN",
    )
    fits.HDUList([primary, table]).writeto(path, overwrite=True)
    return path
