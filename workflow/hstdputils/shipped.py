"""Files of ``config/`` that come with the package."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def shipped(name: str) -> Path:
    """Return the path of a file of ``config/``: in the installed package, or in the clone that it runs from."""
    installed = _PACKAGE / "config_files" / name
    return installed if installed.exists() else _PACKAGE.parents[1] / "config" / name
