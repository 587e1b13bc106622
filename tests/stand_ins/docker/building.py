"""The project's image, on a plain Debian made here: the programs of PyPI and, where its source is there, hstcal."""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
from tests.stand_ins.docker.running import CannotStart, find, run

BASE, IMAGE = "hstdp-test-base:bookworm", "hstdp-test:latest"
CERTIFICATES = "/usr/local/share/certificates-of-the-host.crt"
"""Where the base has the certificates with which this machine reaches the package index."""

HSTCAL_SOURCE = ROOT.parent / "shared/engines/hstcal-src.tar.xz"

_PACKAGES = "ca-certificates"
_OF_PIP = ("index-url", "extra-index-url", "trusted-host")


def build_image(folder: Path, variables: dict[str, str]) -> dict[str, str]:
    """Build the image with ``make image``, as a user does; return its name and, where it has no hstcal, why.

    Raises
    ------
    CannotStart
        There is no base.
    OSError
        The image cannot be built.
    """
    client = find("docker") or "docker"
    tar = folder / "base.tar"
    bundle = _certificates()
    hook = [f'--customize-hook=cp {bundle} "$1{CERTIFICATES}"'] if bundle else []
    try:
        run(
            *("mmdebstrap", "--variant=minbase", f"--include={_PACKAGES}", *hook, "bookworm", tar),
            folder=folder,
            timeout=300,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise CannotStart(f"no base for the image: {str(error).splitlines()[-1]}") from error
    run(client, "import", tar, BASE, folder=folder, variables=variables)
    tar.unlink()
    options = [f"--build-arg={name}={value}" for name, value in _arguments(bool(bundle)).items()]
    has_hstcal = HSTCAL_SOURCE.is_file()
    run(
        *("make", "-C", ROOT, "image", f"IMAGE={IMAGE}", f"BASE_IMAGE={BASE}"),
        f"HSTCAL_SOURCE={HSTCAL_SOURCE if has_hstcal else ''}",
        f"BUILD_OPTIONS=--quiet {' '.join(options)}",
        folder=folder,
        timeout=2400,
        variables={**variables, "HSTDP_CONTAINER_ENGINE": client},
    )
    reason = f"no hstcal in the image: {HSTCAL_SOURCE.relative_to(ROOT.parent)} is not there"
    return {"image": IMAGE, "without_hstcal": "" if has_hstcal else reason}


def _certificates() -> Path | None:
    """Return the bundle that this machine's shell names."""
    named = (os.environ.get(name) for name in ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"))
    return next((Path(path) for path in named if path and Path(path).is_file()), None)


def _arguments(has_certificates: bool) -> dict[str, str]:
    """Return how this machine's pip and its shell reach the package index, as arguments of the build."""
    found = {"PIP_CERT": CERTIFICATES} if has_certificates else {}
    for key in _OF_PIP:
        asked = [sys.executable, "-m", "pip", "config", "get", f"global.{key}"]
        of_file = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
        name = f"PIP_{key.replace('-', '_').upper()}"
        value = os.environ.get(name) or of_file.strip()
        # folders of this machine are not in the image, and a list of several has spaces
        if value and "file:" not in value and " " not in value:
            found[name] = value
    proxies = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
    return found | {name: os.environ[name] for name in proxies if os.environ.get(name)}
