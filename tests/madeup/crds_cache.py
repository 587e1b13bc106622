"""A complete, tiny CRDS cache with three contexts, for CRDS without a server."""

import hashlib
import pprint
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from . import cos_references as refs
from . import drizzle_references as acs
from . import small_raws

CONTEXT = "hst_9001.pmap"
BAD_REFERENCE_CONTEXT = "hst_9002.pmap"
"""Its NUV flat is on the list of bad files."""
ABSENT_REFERENCE_CONTEXT = "hst_9003.pmap"
"""Its NUV bad-pixel table is not in the cache."""

USE_AFTER = "1997-01-01 00:00:00"

PIPELINE = {"mapping": "PIPELINE", "parkey": ("INSTRUME",)}


@dataclass(frozen=True)
class Rmap:
    """The rules for one type of reference file."""

    reftype: str
    references: Mapping[tuple[str, ...], str]
    """Reference file, or N/A, by the values of ``parkey``."""
    parkey: tuple[str, ...] = ("DETECTOR",)
    switch: str = "NONE"
    """Calibration switch without which the reference is not needed."""
    instrument: str = "cos"
    is_plain: bool = False
    """Whether CRDS is to match the keywords alone, without code of its own for this type."""

    @property
    def relevance(self) -> str:
        """Return the condition without which CRDS says N/A."""
        conditions = []
        if "OBSTYPE" in self.parkey:
            conditions.append('(OBSTYPE == "SPECTROSCOPIC")')
        if self.switch != "NONE":
            conditions.append(f'({self.switch} != "OMIT")')
        return " and ".join(conditions) or "ALWAYS"


def _spectroscopic(reftype: str, nuv: str, fuv: str, switch: str = "NONE") -> Rmap:
    references = {("FUV", "SPECTROSCOPIC"): fuv, ("NUV", "SPECTROSCOPIC"): nuv}
    return Rmap(reftype, references, ("DETECTOR", "OBSTYPE"), switch)


FLATFILE = Rmap("flatfile", {("FUV",): "N/A", ("NUV",): refs.NUV_FLAT}, switch="FLATCORR")
BPIXTAB = Rmap("bpixtab", {("FUV",): refs.FUV_BPIX, ("NUV",): refs.NUV_BPIX})

RULES = (
    BPIXTAB,
    Rmap("brftab", {("FUV",): refs.FUV_BRF, ("NUV",): "N/A"}),
    Rmap("deadtab", {("FUV",): "N/A", ("NUV",): refs.NUV_DEAD}, switch="DEADCORR"),
    _spectroscopic("disptab", refs.NUV_DISP, refs.FUV_DISP),
    FLATFILE,
    _spectroscopic("fluxtab", refs.NUV_PHOT, refs.FUV_PHOT, "FLUXCORR"),
    _spectroscopic("xtractab", refs.NUV_1DX, refs.FUV_1DX),
)

OTHER_RULES = (
    *(
        Rmap(reftype, {("HRC",): reference}, switch="DRIZCORR", instrument="acs")
        for reftype, reference in (("idctab", acs.IDC), ("mdriztab", acs.MDZ), ("npolfile", "N/A"))
    ),
    Rmap("bpixtab", {("UVIS",): small_raws.WFC3_BPIX}, instrument="wfc3"),
    Rmap("ccdtab", {("CCD",): small_raws.STIS_CCD}, instrument="stis"),
)
"""The rules for the other instruments, which are the same under all contexts."""

CONTEXTS: dict[str, Rmap | None] = {
    CONTEXT: None,
    BAD_REFERENCE_CONTEXT: replace(FLATFILE, references={**FLATFILE.references, ("NUV",): refs.BAD_NUV_FLAT}),
    ABSENT_REFERENCE_CONTEXT: replace(BPIXTAB, references={**BPIXTAB.references, ("NUV",): refs.ABSENT_NUV_BPIX}),
}
"""For each context, the rmap for COS that differs from the first context's."""


def write_crds_cache(root: Path) -> None:
    """Write mappings, references and configuration of a CRDS cache, to be used as ``CRDS_PATH``."""
    write_mappings(root, CONTEXT, (*RULES, *OTHER_RULES))
    for context, change in CONTEXTS.items():
        if change is not None:
            _write_context_like_the_first(root / "mappings/hst", context, change)
    refs.write_references(root / "references" / "hst")
    acs.write_drizzle_references(root / "references" / "hst")
    small_raws.write_references(root / "references" / "hst")
    write_config(root, CONTEXT, bad_files=(refs.BAD_NUV_FLAT,))


