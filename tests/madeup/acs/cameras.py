"""Ways of reading ACS's detectors that the made-up exposures use, each as small as calacs.e takes it."""

from .. import acs_optics as optics
from .detectors import HRC, SBC, WFC
from .raws import Camera, Chip

CCD_STEPS = ("DQICORR", "BLEVCORR", "BIASCORR", "EXPSCORR", "DARKCORR", "FLATCORR", "PHOTCORR", "DRIZCORR")

HRC_SUBARRAY = Camera(
    (Chip(1, optics.HRC, (256, 256), (385, 385), left=HRC.overscan),),
    {
        "SUBARRAY": True,
        "DETECTOR": "HRC",
        "FILTER1": "F606W",
        "FILTER2": "CLEAR2S",
        "APERTURE": "HRC-SUB",
        "CCDAMP": "C",
        "CCDGAIN": 2,
    },
    CCD_STEPS,
    gain=HRC.gain,
    bias=2500,
    read_noise=HRC.read_noise,
)
"""A part of HRC, with the columns of overscan at its left."""

_WFC = {"DETECTOR": "WFC", "FILTER1": "F606W", "FILTER2": "CLEAR2L", "JWROTYPE": "DS_INT"}


WFC_SUBARRAY = Camera(
    (Chip(2, optics.WFC2, (256, 256), (1, 1793), left=WFC.overscan),),
    _WFC | {"SUBARRAY": True, "APERTURE": "WFC2", "CCDAMP": "C", "CCDGAIN": 2.0},
    CCD_STEPS,
    gain=WFC.gain,
    bias=2300,
    read_noise=WFC.read_noise,
)
"""The upper left of chip 2."""

WFC_CUT = Camera(
    (
        Chip(2, optics.WFC2, (128, 256), (1921, 961), left=WFC.overscan, right=WFC.overscan),
        Chip(1, optics.WFC1, (128, 256), (1921, 961), left=WFC.overscan, right=WFC.overscan),
    ),
    _WFC | {"SUBARRAY": False, "APERTURE": "WFC", "CCDAMP": "ABCD", "CCDGAIN": 1.0},
    CCD_STEPS,
    gain=WFC.gain,
    bias=2300,
    read_noise=WFC.read_noise,
)
"""The middle of both chips: a full frame's headers, and less of it than WFC ever reads.

Both begin at the same row: stwcs takes no others.
"""

WFC_FRAME = Camera(
    tuple(
        Chip(
            number,
            optics.CHIPS["WFC"][number],
            WFC.shape,
            left=WFC.overscan,
            right=WFC.overscan,
            above=WFC.virtual if number == 2 else 0,
            below=WFC.virtual if number == 1 else 0,
        )
        for number in WFC.chips
    ),
    _WFC | {"SUBARRAY": False, "APERTURE": "WFC", "CCDAMP": "ABCD", "CCDGAIN": 2.0},
    CCD_STEPS,
    gain=WFC.gain,
    bias=2300,
    read_noise=WFC.read_noise,
)
"""A full frame."""

SBC_FRAME = Camera(
    (Chip(1, optics.SBC, SBC.shape),),
    {"DETECTOR": "SBC", "SUBARRAY": False, "FILTER1": "F140LP", "FILTER2": "N/A", "APERTURE": "SBC", "CCDAMP": "N/A"},
    ("DQICORR", "FLATCORR", "PHOTCORR", "GLINCORR", "LFLGCORR", "DRIZCORR"),
    sky=0.01,
)
"""A full frame, which SBC always reads."""
