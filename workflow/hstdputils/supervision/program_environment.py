"""The environment of calibration programs: what they need, without secrets.

A dataset's files come from others. A program that one of them exploits must find no credentials, and no file may
determine what runs: so the environment is built from an allow-list, and ``<dataset>_cal_env.txt`` may set only the
variables of another, shorter one. Both can be extended in the configuration, and never by data.
"""

import os
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

ALLOWED = (
    *("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "USER", "LOGNAME"),
    *("CRDS_PATH", "CRDS_SERVER_URL", "CRDS_CONTEXT", "CRDS_OBSERVATORY", "CRDS_READONLY_CACHE", "CRDS_MODE"),
    *("[a-z]ref", "ASTROMETR*", "GSSS_WEBSERVICES_URL", "SVM_*", "MVM_*", "HAP*", "PIPELINE_*"),
    *("OMP_*", "OPENBLAS_*", "MKL_NUM_THREADS", "MPLBACKEND", "DATA_PATH", "RAISE_PIPELINE_ERRORS"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("APPTAINER*", "SINGULARITY*", "DOCKER_HOST", "XDG_RUNTIME_DIR"),
    *("CSYS_VER", "AWSDPVER", "AWSYSVER"),
)
"""Names of variables, or patterns of names, that programs inherit from this process."""


SETTABLE_BY_DATA = ("SVM_*", "MVM_*", "HAP*", "ASTROMETRY_*")
"""What a dataset's own file may set: drizzlepac's switches (its handbook, chapter 8)."""


_LISTS_OF_FOLDERS = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH")


_CHOOSES_WHAT_RUNS = re.compile(
    r"(LD|DYLD|PYTHON|APPTAINER|SINGULARITY)\w*|(\w*_)?(PATH|HOME|SHELL|ENV|IFS)|\w*_URL|[A-Z]REF"
)
"""Variables that determine what runs, or which servers programs ask: data can never set them."""


_SECRET = re.compile(r".*(TOKEN|PASSW|SECRET|CREDENTIAL|APIKEY|_KEY|USERNAME|COOKIE).*", re.IGNORECASE)


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


_LONGEST = 4096


def environment_of_programs(
    variables: Mapping[str, str], home: Path, also: Iterable[str] = (), source: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the environment that a calibration program starts with.

    Parameters
    ----------
    variables
        Variables set for it: folders of references, threads, switches.
    home
        Its home folder, empty at first.
    also
        Names, or patterns of names, of further variables that it inherits.
    source
        The variables to inherit from; this process's environment where none is given.
    """
    patterns = (*ALLOWED, *also)
    here = os.environ if source is None else source
    passed = {name: value for name, value in here.items() if _matches(name, patterns)}
    passed = {name: value for name, value in passed.items() if not _is_secret(name, value)}
    for name in _LISTS_OF_FOLDERS:
        if folders := _absolute(passed.pop(name, "")):
            passed[name] = folders
    # nothing is imported from the folder with the data, or from the home folder of the user or of other jobs
    own = {"HOME": str(home), "PYTHONSAFEPATH": "1", "PYTHONNOUSERSITE": "1"}
    return passed | own | dict(variables)


def variables_of_file(path: Path, also: Iterable[str] = ()) -> tuple[dict[str, str], list[str]]:
    """Read the variables that a dataset's own file sets for its programs, one ``NAME=value`` a line.

    Parameters
    ----------
    path
        The file ``<dataset>_cal_env.txt``.
    also
        Names, or patterns of names, that it may set beyond `SETTABLE_BY_DATA`.

    Returns
    -------
    variables
        Those that it may set.
    warnings
        One line for each of the others, and for each line that sets no variable.
    """
    variables: dict[str, str] = {}
    warnings: list[str] = []
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
        name, separator, value = (part.strip() for part in line.partition("="))
        place = f"{path.name}:{number}"
        if not line.strip():
            continue
        if not separator or not _NAME.fullmatch(name):
            warnings.append(f"{place}: ignored, not NAME=value: {line.strip()[:80]}")
        elif _CHOOSES_WHAT_RUNS.fullmatch(name.upper()) or not _matches(name, (*SETTABLE_BY_DATA, *also)):
            warnings.append(f"{place}: refused, a dataset's file may not set {name[:80]}: see --dataset-variables")
        elif len(value) > _LONGEST or not value.isprintable():
            warnings.append(f"{place}: refused, the value of {name} is too long or not printable")
        else:
            variables[name] = value
    return variables, warnings


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _is_secret(name: str, value: str) -> bool:
    """Tell whether a variable is a secret by its name, or a URL with a password."""
    return bool(_SECRET.fullmatch(name)) or ("@" in value and bool(urlsplit(value).password))


def _absolute(folders: str) -> str:
    """Return the absolute ones of a list of folders: an empty or relative one would be among the data."""
    return os.pathsep.join(folder for folder in folders.split(os.pathsep) if Path(folder).is_absolute())
