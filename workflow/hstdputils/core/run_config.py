"""The configuration of a run: read and checked, and kept beside the plan.

Commands on the batch take it from there, so that nobody has to give it to them again.
"""

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hstdputils.core.config import JOINED, SECTIONS, Config
from hstdputils.core.errors import StoreError, UserError
from hstdputils.core.files import atomic_write
from hstdputils.core.text import nearest, one_line, without_passwords

RUN_FILE = "results/{batch}/run.json"
"""Where it is kept."""

NOT_STARTED_FILE = "results/{batch}/not-started.txt"
"""Where the reason is kept for which a run did not start."""

_CRDS_VARIABLES = {"path": "CRDS_PATH", "server_url": "CRDS_SERVER_URL"}
"""Variables that come before keys of the section ``crds``."""


_RENAMED = {
    "batch_image": "image",
    "batch_job_definition": "aws_batch.job_definition",
    "batch_queue": "aws_batch.queue",
    "batch_system": "engine",
    "container": "image",
    "features": "plan.features",
    "grid_mib": "plan.grid_mib",
    "history": "plan.history",
    "model": "plan.model",
    "read_headers": "plan.read_headers",
    "sync_references": "crds.sync",
}
"""What keys of earlier versions are called now."""


def load_config(values: Mapping[str, Any]) -> Config:
    """Check a configuration.

    Parameters
    ----------
    values
        Keys and their values. A key of a section may also stand beside the sections, as section plus key
        (``crds_context``), and comes before the same key in its section then.

    Raises
    ------
    UserError
        A key is unknown (the nearest right one is named) or has another name now, is missing, or has a wrong value.
    """
    try:
        return Config.model_validate(_in_sections(values))
    except ValidationError as error:
        raise UserError("; ".join(_complaint(item) for item in error.errors())) from error


def _in_sections(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with all keys of sections in their sections."""
    found = {key: value for key, value in values.items() if key not in JOINED}
    for name in SECTIONS:
        # YAML makes null of a section whose keys are all commented out
        section = {} if found.get(name) is None else found[name]
        joined = {key: values[f"{name}_{key}"] for key in SECTIONS[name].model_fields if f"{name}_{key}" in values}
        if isinstance(section, Mapping):
            section = {**section, **joined}
        found[name] = section
    return found


def _complaint(error: Any) -> str:
    """Return one complaint of pydantic in plain words."""
    where = [str(part) for part in error["loc"]]
    is_of_section = len(where) > 1 and where[0] in SECTIONS
    key = ".".join(where[: 2 if is_of_section else 1])
    if error["type"] == "extra_forbidden":
        return f"config: {_unknown(key)}"
    if error["type"] == "missing":
        return f"config: the key {key!r} is missing: {Config.model_fields[key].description}"
    wrong = error["input"]
    message = error["msg"].lower().partition(", unable")[0]
    if error["type"] == "model_type":
        message = f"write its keys below it: {', '.join(SECTIONS[key].model_fields)}"
    return f"config: {key} = {wrong!r}: {message} (what it means is in config/README.md)"


def _unknown(key: str) -> str:
    """Return what is wrong with a key that there is not, and the key that may be meant."""
    if key in _RENAMED:
        now = _RENAMED[key]
        section, _, name = now.partition(".")
        how = f": write {section}: {{{name}: …}}, or --config {section}_{name}=…" if name else f": write {now}"
        return f"the key {key!r} is {now!r} now{how}"
    if "." in key:
        known = [".".join(names) for names in JOINED.values()]
    else:
        known = [*(name for name in Config.model_fields if name not in SECTIONS), *JOINED, *SECTIONS]
    return f"unknown key {key!r}{nearest(key, known)} (all keys are in config/README.md)"


def set_crds_variables(config: Config) -> None:
    """Set CRDS's variables as a configuration wants them, but for those that are set already."""
    if config.crds.path:
        os.environ.setdefault("CRDS_PATH", str(Path(config.crds.path).expanduser().absolute()))
    if config.crds.server_url:
        os.environ.setdefault("CRDS_SERVER_URL", config.crds.server_url)


def save_run_config(config: Config) -> None:
    """Keep the configuration of a run, with what the environment puts in its place, and without passwords.

    Raises
    ------
    UserError
        It cannot be written.
    """
    values = config.model_dump(mode="json")
    values["crds"] |= {key: os.environ[name] for key, name in _CRDS_VARIABLES.items() if os.environ.get(name)}
    path = Path(RUN_FILE.format(batch=config.batch))
    try:
        atomic_write(path, f"{without_passwords(json.dumps(values, indent=2))}\n")
    except OSError as error:
        raise UserError(f"cannot write {path} ({error.strerror}): check space and permissions there") from error


@contextlib.contextmanager
def keep_why_not_started(batch: str) -> Iterator[None]:
    """Keep the error of a block that checks a batch before it starts, for its report, and forget an earlier one."""
    path = Path(NOT_STARTED_FILE.format(batch=batch))
    try:
        yield
    except (UserError, StoreError) as error:
        with contextlib.suppress(OSError):
            atomic_write(path, f"{error}\n")
        raise
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def why_not_started(batch: str) -> str:
    """Return why the last run over a batch in this folder did not start; empty where it did."""
    try:
        return one_line(Path(NOT_STARTED_FILE.format(batch=batch)).read_text(errors="replace"))
    except OSError:
        return ""


def read_run_config(batch: str) -> Config | None:
    """Return the configuration of the last run over a batch in this folder; none where there is none to be used."""
    path = Path(RUN_FILE.format(batch=batch))
    try:
        return load_config(json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, UserError) as error:
        print(f"note: {path} is passed over ({one_line(error)})", file=sys.stderr)
        return None
