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
    wavecals: Sequence[str] = (),
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
    wavecals
        ipppssoots of exposures of the lamp, taken for them.

    Returns
    -------
    Path
        The file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{asn_id}_asn.fits"
    names = [name.upper() for name in (*members, *wavecals, asn_id)]
    types = [f"EXP-{kind}"] * len(members) + ["EXP-AWAVE"] * len(wavecals) + [f"PROD-{kind}"]
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
            fits.Column("MEMNAME", "14A", array=names),
            fits.Column("MEMTYPE", "14A", array=types),
            fits.Column("MEMPRSNT", "L", array=[True] * len(names)),
        ],
        name="ASN",
    )
    fits.HDUList([primary, table]).writeto(path, overwrite=True)
    return path
