"""The configuration of a batch's last run, kept beside its plan: commands on the batch need not be told it again."""

import json
import os
import sys
from pathlib import Path

from hstdputils.core.config import Config, load_config
from hstdputils.core.errors import UserError
from hstdputils.core.files import atomic_write
from hstdputils.core.text import one_line, without_passwords

RUN_FILE = "results/{batch}/run.json"
"""Where it is kept."""

_CRDS_VARIABLES = {"path": "CRDS_PATH", "server_url": "CRDS_SERVER_URL"}
"""Variables that come before keys of the section ``crds``."""


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
