"""Raw ACS/HRC exposures of a few made-up stars: a subarray with the columns of overscan at its left."""

from collections.abc import Sequence
from dataclasses import dataclass

from . import acs_optics
from .acs.raws import Camera, Chip, Star
from .acs.raws import Exposure as AnyExposure
from .acs.raws import write_raw as write_hrc
from .acs_optics import Pointing

__all__ = ["BIAS", "CAMERA", "GAIN", "OVERSCAN", "POINTING", "READ_NOISE", "STARS", "Exposure", "write_hrc"]

SIZE = 256
"""Rows and columns of the subarray."""

FIRST_PIXEL = 385
"""Column and row of the detector where it begins."""

OVERSCAN = 19
"""Columns left of the image that see no light."""

BIAS = 2500
"""Counts of a pixel without charge."""

GAIN = 2.2
"""Electrons per count."""

READ_NOISE = 4.7
"""Electrons."""

POINTING = Pointing(ra=150.1, dec=2.3, pa_v3=33.0)
STARS = (Star(150.10001, 2.30002, 2400.0), Star(150.1003, 2.30025, 1600.0), Star(150.0996, 2.2997, 1900.0))

CAMERA = Camera(
    (Chip(1, acs_optics.HRC, (SIZE, SIZE), (FIRST_PIXEL, FIRST_PIXEL), left=OVERSCAN),),
    {
        "SUBARRAY": True,
        "DETECTOR": "HRC",
        "FILTER1": "F606W",
        "FILTER2": "CLEAR2S",
        "APERTURE": "HRC-SUB",
        "CCDAMP": "C",
        "CCDGAIN": 2,
    },
    ("DQICORR", "BLEVCORR", "BIASCORR", "EXPSCORR", "DARKCORR", "FLATCORR", "PHOTCORR", "DRIZCORR"),
    gain=GAIN,
    bias=BIAS,
    read_noise=READ_NOISE,
)


@dataclass(frozen=True)
class Exposure(AnyExposure):
    """What one raw exposure of the subarray is of: the made-up stars, where nothing else is said."""

    camera: Camera = CAMERA
    pointing: Pointing = POINTING
    stars: Sequence[Star] = STARS
