"""Raw files: what their headers say, after a check that they are whole and the dataset's own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hstdputils.core.datasets import Dataset
from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.fits.associations import AssociationRow, exposures, read_rows, repeated_rows
from hstdputils.fits.headers import BadFits, Hdu, header_number, read_hdus
from hstdputils.inputs.image_sets import ImageSet, read_image_sets
from hstdputils.inputs.poller_file import PollerRow

if TYPE_CHECKING:
    from astropy.io import fits


@dataclass(frozen=True, slots=True)
class RawFile:
    """One raw file of an exposure."""

    path: Path
    """The file."""
    exposure: str
    """The exposure's ipppssoot."""
    suffix: str
    """The part of the name after it, such as ``rawtag_a``."""
    header: "fits.Header"
    """The primary header."""
    extension: "fits.Header"
    """The header of the first extension; empty where there is none."""
    is_empty: bool
    """True where nothing was exposed: no exposure time or no data in any of its image sets."""
    image_sets: tuple[ImageSet, ...] = ()
    """Its image sets."""

    @property
    def n_image_sets(self) -> int:
        """Return how many image sets (SCI, ERR, DQ) the file holds: repeated exposures, or the chips of one."""
        return int(self.number("NEXTEND")) // 3

    def keyword(self, name: str, default: str = "") -> str:
        """Return a keyword's value, of either header, as upper-case text without blanks around it."""
        value = self._value(name)
        return str(default if value is None else value).strip().upper()

    def number(self, name: str, default: float = 0.0) -> float:
        """Return a keyword's value, of either header, as a number.

        Raises
        ------
        AttemptFailed
            It is not a number (``bad_input``); file and keyword are named.
        """
        try:
            return header_number(name, self._value(name), default)
        except ValueError as error:
            raise bad_file(self.path, str(error)) from error

    def _value(self, name: str) -> object:
        from astropy.io import fits

        try:
            value = self.header.get(name)
            return self.extension.get(name) if value is None else value
        except (ValueError, fits.VerifyError) as error:
            raise bad_file(self.path, f"has no value that can be read for {name}") from error


@dataclass(frozen=True, slots=True)
class Observation:
    """The inputs of one dataset, checked."""

    dataset: Dataset
    """The dataset."""
    raws: list[RawFile]
    """Its raw files, sorted by name."""
    rows: list[AssociationRow] = field(default_factory=list)
    """The rows of its association table; none for a single exposure."""
    poller: list[PollerRow] = field(default_factory=list)
    """The rows of the poller file of a visit or sky cell, whose calibrated exposures are then the raw files here."""
    files: frozenset[str] = frozenset()
    """Names of all its input files."""
    notes: tuple[str, ...] = ()
    """Noted of the dataset even if it succeeds: exposures that failed, and what was left out of its inputs."""
    warnings: tuple[str, ...] = ()
    """What a person should know of files that are not quite as they should be."""


def read_observation(
    dataset: Dataset, paths: Iterable[Path], raw_suffixes: frozenset[str], *, has_member_files: bool = True
) -> Observation:
    """Check all FITS files of a dataset's inputs, and return what they are.

    Rows that an association table has twice are taken out of the file, since the programs do not.

    Parameters
    ----------
    dataset
        The dataset.
    paths
        Its input files, in one folder.
    raw_suffixes
        Suffixes of raw files, such as ``rawtag_a``.
    has_member_files
        Whether each exposure of an association has raw files of its own.

    Raises
    ------
    AttemptFailed
        A file is not a FITS file, is cut short, or belongs to another instrument, exposure or association, or an
        exposure of the dataset has no raw file (``bad_input``).
    """
    paths = list(paths)
    raws: list[RawFile] = []
    rows: list[AssociationRow] = []
    table: Path | None = None
    notes: list[str] = []
    warnings: list[str] = []
    for path in paths:
        if path.suffix != ".fits":
            continue
        exposure, _, suffix = path.stem.partition("_")
        if path.name == f"{dataset}_asn.fits":
            table, rows = path, read_rows(path)
            notes += [f"{path.name} lists {row.name} more than once" for row in repeated_rows(path)]
        if suffix in raw_suffixes:
            raw = read_raw(path, exposure, suffix)
            _check_belongs(raw, dataset)
            raws.append(raw)
        else:
            warnings += _check_support(path, exposure)
    if not raws:
        reason = f"there is no raw file among the inputs of {dataset}: fetch them anew"
        raise AttemptFailed(Outcome.BAD_INPUT, ExitCode.INPUTS, reason)
    if table:
        _check_members(table, rows, raws, has_member_files=has_member_files)
    if table and has_member_files:
        members = {row.name for row in exposures(table, rows)}
        warnings += [f"{raw.path.name} is not a member of {dataset}" for raw in raws if raw.exposure not in members]
        raws = [raw for raw in raws if raw.exposure in members]
    files = frozenset(path.name for path in paths)
    return Observation(dataset, raws, rows, [], files, (*notes, *failed_exposures(raws)), tuple(warnings))


