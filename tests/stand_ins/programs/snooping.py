"""A calcos that looks for credentials wherever it can, and fails."""

from pathlib import Path

SECRET = "wJalrXUtnFEMIK7MDENG"

_SCRIPT = """#!/bin/sh
[ "$1" = --version ] && { echo 3.6.2; exit 0; }
echo HAS; env
echo OTHERS; cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep %s
echo HOME; cat ~/.aws/credentials ~/.netrc 2>/dev/null
echo LOOKED
exit 1
"""


def write_snooping_calcos(folder: Path) -> Path:
    """Write the program, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "calcos"
    program.write_text(_SCRIPT % SECRET)
    program.chmod(0o755)
    return program


def secrets() -> dict[str, str]:
    """Return variables that hold the secret, and that no part of the package needs here."""
    names = ("MAST_API_TOKEN", "GITHUB_TOKEN", "CRDS_PASSWORD", "APPTAINER_DOCKER_PASSWORD", "SITE_SECRET")
    return dict.fromkeys(names, SECRET) | {"https_proxy": f"http://me:{SECRET}@127.0.0.1:9"}


def assert_nothing_found(log: str) -> None:
    """Check what the program has printed."""
    assert "| LOOKED" in log, log
    assert "| PATH=" in log, log
    assert SECRET not in log
