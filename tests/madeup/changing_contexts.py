"""Two CRDS contexts that differ, with all kinds of rules that HST's have: hooks, conditions, merges, N/A and OMIT."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .crds_cache import PIPELINE, _lines, _write_imap, _write_mapping, write_config

OLD, NEW = "hst_9201.pmap", "hst_9202.pmap"

OLD_FLAT, NEW_FLAT = "flat1_flat.fits", "flat2_flat.fits"
"""The flats of one mode of COS, which differ by 1e-4; all other changes are of other instruments."""

START = "1997-01-01 00:00:00"

CHANGED_MODE = {"DETECTOR": "NUV", "OPT_ELEM": "G230L"}


@dataclass(frozen=True)
class Rules:
    """The rules for one type of reference, by match and by date."""

    instrument: str
    type: str
    parkey: tuple[str, ...]
    series: Mapping[tuple[str, ...], Mapping[str, str] | str]
    """References by date, or N/A or OMIT for all dates, by the values of ``parkey``."""
    header: Mapping[str, object] = field(default_factory=dict)
    """More of the mapping's header."""


def _hooks(version: str) -> dict[str, object]:
    names = {"precondition_header": f"precondition_header_acs_biasfile_{version}"}
    return {"hooks": names | {"fallback_header": f"fallback_header_acs_biasfile_{version}"}}


def _bias(version: str, ltv: str, suffix: str) -> Rules:
    """Return rules in which sub-arrays before SM4 are found by code alone, and others by a second look."""
    parkey = ("DETECTOR", "CCDAMP", "CCDGAIN", "APERTURE", "NAXIS1", "NAXIS2", f"{ltv}1", f"{ltv}2")
    parkey = (*parkey, "XCORNER", "YCORNER", "CCDCHIP")
    any_corner = ("N/A", "N/A", "N/A")
    return Rules(
        "acs",
        "biasfile",
        parkey,
        {
            ("HRC", "A|B|C|D", "2.0|4.0", "*", "1062.0", "1044.0", "19.0", "0.0|20.0", *any_corner): {
                "1992-01-01 00:00:00": "hrc1_bia.fits",
                "2003-05-05 05:05:05": f"hrc2{suffix}_bia.fits",
            },
            ("WFC", "ABCD", "1.0|2.0", "N/A", "4144.0", "2068.0", "24.0", "0.0", *any_corner): {
                "1992-01-01 00:00:00": "wfc1_bia.fits",
                "2009-05-14 00:00:00": "wfc2_bia.fits",
                "2010-02-03 04:05:06": f"wfc3{suffix}_bia.fits",
            },
            ("WFC", "AD|BC", "1.0|2.0", "N/A", "4144.0", "2068.0", "24.0", "0.0", *any_corner): {
                "2002-02-02 00:00:00": f"half{suffix}_bia.fits"
            },
            ("WFC", "A", "2.0", "WFC1-1K", "1046.0", "1024.0", "22.0", "0.0", *any_corner): {
                "2004-02-02 00:00:00": f"sub{suffix}_bia.fits"
            },
        },
        _hooks(version)
        | {
            "extra_keys": ("XCORNER", "YCORNER", "CCDCHIP"),
            "reffile_required": "YES",
            "reffile_switch": "BIASCORR",
            "rmap_relevance": '((DETECTOR != "SBC") and (BIASCORR != "OMIT"))',
        },
    )


def _rules(suffix: str) -> list[Rules]:
    """Return the rules that the contexts have in different versions."""
    return [
        Rules(
            "acs",
            "darkfile",
            ("DETECTOR", "CCDAMP", "CCDGAIN"),
            {
                ("WFC", "ABCD|AC", "*"): {
                    "2002-03-04 00:00:00": "w1_drk.fits",
                    "2012-03-04 00:00:00": f"w2{suffix}_drk.fits",
                },
                ("WFC", "ABCD", "1.0|2.0"): {
                    "2002-03-04 00:00:00": "w0_drk.fits",
                    "2015-03-04 00:00:00": "w3_drk.fits",
                },
                ("HRC", "*", "N/A"): {"2002-03-04 00:00:00": f"h{suffix}_drk.fits"},
                ("SBC", "N/A", "N/A"): "N/A",
            },
            {"parkey_relevance": {"ccdamp": '(DETECTOR != "SBC")', "ccdgain": '(DETECTOR == "WFC")'}},
        ),
        Rules(
            "acs",
            "snkcfile",
            ("DETECTOR",),
            {("WFC",): {"2015-01-01 00:00:00": f"s{suffix}_snk.fits"}, ("SBC",): "OMIT"},
            {"rmap_omit": '(DETECTOR == "HRC")', "reffile_required": "NO"},
        ),
        Rules(
            "wfc3",
            "biasfile",
            ("DETECTOR", "CCDAMP", "APERTURE", "SUBARRAY"),
            {
                ("UVIS", "ABCD", "N/A", "N/A"): {"2009-01-01 00:00:00": f"u1{suffix}_bia.fits"},
                ("UVIS", "A|C", "UVIS1-2K2A-SUB|UVIS2-2K2C-SUB", "N/A"): {
                    "2009-01-01 00:00:00": "u2_bia.fits",
                    "2013-06-07 08:09:10": f"u3{suffix}_bia.fits",
                },
            },
            {
                "hooks": {"precondition_header": "precondition_header_wfc3_biasfile_v1"},
                "extra_keys": ("SUBARRAY",),
                "rmap_relevance": '((DETECTOR == "UVIS") and (BIASCORR != "OMIT"))',
                "reffile_switch": "BIASCORR",
                "reffile_required": "YES",
            },
        ),
        Rules(
            "stis",
            "darkfile",
            ("DETECTOR", "CCDAMP", "CCDGAIN"),
            {
                ("CCD", "D", "1.0|2.0|4.0|8.0"): {
                    f"{year}-{month:02}-01 00:00:00": f"d{year}{month:02}{suffix if year > 2010 else ''}_drk.fits"
                    for year in range(1997, 2016)
                    for month in range(1, 13)
                },
                ("NUV-MAMA", "N/A", "N/A"): {"1997-01-01 00:00:00": "nuv_drk.fits"},
            },
            {"parkey_relevance": {"ccdamp": '(DETECTOR == "CCD")', "ccdgain": '(DETECTOR == "CCD")'}},
        ),
    ]


