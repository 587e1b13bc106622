"""Best reference files: CRDS names them, and this checks that each can be used."""

import contextlib
import fcntl
import gc
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from hstdputils.errors import UserError, one_line
from hstdputils.exit_codes import ExitCode
from hstdputils.inputs import RawFile
from hstdputils.logs import AttemptLog, LogHandler
from hstdputils.outcomes import AttemptFailed, Outcome

SERVERLESS = "https://hst-serverless-mode.stsci.edu"
"""The address that tells CRDS to work from its cache alone."""

_REFERENCE = re.compile(r"([a-z]ref)\$(\S+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class BestReferences:
    """The reference files of one dataset."""

    files: dict[str, Path]
    """Paths in the cache, by file name."""
    variables: dict[str, str]
    """Environment variables that calibration programs find them by (``lref`` and its like)."""


class Crds:
    """CRDS, set up by its own variables.

    In serverless mode (``CRDS_SERVER_URL`` unset, or the serverless address) everything comes from the cache that
    ``CRDS_PATH`` names, which is only read. With a server, the cache grows: what is missing is downloaded, by one
    process at a time, so that none takes another's unfinished download for a file.
    """

    def __init__(self) -> None:
        os.environ.setdefault("CRDS_OBSERVATORY", "hst")
        server = os.environ.setdefault("CRDS_SERVER_URL", SERVERLESS)
        self.is_growing = "serverless" not in server and os.environ.get("CRDS_READONLY_CACHE", "0") != "1"
        default = str(Path.home() / "crds_cache") if self.is_growing else "/grp/crds/cache"
        self.cache = Path(os.environ.setdefault("CRDS_PATH", default))
        self._loaded: ModuleType | None = None
        if self.is_growing:
            self._make_cache()
        elif not self._config_file.is_file():
            raise UserError(
                f"{self.cache} is no CRDS cache for HST (no config/hst/server_config in it): set CRDS_PATH",
                ExitCode.REFERENCES,
            )

    def resolve_context(self, wanted: str | None) -> str:
        """Return the context to use: the one wanted, or else the operational context of server or cache.

        Raises
        ------
        UserError
            Neither cache nor server has the context.
        """
        crds = self._crds()
        with self._cache_alone():
            context = wanted or str(self._config().operational_context)
            if self.is_growing:
                self._bring_mappings(context)
        if not Path(crds.locate_mapping(context, "hst")).is_file():
            known = sorted(path.name for path in (self.cache / "mappings" / "hst").glob("*.pmap"))
            raise UserError(
                f"CRDS context {context!r} is not in the cache {self.cache}, which has "
                f"{', '.join(known[-5:]) or 'none'}: name one of these, or sync the cache",
                ExitCode.REFERENCES,
            )
        return context

    def assign(self, raws: list[RawFile], context: str, log: AttemptLog) -> BestReferences:
        """Write the names of the best references into the headers of the raw files.

        Raises
        ------
        AttemptFailed
            A reference is bad-listed, unknown or missing in the cache (``no_references``); the file is named.
        """
        crds = self._crds()
        with self._logged(log) as handler, self._cache_alone(), contextlib.chdir(raws[0].path.parent):
            raw_names = [raw.path.name for raw in raws]
            crds.assign_bestrefs(raw_names, context=context, sync_references=self.is_growing)
        files, variables = self._assigned(raws)
        bad_files = {name.lower() for name in self._config().bad_files_set}
        if bad := sorted(name for name in files if name.lower() in bad_files):
            raise _no_references(f"CRDS lists {', '.join(bad)} as bad under {context}: use a later context")
        if handler.errors and "Error fetching data" in handler.errors[0]:
            reason = f"CRDS cannot download: {handler.errors[0]}: check the network and CRDS_SERVER_URL"
            raise AttemptFailed(Outcome.STORAGE_ERROR, ExitCode.REFERENCES, reason)
        if handler.errors:
            raise _no_references(self._explained(handler.errors[0], context))
        if missing := sorted(name for name, path in files.items() if not path.is_file()):
            names = ", ".join(missing[:4]) + (f" and {len(missing) - 4} more" if len(missing) > 4 else "")
            raise _no_references(f"missing in the CRDS cache {self.cache}: {names}: sync the cache with {context}")
        if broken := sorted(name for name, path in files.items() if not _begins_as_fits(path)):
            raise _no_references(f"{', '.join(broken)} in the CRDS cache {self.cache} is no FITS file: sync it anew")
        log.write("references", f"{context}: {', '.join(sorted(files)) or 'none needed'}")
        return BestReferences(files, variables)

    def _config(self) -> Any:
        """Return what CRDS knows of its server: the operational context and the list of bad files.

        Raises
        ------
        UserError
            The file with it cannot be read.
        """
        try:
            info = self._crds().core.heavy_client.get_config_info("hst")
            assert info.operational_context is not None
            assert info.bad_files_set is not None
        except (Exception, SystemExit) as error:
            what = f"{self._config_file} is broken, CRDS cannot read it: sync the cache"
            if self.is_growing:
                server = os.environ["CRDS_SERVER_URL"]
                what = f"the CRDS server {server} does not answer: check the network and CRDS_SERVER_URL"
            raise UserError(what, ExitCode.REFERENCES) from error
        return info

    def _make_cache(self) -> None:
        try:
            self.cache.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"cannot make the CRDS cache {self.cache} ({error.strerror}): set CRDS_PATH", ExitCode.REFERENCES
            ) from error

    def _bring_mappings(self, context: str) -> None:
        """Download the mappings of a context that the cache does not have."""
        try:
            self._crds().client.api.dump_mappings(context)
        except (Exception, SystemExit) as error:
            server = os.environ["CRDS_SERVER_URL"]
            raise UserError(
                f"the CRDS server {server} has no context {context!r}, or does not answer ({one_line(error)}): check "
                "the context's name, the network and CRDS_SERVER_URL",
                ExitCode.REFERENCES,
            ) from error

    @contextlib.contextmanager
    def _cache_alone(self) -> Iterator[None]:
        """Keep other processes from a cache that may grow while the block runs."""
        if not self.is_growing:
            yield
            return
        with (self.cache / ".hstdputils.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @property
    def _config_file(self) -> Path:
        return self.cache / "config" / "hst" / "server_config"

    def _explained(self, error: str, context: str) -> str:
        """Return an error of CRDS with its mend."""
        if "server-less mode" in error:
            return f"a mapping of {context} is missing or broken in the CRDS cache {self.cache}: sync the cache"
        return f"CRDS under {context}: {error}: use another context, or check the header of the raw file"

    def _assigned(self, raws: list[RawFile]) -> tuple[dict[str, Path], dict[str, str]]:
        """Return the references that the headers name now, and the variables for their folders."""
        from astropy.io import fits

        files: dict[str, Path] = {}
        variables: dict[str, str] = {}
        for raw in raws:
            for value in fits.getheader(raw.path).values():
                if isinstance(value, str) and (match := _REFERENCE.fullmatch(value.strip())):
                    path = Path(self._crds().locate_file(match[2], "hst"))
                    files[match[2]] = path
                    variables[match[1].lower()] = f"{path.parent}/"
        return files, variables

    def _crds(self) -> ModuleType:
        """Import CRDS, once; it takes most of the fixed time of a dataset."""
        if self._loaded is None:
            gc.disable()
            import crds
            import crds.core.heavy_client
            import crds.core.log

            # CRDS collects garbage after every dataset: seven times 45 ms over the objects of its own import.
            gc.freeze()
            gc.enable()
            crds.core.log.remove_console_handler()
            logging.getLogger("CRDS").addHandler(logging.NullHandler())
            self._loaded = crds
        return self._loaded

    @contextlib.contextmanager
    def _logged(self, log: AttemptLog) -> Iterator[LogHandler]:
        """Send what CRDS says to the attempt's log."""
        handler = LogHandler(log, "crds")
        logger = logging.getLogger("CRDS")
        logger.addHandler(handler)
        try:
            yield handler
        except SystemExit as error:
            reason = handler.errors[-1] if handler.errors else "CRDS gave up"
            raise _no_references(f"{reason} (cache {self.cache})") from error
        finally:
            logger.removeHandler(handler)


def _begins_as_fits(path: Path) -> bool:
    with path.open("rb") as file:
        return path.suffix != ".fits" or file.read(6) == b"SIMPLE"


def _no_references(reason: str) -> AttemptFailed:
    return AttemptFailed(Outcome.NO_REFERENCES, ExitCode.REFERENCES, reason)
