"""Bad input: raw files, association tables, and the folders with them."""

import shutil
from collections.abc import Callable

import pytest

from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import Outcome
from tests.bad_input.kinds import (
    ASSOCIATION,
    NO_CALIBRATION,
    RAW,
    SPECTRUM,
    Kind,
    Place,
    Setup,
    check,
    each_of,
    inputs,
    process,
)
from tests.bad_input.setups import file, half, mode, unprivileged
from tests.conftest import REAL_DATA
from tests.madeup import dataset_folder

SPT, ASN = f"{SPECTRUM}_spt.fits", f"{ASSOCIATION}_asn.fits"
NO_FITS = b"this is not a FITS file\r\n\r\n"


def broken(name: str, change: Callable[[bytes], bytes]) -> Setup:
    """Change the bytes of one file of a dataset."""

    def setup(place: Place) -> None:
        path = place.copy(name[:9]) / name
        path.write_bytes(change(path.read_bytes()))

    return setup


def raw_of_another_instrument(place: Place) -> None:
    from astropy.io import fits

    fits.setval(place.copy(SPECTRUM) / RAW, "INSTRUME", value="ACS")


def real_broken(name: str) -> Setup:
    def setup(place: Place) -> None:
        if not REAL_DATA.is_dir():
            pytest.skip("no real HST data: ../shared/data is not there")
        shutil.copyfile(REAL_DATA / "broken" / name, place.inputs / RAW)

    return setup


def table_without_members(place: Place) -> None:
    place.copy(ASSOCIATION)


def association_without_table(place: Place) -> None:
    spt = dataset_folder(place.made_up.inputs, SPECTRUM) / f"{SPECTRUM}_spt.fits"
    shutil.copyfile(spt, place.inputs / f"{ASSOCIATION}_spt.fits")


def unreadable_raw(place: Place) -> None:
    (place.copy(SPECTRUM) / RAW).chmod(0)


KINDS = [
    process("no input folder", f"out b {SPECTRUM} --inputs raws", 21, "raws is not there: correct --inputs"),
    process(
        "a file for inputs", f"out b {SPECTRUM} --inputs f", 21, "f is not a folder: correct --inputs", file("f", "")
    ),
    process(
        "an input folder under lock",
        f"out b {SPECTRUM} --inputs in",
        21,
        "the input folder in cannot be read: change its permissions",
        unprivileged(mode("in", 0)),
        before="{unprivileged} ",
    ),
    process(
        "a raw file under lock",
        f"out b {SPECTRUM} --inputs in",
        21,
        f"cannot copy in/{RAW}: Permission denied: check the file and its permissions",
        unprivileged(unreadable_raw),
        before="{unprivileged} ",
        outcome=Outcome.STORAGE_ERROR,
    ),
    process(
        "no such dataset",
        "out b ldem99zzq",
        21,
        "no raw files of ldem99zzq in…: check the id",
        outcome=Outcome.BAD_INPUT,
    ),
    inputs("no FITS", f"{RAW} is not a FITS file…: fetch the file anew", broken(RAW, lambda _: NO_FITS)),
    inputs("no FITS, real", f"{RAW} is not a FITS file…: fetch the file anew", real_broken("j6gp02lzq_raw.fits")),
    inputs("an empty raw file", f"{RAW} is not a FITS file…: fetch the file anew", broken(RAW, lambda _: b"")),
    inputs("half a raw file", f"{RAW} is cut short…: fetch the file anew", broken(RAW, half)),
    inputs(
        "a raw file without data", f"{RAW} is cut short…: fetch the file anew", broken(RAW, lambda raw: raw[:9000])
    ),
    inputs("half a support file", f"{SPT} is…: fetch the file anew", broken(SPT, half)),
    inputs("another instrument", f"{RAW} says INSTRUME = ACS…COS: check the id", raw_of_another_instrument),
    inputs("another instrument, real", f"{RAW} says…ACS…: check the id", real_broken("j8btxxx_raw_bad.fits")),
    inputs(
        "a member is missing",
        "of ldem01f1q, a member of ldem01010, in in: name another source",
        table_without_members,
        ASSOCIATION,
    ),
    inputs(
        "no association table",
        f"no {ASN} in in, where there is only…: add it, or",
        association_without_table,
        ASSOCIATION,
    ),
    inputs("no table", f"{ASN} is not an association table…: fetch", broken(ASN, lambda _: NO_FITS), ASSOCIATION),
    inputs("a table cut short", f"{ASN}…(it is cut short…): fetch", broken(ASN, lambda asn: asn[:3000]), ASSOCIATION),
]


@each_of(KINDS)
def test_bad_input(kind: Kind, place: Place):
    check(kind, place)


@pytest.mark.slow
def test_a_bad_dataset_does_not_stop_the_next(place: Place):
    broken(RAW, half)(place)
    place.copy(NO_CALIBRATION)
    ran = place.commands.run(
        "sh", "-c", f"hstdputils process out b u5780205r {SPECTRUM} {NO_CALIBRATION} --inputs in"
    )
    assert ran.status == ExitCode.GENERAL
    assert "error: 1 of the ids cannot be processed ('u5780205r'), the others are done" in ran.err
    assert f"{SPECTRUM} bad_input (exit code 21)" in ran.out
    assert f"{NO_CALIBRATION} succeeded" in ran.out
