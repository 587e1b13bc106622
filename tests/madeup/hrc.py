"""Raw ACS/HRC exposures of a few made-up stars."""

from collections.abc import Sequence
from dataclasses import dataclass

from .acs.cameras import HRC_SUBARRAY
from .acs.detectors import HRC
from .acs.raws import Camera, Star
from .acs.raws import Exposure as AnyExposure
from .acs.raws import write_raw as write_hrc
from .acs_optics import Pointing

__all__ = ["GAIN", "OVERSCAN", "POINTING", "READ_NOISE", "STARS", "Exposure", "write_hrc"]

GAIN, OVERSCAN, READ_NOISE = HRC.gain, HRC.overscan, HRC.read_noise

POINTING = Pointing(ra=150.1, dec=2.3, pa_v3=33.0)
STARS = (Star(150.10001, 2.30002, 2400.0), Star(150.1003, 2.30025, 1600.0), Star(150.0996, 2.2997, 1900.0))


@dataclass(frozen=True)
class Exposure(AnyExposure):
    """What one raw exposure of a subarray is of: the made-up stars, where nothing else is said."""

    camera: Camera = HRC_SUBARRAY
    pointing: Pointing = POINTING
    stars: Sequence[Star] = STARS