def write_mappings(root: Path, context: str, rules: Iterable[Rmap]) -> None:
    """Write the mappings of a context to a CRDS cache."""
    folder = root / "mappings" / "hst"
    folder.mkdir(parents=True, exist_ok=True)
    names: dict[str, dict[str, str]] = {}
    for rmap in rules:
        names.setdefault(rmap.instrument, {})[rmap.reftype] = _write_rmap(folder, rmap, context)
    imaps = {name.upper(): _write_imap(folder, name, context, rmaps) for name, rmaps in names.items()}
    _write_mapping(folder, context, PIPELINE, _lines(imaps))


def _write_context_like_the_first(folder: Path, context: str, change: Rmap) -> None:
    """Write a context with the mappings of the first, but for one rmap for COS."""
    names = {rmap.reftype: _name(rmap, CONTEXT) for rmap in RULES} | {
        change.reftype: _write_rmap(folder, change, context)
    }
    imaps = {rmap.instrument.upper(): _imap_name(rmap.instrument, CONTEXT) for rmap in OTHER_RULES}
    imaps["COS"] = _write_imap(folder, "cos", context, names)
    _write_mapping(folder, context, PIPELINE, _lines(imaps))


def _name(rmap: Rmap, context: str) -> str:
    return f"hst_{rmap.instrument}_{rmap.reftype}_{_serial(context)}.rmap"


def _imap_name(instrument: str, context: str) -> str:
    return f"hst_{instrument}_{_serial(context)}.imap"


def _serial(context: str) -> str:
    return context.removeprefix("hst_").removesuffix(".pmap")


def _write_rmap(folder: Path, rmap: Rmap, context: str) -> str:
    header: dict[str, object] = {
        "filekind": rmap.reftype.upper(),
        "instrument": rmap.instrument.upper(),
        "mapping": "REFERENCE",
        "parkey": (rmap.parkey, ("DATE-OBS", "TIME-OBS")),
        "reffile_format": "IMAGE" if rmap.reftype == "flatfile" else "TABLE",
        "reffile_required": "NONE",
        "reffile_switch": rmap.switch,
        "rmap_relevance": rmap.relevance,
    }
    if rmap.is_plain:
        header["hooks"] = dict.fromkeys(("fallback_header", "precondition_header"), "none")
    rules = [
        f"    {values!r} : UseAfter({{\n        {USE_AFTER!r} : {reference!r},\n    }}),"
        for values, reference in rmap.references.items()
    ]
    selector = "\n".join(["Match({", *rules, "})"])
    return _write_mapping(folder, _name(rmap, context), header, selector)


def _write_imap(folder: Path, instrument: str, context: str, rmaps: Mapping[str, str]) -> str:
    header = {"instrument": instrument.upper(), "mapping": "INSTRUMENT", "parkey": ("REFTYPE",)}
    return _write_mapping(folder, _imap_name(instrument, context), header, _lines(rmaps))


def _write_mapping(folder: Path, name: str, header: Mapping[str, object], selector: str) -> str:
    """Write a mapping; its sha1sum covers all lines but the one that holds it."""
    items = {**header, "derived_from": "made up for tests", "name": name, "observatory": "HST"}
    unsigned = _text(items, selector)
    items["sha1sum"] = hashlib.sha1(unsigned.encode()).hexdigest()
    (folder / name).write_text(_text(items, selector))
    return name


def _text(header: Mapping[str, object], selector: str) -> str:
    return f"header = {_lines(header)}\n\nselector = {selector}\n"


def _lines(items: Mapping[str, object]) -> str:
    return "\n".join(["{", *(f"    {key!r} : {items[key]!r}," for key in sorted(items)), "}"])


def write_config(root: Path, context: str, bad_files: Iterable[str] = ()) -> None:
    """Write what CRDS would have remembered of its server."""
    folder = root / "config" / "hst"
    folder.mkdir(parents=True, exist_ok=True)
    server_config = {
        "observatory": "hst",
        "operational_context": context,
        "latest_context": context,
        "edit_context": context,
        "versions_context": "",
        "bad_files_list": list(bad_files),
        "bad_files": " ".join(bad_files),
        "mappings": sorted(path.name for path in (root / "mappings/hst").iterdir()),
        "force_remote_mode": False,
        "crds_version": {"str": "14.0.3"},
        "last_synced": "2026-01-01 00:00:00",
        "status": "server",
        "connected": True,
    }
    (folder / "server_config").write_text(pprint.pformat(server_config) + "\n")
    (folder / "ref_cache_subdir_mode").write_text("flat\n")
