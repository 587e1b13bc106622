"""Profiles of Snakemake: which one a name stands for, and what it says of the run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hstdputils.errors import UserError, nearest, one_line

_FILES = ("config.yaml", "profile.yaml")
_FOLDER = Path("profiles")


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile."""

    name: str
    """The name as the user gave it."""
    file: Path
    """Its file."""
    executor: str
    """Where jobs run."""
    config_files: list[str]
    """Files of configuration that it names."""
    config_entries: list[str]
    """``key=value`` entries of configuration that it holds."""
    is_found: bool
    """Whether ``snakemake --profile NAME`` finds it here."""


def find_profile(name: str) -> Profile:
    """Return the profile that a name or path stands for.

    Snakemake looks for the path, and not in ``profiles/``, where `make setup` lets links point.

    Raises
    ------
    UserError
        There is no such profile, or it cannot be read.
    """
    file = _file_of(Path(name))
    in_folder = _file_of(_FOLDER / name)
    if file is None and in_folder is None:
        known = sorted(path.name for path in _FOLDER.glob("*") if _file_of(path))
        if not known:
            raise UserError(f"there is no profile {name!r}, and no folder profiles/: go to the project's folder")
        raise UserError(f"there is no profile {name!r}{nearest(name, known)} ({', '.join(known)} are in profiles/)")
    path = file or in_folder
    assert path is not None
    keys = _keys(path)
    config = keys.get("config") or {}
    entries = [f"{key}={value}" for key, value in config.items()] if isinstance(config, dict) else _texts(config)
    files = [_beside(path, value) for value in _texts(keys.get("configfile"))]
    return Profile(name, path, str(keys.get("executor") or "local"), files, entries, file is not None)


def _file_of(path: Path) -> Path | None:
    if path.is_file():
        return path
    return next((path / name for name in _FILES if (path / name).is_file()), None)


def _keys(path: Path) -> dict[str, Any]:
    try:
        keys = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise UserError(f"the profile {path} cannot be read ({one_line(error)}): mend it") from error
    if not isinstance(keys, dict):
        raise UserError(f"the profile {path} holds no keys with values: write key: value")
    return keys


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _beside(profile: Path, value: str) -> str:
    """Return a file that a profile names; Snakemake takes one beside the profile before one of the current folder."""
    return str(profile.parent / value) if (profile.parent / value).exists() else value
