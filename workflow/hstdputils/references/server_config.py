"""What CRDS remembers of its server: operational context and bad files, in ``config/hst`` of the cache."""

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hstdputils.errors import UserError, one_line
from hstdputils.exit_codes import ExitCode
from hstdputils.references.bringing import cache_alone
from hstdputils.references.loading import load_crds
from hstdputils.references.settings import CrdsSettings


def write_config(settings: CrdsSettings, info: Mapping[str, Any]) -> None:
    """Write what the server says of itself into the cache, unless it is there already.

    Sizes and checksums of all files are left out: CRDS needs them for downloads alone, and reads the file each time.
    """
    kept = {key: value for key, value in info.items() if key != "download_metadata"}
    kept = {"last_synced": "unknown", **kept}
    lines = [f" {key!r}: {value!r}," for key, value in sorted(kept.items())]
    bad = "\n".join(info.get("bad_files_list", []))
    folder = settings.config_file.parent
    wanted = {settings.config_file: "\n".join(["{", *lines, "}", ""]), folder / "bad_files.txt": bad}
    if all(path.is_file() and path.read_text() == text for path, text in wanted.items()):
        return
    with cache_alone(settings.cache):
        folder.mkdir(parents=True, exist_ok=True)
        # flat, or a folder for each instrument: CRDS decides once for a new cache, and writes it down
        load_crds().config.get_crds_ref_subdir_mode("hst")
        for path, text in wanted.items():
            _write(path, text)


def read_config(settings: CrdsSettings) -> Any:
    """Return what the cache has of it.

    Raises
    ------
    UserError
        The file cannot be read.
    """
    try:
        info = load_crds().core.heavy_client.get_config_info("hst")
        assert info.operational_context is not None
        assert info.bad_files_set is not None
    except (SyntaxError, ValueError, KeyError, AttributeError, AssertionError, SystemExit) as error:
        what = f"{settings.config_file} is broken, CRDS cannot read it: sync the cache"
        raise UserError(what, ExitCode.REFERENCES) from error
    except Exception as error:
        reason = one_line(error) or type(error).__name__
        what = f"CRDS cannot read {settings.config_file} ({reason}): see to that, or sync the cache"
        raise UserError(what, ExitCode.REFERENCES) from error
    return info


def _write(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        part.write_text(text)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
