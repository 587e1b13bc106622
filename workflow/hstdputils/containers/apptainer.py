"""What rules see of this machine where Snakemake runs them in containers of Apptainer (``--sdm apptainer``)."""

import os
from collections.abc import Iterable
from pathlib import Path

from hstdputils.containers.mounts import file_of, local_path

VARIABLES = ("APPTAINER_BIND", "SINGULARITY_BIND")
"""The environment variables from which Apptainer and SingularityCE take their binds."""

_AWS_FILES = {"AWS_CONFIG_FILE": "config", "AWS_SHARED_CREDENTIALS_FILE": "credentials"}


def bind(places: Iterable[str]) -> None:
    """Have containers see these stores, sources and files of this machine, and the user's configuration of AWS.

    What is not there yet is seen through the nearest folder above it. The current folder is always seen; it is the
    home folder in the container, for which reason AWS is told where its files are.
    """
    here = Path.cwd()
    paths = [path.expanduser().absolute() for place in places if (path := local_path(place))]
    folder = Path.home() / ".aws"
    for name, file in _AWS_FILES.items():
        if (folder / file).is_file():
            os.environ.setdefault(name, str(folder / file))
    paths += [path for name in _AWS_FILES if (path := file_of(name))]
    seen = [_nearest(path) for path in paths if not path.is_relative_to(here)]
    earlier = next((os.environ[name] for name in VARIABLES if os.environ.get(name)), "")
    binds = dict.fromkeys([*filter(None, earlier.split(",")), *(str(path) for path in seen if path != path.parent)])
    if binds:
        os.environ.update(dict.fromkeys(VARIABLES, ",".join(binds)))


def _nearest(path: Path) -> Path:
    """Return the path, or the nearest one above it that is there."""
    return next(one for one in (path, *path.parents) if one.exists())