def _check_belongs(raw: RawFile, dataset: Dataset) -> None:
    if raw.keyword("INSTRUME") != dataset.instrument.upper():
        found = raw.keyword("INSTRUME") or "missing"
        what = f"says INSTRUME = {found}, but {dataset} is a dataset of {dataset.instrument.upper()}"
        raise bad_file(raw.path, what, "check the id")
    if raw.exposure != dataset.ipppssoot and not dataset.is_association:
        raise bad_file(raw.path, f"is not a file of {dataset}", f"make the inputs of {dataset} anew")
    if raw.keyword("ROOTNAME") != raw.exposure.upper():
        found = raw.keyword("ROOTNAME").lower() or "missing"
        raise bad_file(raw.path, f"says ROOTNAME = {found}, but is named after {raw.exposure}")


def _check_support(path: Path, exposure: str) -> list[str]:
    """Check a file that is not raw, and return what should be known of it."""
    hdus = _hdus(path)
    rootname = hdus[0].values.get("ROOTNAME", "").lower()
    if rootname and rootname != exposure and path.stem.endswith(("_asn", "_spt")):
        raise bad_file(path, f"says ROOTNAME = {rootname}, but is named after {exposure}")
    promised = hdus[0].values.get("NEXTEND", "")
    if promised.isdecimal() and int(promised[:9]) > len(hdus) - 1:
        found = f"{len(hdus) - 1} extension{'s' if len(hdus) != 2 else ''}"
        return [f"{path.name} says NEXTEND = {promised}, but has {found}"]
    return []


def _check_members(
    table: Path, rows: Sequence[AssociationRow], raws: Sequence[RawFile], *, has_member_files: bool
) -> None:
    """Hold raw files against an association table: each exposure is there, and no other."""
    members = {row.name for row in exposures(table, rows)}
    if has_member_files:
        if missing := sorted(members - {raw.exposure for raw in raws}):
            what = f"lists {', '.join(missing)}, but there is no raw file of it"
            raise bad_file(table, what, "fetch the inputs anew")
        return
    for raw in raws:
        for image_set in raw.image_sets:
            if image_set.exposure and image_set.exposure not in members:
                what = f"holds an image set of {image_set.exposure}, which {table.name} does not list as present"
                raise bad_file(raw.path, what, "fetch both files anew")
    wanted = {row.name for row in exposures(table, rows) if row.member_type.startswith(("CRSPLIT", "RPT"))}
    for raw in raws:
        held = {image_set.exposure for image_set in raw.image_sets}
        if raw.suffix == "raw" and "" not in held and (missing := sorted(wanted - held)):
            raise bad_file(raw.path, f"holds no image set of {', '.join(missing)}, which {table.name} lists")


def failed_exposures(raws: Iterable[RawFile]) -> list[str]:
    """Return a note on each exposure that failed, wholly or in part.

    An exposure has failed where EXPFLAG is not NORMAL, EXPTIME is 0, or no photon was counted. The archive keeps such
    datasets. Source: HST Data Handbooks, Introduction, "Exposure flags".
    """
    why: dict[str, list[str]] = {}
    for raw in raws:
        for image_set in raw.image_sets:
            is_joint = raw.exposure.endswith("0")  # the raw file of a STIS association holds all its exposures
            problems = why.setdefault((is_joint and image_set.exposure) or raw.exposure, [])
            if image_set.seconds == 0:
                problems.append("EXPTIME = 0")
            if image_set.flag not in ("", "NORMAL"):
                problems.append(f"EXPFLAG = {image_set.flag}")
            if image_set.lack:
                problems.append(f"{image_set.lack} in {raw.path.name}")
    notes = [
        f"{name} failed: {', '.join(dict.fromkeys(problems))}" for name, problems in sorted(why.items()) if problems
    ]
    more = f"{len(notes) - 4} more exposures failed"
    return [*notes[:4], more] if len(notes) > 5 else notes


def read_raw(path: Path, exposure: str, suffix: str) -> RawFile:
    """Return a raw file, after a check that it is whole.

    Parameters
    ----------
    path
        The file.
    exposure, suffix
        The parts of its name.

    Raises
    ------
    AttemptFailed
        The file is not a FITS file, or cut short, or its headers cannot be believed (``bad_input``).
    """
    from astropy.io import fits

    hdus = _hdus(path)
    headers = [fits.Header.fromstring(hdu.cards.decode("latin-1")) for hdu in hdus[:2]]
    primary, extension = (*headers, fits.Header())[:2]
    try:
        image_sets = read_image_sets(path, hdus)
    except ValueError as error:
        raise bad_file(path, str(error)) from error
    is_empty = bool(image_sets) and all(image_set.is_empty for image_set in image_sets)
    raw = RawFile(path, exposure, suffix, primary, extension, is_empty, image_sets)
    if len(hdus) - 1 < (expected := int(raw.number("NEXTEND"))):
        raise bad_file(path, f"is cut short ({len(hdus) - 1} of its {expected} extensions are there)")
    return raw


def _hdus(path: Path) -> list[Hdu]:
    try:
        return read_hdus(path)
    except BadFits as error:
        raise bad_file(path, str(error)) from error


def bad_file(path: Path, what: str, advice: str = "fetch the file anew") -> AttemptFailed:
    """Return the error for a file that cannot be used (``bad_input``)."""
    return AttemptFailed(Outcome.BAD_INPUT, ExitCode.INPUTS, f"{path.name} {what}: {advice}")