_SAME = [
    Rules("cos", "deadtab", ("DETECTOR",), {("FUV",): "N/A", ("NUV",): {"1997-01-01 00:00:00": "x_dead.fits"}}),
    Rules(
        "stis", "ccdtab", (), {(): {"1997-01-01 00:00:00": "x_ccd.fits"}}, {"rmap_relevance": '(DETECTOR == "CCD")'}
    ),
    Rules("wfc3", "bpixtab", ("DETECTOR",), {("UVIS",): {"2009-01-01 00:00:00": "x_bpx.fits"}}),
]
"""Rules that both contexts have, some of which match whatever the header says."""


def _flat(name: str) -> Rules:
    others = {
        ("NUV", element): {"1997-01-01 00:00:00": "other_flat.fits"} for element in ("G185M", "MIRRORA", "MIRRORB")
    }
    return Rules(
        "cos",
        "flatfile",
        ("DETECTOR", "OPT_ELEM"),
        {tuple(CHANGED_MODE.values()): {"1997-01-01 00:00:00": name}, **others, ("FUV", "N/A"): "N/A"},
        {"reffile_switch": "FLATCORR", "rmap_relevance": '(FLATCORR != "OMIT")', "reffile_required": "NO"},
    )


def write_changing_contexts(root: Path) -> None:
    """Write both contexts, without references, to be used as ``CRDS_PATH``."""
    write_context(root, OLD, [_bias("v2", "LTV", ""), *_rules(""), _flat(OLD_FLAT), *_SAME])
    write_context(root, NEW, [_bias("v3", "RAW_LTV", "n"), *_rules("n"), _flat(NEW_FLAT), *_SAME], "atodtab")
    write_config(root, NEW)


def write_context(root: Path, context: str, rules: Sequence[Rules], not_applicable: str = "shadfile") -> None:
    """Write the mappings of one context, in which ACS has one type that is N/A for all."""
    folder = root / "mappings/hst"
    folder.mkdir(parents=True, exist_ok=True)
    names: dict[str, dict[str, str]] = {"acs": {not_applicable: "N/A"}}
    for one in rules:
        serial = "9200" if one in _SAME else context[4:8]
        names.setdefault(one.instrument, {})[one.type] = _write_rules(folder, one, serial)
    imaps = {name.upper(): _write_imap(folder, name, context, rmaps) for name, rmaps in names.items()}
    _write_mapping(folder, context, PIPELINE, _lines(imaps))


def _write_rules(folder: Path, rules: Rules, serial: str) -> str:
    header: dict[str, object] = {
        "filekind": rules.type.upper(),
        "instrument": rules.instrument.upper(),
        "mapping": "REFERENCE",
        "parkey": (rules.parkey, ("DATE-OBS", "TIME-OBS")),
        "reffile_format": "IMAGE",
        "reffile_required": "NONE",
        "reffile_switch": "NONE",
        "rmap_relevance": "ALWAYS",
        **rules.header,
    }
    lines = ["Match({"]
    for key, series in rules.series.items():
        if isinstance(series, str):
            lines.append(f"    {key!r} : {series!r},")
        else:
            lines += [
                f"    {key!r} : UseAfter({{",
                *(f"        {date!r} : {name!r}," for date, name in series.items()),
            ]
            lines.append("    }),")
    name = f"hst_{rules.instrument}_{rules.type}_{serial}.rmap"
    return _write_mapping(folder, name, header, "\n".join([*lines, "})"]))
