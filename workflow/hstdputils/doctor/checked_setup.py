"""The set-up of a run: profile and configuration, merged as Snakemake merges them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hstdputils.core.config import Config
from hstdputils.core.datasets import Dataset, Kind
from hstdputils.core.errors import UserError
from hstdputils.core.id_lists import arguments_of, require_all_good
from hstdputils.core.instruments import INSTRUMENTS, MOSAICKED, SKYCELL
from hstdputils.core.run_config import load_config
from hstdputils.core.text import nearest, one_line
from hstdputils.inputs.lists import read_list
from hstdputils.records.batch import check_batch_name

_FILES = ("config.yaml", "profile.yaml")


_FOLDER = Path("profiles")


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile."""

    name: str
    """Its name, as the user gave it."""
    file: Path
    """Its file."""
    executor: str
    """Where jobs run."""
    config_files: list[str]
    """The configuration files that it names."""
    config_entries: list[str]
    """The ``key=value`` entries of its ``config``."""
    is_found: bool
    """Whether ``snakemake --profile NAME`` finds it here."""


def find_profile(name: str) -> Profile:
    """Return the profile that a name or path stands for.

    Snakemake takes the name as a path and does not look in ``profiles/``; `make setup` makes links to there.

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
        raise UserError(f"the profile {path} cannot be read ({one_line(error)}): correct it") from error
    if not isinstance(keys, dict):
        raise UserError(f"the profile {path} is not a mapping of keys to values: write key: value")
    return keys


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _beside(profile: Path, value: str) -> str:
    """Return the path of a file that a profile names: Snakemake prefers one beside the profile."""
    return str(profile.parent / value) if (profile.parent / value).exists() else value


PROJECT_CONFIG = Path("config/config.yaml")
"""The configuration file that the Snakefile reads first."""


_PLACEHOLDERS = {"ids": "(none)", "batch": "doctor"}


@dataclass(frozen=True, slots=True)
class CheckedSetup:
    """A set-up to be checked."""

    config: Config
    """The configuration of the run."""
    profile: Profile | None = None
    """The profile that the run has."""
    datasets: Sequence[Dataset] = field(default_factory=list)
    """The datasets of the run; empty where the set-up is checked for any dataset."""
    instruments: Sequence[str] = ()
    """Instruments that are needed beside those of the datasets."""

    @property
    def to_check(self) -> list[Dataset]:
        """Return the datasets of the run, and an example of each further instrument."""
        asked = [EXAMPLES[name] for name in self.instruments]
        return [*self.datasets, *asked] or [EXAMPLES[name] for name in INSTRUMENTS]

    @property
    def needed(self) -> list[str]:
        """Return the kinds of datasets that are needed; where it is empty, any one kind will do."""
        return sorted({*self.instruments, *map(kind_of, self.datasets)})


EXAMPLES = {
    **{name: Dataset(one.letter.ljust(9, "0")) for name, one in sorted(INSTRUMENTS.items())},
    **{f"{name} visits": Dataset(f"{name}_000_00") for name in MOSAICKED},
    "sky cells": Dataset(f"{SKYCELL}-p0000x00y00"),
}
"""An example dataset of each kind, by the kind's name: that of the instrument for ipppssoots."""


def kind_of(dataset: Dataset) -> str:
    """Return the name of a dataset's kind."""
    match dataset.kind:
        case Kind.VISIT:
            return f"{dataset.instrument} visits"
        case Kind.SKYCELL:
            return "sky cells"
    return dataset.instrument


def names_of_kinds(kinds: Sequence[str]) -> str:
    """Return names of kinds as text: 'ACS, COS and sky cells'."""
    names = [" ".join(word.upper() if word in INSTRUMENTS else word for word in kind.split()) for kind in kinds]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def read_setup(
    profile_name: str | None,
    config_files: Sequence[str],
    config_entries: Sequence[str],
    instruments: Sequence[str],
    ids: Sequence[str],
) -> CheckedSetup:
    """Return the set-up of ``snakemake --profile … --configfile … --config …`` in the current folder.

    Parameters
    ----------
    profile_name
        The profile, as it is given to Snakemake.
    config_files
        Files after ``--configfile``, which take the place of the profile's.
    config_entries
        ``key=value`` entries after ``--config``.
    instruments
        Instruments that are needed.
    ids
        Names or lists of datasets; where there is none, the lists that profile, files or entries name.

    Raises
    ------
    UserError
        There is no such profile, or the configuration or an id list is wrong.
    """
    profile = find_profile(profile_name) if profile_name else None
    asked: dict[str, Any] = {}
    for path in config_files or (profile.config_files if profile else []):
        _update(asked, read_yaml(Path(path)))
    _update(asked, config_values(config_entries or (profile.config_entries if profile else [])))
    values = {} if profile else dict(_PLACEHOLDERS)
    if PROJECT_CONFIG.is_file():
        _update(values, read_yaml(PROJECT_CONFIG))
    _update(values, asked)
    config = load_config(values)
    check_batch_name(config.batch)
    lists = list(ids) or (arguments_of(config.ids) if "ids" in asked else [])
    datasets: list[Dataset] = []
    if lists:
        found = read_list(lists)
        require_all_good(found, skip_bad=config.skip_bad)
        datasets = found.datasets
    return CheckedSetup(config, profile, datasets, instruments)


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the content of a YAML or JSON file.

    Raises
    ------
    UserError
        The file cannot be read, or is not a mapping of keys to values.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError) as error:
        what = getattr(error, "strerror", None) or "it is not text"
        raise UserError(f"cannot read {path} ({what}): correct its name or permissions") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not valid YAML ({one_line(error)}): correct it") from error
    if not isinstance(values, dict | None):
        raise UserError(f"{path} is not a mapping of keys to values: write key: value")
    return values or {}


def config_values(entries: Sequence[str]) -> dict[str, Any]:
    """Return the values of ``--config`` entries, parsed as Snakemake parses them.

    Raises
    ------
    UserError
        An entry is not ``key=value``.
    """
    values: dict[str, Any] = {}
    for entry in entries:
        key, separator, text = entry.partition("=")
        if not separator or not key:
            raise UserError(f"{entry!r} after --config is not KEY=VALUE: write KEY=VALUE, and ids before --config")
        _update(values, {key: _config_value(text)})
    return values


def _config_value(text: str) -> Any:
    if text in ("True", "False", ""):
        return {"True": True, "False": False, "": None}[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    try:
        return yaml.load(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError:
        return text


def _update(values: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Update values with others; mappings such as ``programs`` are merged, as Snakemake does it."""
    for key, value in more.items():
        if isinstance(value, Mapping) and isinstance(values.get(key), dict):
            _update(values[key], value)
        else:
            values[key] = dict(value) if isinstance(value, Mapping) else value
