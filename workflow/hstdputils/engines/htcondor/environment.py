"""The environment of jobs: what is recorded with a batch, so that later waves of it run as the first did."""

import os
from collections.abc import Sequence
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from hstdputils.errors import UserError
from hstdputils.plans.slices import JOB_VARIABLE, ROW_VARIABLE

PASSED = ("CRDS_*", "AWS_*", "HSTDP_*", "ASTROMETRY_*", "?ref", "LANG", "LC_*", "CSYS_VER", "AWSDPVER", "AWSYSVER")
"""Variables that jobs get: of CRDS, of boto3, of the package and of the programs."""

OF_THIS_SYSTEM = ("PATH", "HOME", "PYTHONPATH", "XDG_CONFIG_HOME", "LD_LIBRARY_PATH")
"""Variables that jobs get besides, where they do not run in an image of their own."""

SECRET = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_*", "*_TOKEN")
"""Variables that jobs do not get: everybody who can ask the scheduler sees what jobs get."""


def environment(more: Sequence[str] = (), *, has_image: bool = False) -> dict[str, str]:
    """Return the variables of this process that jobs get.

    Parameters
    ----------
    more
        Names of variables that they get too.
    has_image
        Whether the jobs run in an image of their own.

    Raises
    ------
    UserError
        A name in ``more`` is not set, or a variable is a URL with a password.
    """
    for name in more:
        if name not in os.environ:
            raise UserError(f"--env {name}: there is no such variable: set it, or leave the option out")
    wanted = PASSED if has_image else (*PASSED, *OF_THIS_SYSTEM)
    unwanted = (*SECRET, *more)
    kept = {name: value for name, value in os.environ.items() if _fits(name, wanted) and not _fits(name, unwanted)}
    for name, value in kept.items():
        if "@" in value and urlsplit(value).password:
            raise UserError(
                f"{name} holds a password, which all who can ask the scheduler would see: take it out of the URL, or "
                f"give --env {name} if that may be"
            )
    kept |= {name: os.environ[name] for name in more}
    return {name: kept[name] for name in sorted(kept.keys() - {ROW_VARIABLE, JOB_VARIABLE})}


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
