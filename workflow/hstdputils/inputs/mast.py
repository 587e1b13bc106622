"""Inputs from MAST, the archive of HST's data.

What is asked there takes seconds, so that planning asks it for nothing.
"""

import contextlib
import os
import re
import threading
import warnings
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.core.terminal import Advance
from hstdputils.core.text import one_line
from hstdputils.inputs.source import Item, Source, Wanted, suffix_of
from hstdputils.store.transfers import fetch_rest, with_retries

if TYPE_CHECKING:
    from hstdputils.inputs.mast_session import MastSession


URI = "mast:"
"""MAST as a source."""


class MastSource(Source):
    """MAST. What it says of a dataset is remembered for other names of the visit.

    MAST lists the files of an association's members with the association, and does not always know the members by
    themselves; a name that it does not know is looked for among all files of its visit.
    """

    exit_code = ExitCode.MAST
    is_quick = False

    def __init__(self, uri: str = URI) -> None:
        if uri not in (URI, f"{URI}//"):
            raise UserError(f"{uri!r} is not a source of inputs: MAST is {URI}")
        self.uri = URI
        self._opened: MastSession | None = None
        self._visit = ""
        self._listed: dict[str, dict[str, Item]] = {}
        self._lock = threading.RLock()

    def reach(self, seconds: float) -> str:
        """See `Source.reach`: MAST is asked for a file that it does not have, and shown the user's token if any."""
        import requests

        with warnings.catch_warnings(action="ignore"):
            from astroquery.mast import conf

        parameters = {"uri": "mast:HST/product/hstdputils_doctor.fits"}
        address = f"{conf.server}/api/v0.1/Download/file"
        try:
            status = requests.head(address, params=parameters, timeout=seconds).status_code
        except requests.RequestException as error:
            reason = re.split(r": |\] ", one_line(error))[-1].strip("'\")(") or type(error).__name__
            text = f"MAST ({conf.server}) does not answer ({reason}): check the network"
            raise AttemptFailed(Outcome.STORAGE_ERROR, ExitCode.MAST, text) from error
        if status >= 500:
            text = f"MAST ({conf.server}) answers {status}: try again later"
            raise AttemptFailed(Outcome.STORAGE_ERROR, ExitCode.MAST, text)
        if not os.environ.get("MAST_API_TOKEN"):
            return f"{self.uri} ({conf.server}) answers"
        self._session()
        return f"{self.uri} ({conf.server}) answers, and knows the token"

    def list_files(self, name: str, is_wanted: Wanted, association: str = "") -> Iterator[list[Item]]:
        """See `Source.list_files`: one query, where the files have not come with another name of the visit."""
        for pattern in ("", name, f"{name[:6]}*"):
            with self._lock:
                if name[:6] != self._visit:
                    self._visit, self._listed = name[:6], {}
                if pattern:
                    self._list(pattern)
                items = list(self._listed.get(name, {}).values())
            yield [item for item in items if is_wanted(item.name)]

    def read_part(self, item: Item, start: int, size: int) -> bytes:
        """See `Source.read_part`."""
        with _in_one_line():
            return with_retries(lambda: self._session().read_part(item.location, start, size))

    def files(self, name: str, suffixes: Collection[str], association: str = "") -> list[Item]:
        """See `Source.files`; their sizes are asked for where the list does not say them."""
        return [self._with_size(item) for item in super().files(name, suffixes, association)]

    def tarball(self, name: str) -> Item | None:
        """See `Source.tarball`: MAST has none."""
        return None

    def near(self, name: str) -> list[str]:
        """See `Source.near`: of what has come with `files`."""
        return sorted(self._listed.get(name, {}))

    def tables(self, visit: str) -> list[Item]:
        """See `Source.tables`: of what has come with `files`."""
        listed = [item for items in self._listed.values() for item in items.values()]
        return [self._with_size(item) for item in listed if item.name[:6] == visit and suffix_of(item.name) == "asn"]

    def named(self, file_name: str, folders: Sequence[str]) -> Item | None:
        """See `Source.named`: MAST has exposures of visit mosaics, as observations, and no poller files."""
        if not file_name.startswith("hst_"):
            return None
        with self._lock:
            self._list(file_name.rpartition("_")[0])
            item = self._listed.get("hst", {}).get(file_name)
        return self._with_size(item) if item else None

    def fetch(self, item: Item, target: Path, advance: Advance) -> None:
        """See `Source.fetch`: a transfer that is cut goes on where it stopped."""
        part = target.with_name(f"{target.name}.part")
        with _in_one_line():
            session = self._session()
            size = fetch_rest(part, item.size, lambda have: session.append_rest(item.location, part, have, advance))
            if size == item.size:
                part.rename(target)
                return
        reason = f"{item.location} came with {size} bytes, not {item.size}: try again later"
        raise AttemptFailed(Outcome.STORAGE_ERROR, ExitCode.MAST, reason)

    def _list(self, obs_id: str) -> None:
        """Remember all files that MAST has of an observation."""
        with _in_one_line():
            items = with_retries(lambda: self._session().products(obs_id))
        for item in items:
            self._listed.setdefault(item.name.partition("_")[0], {})[item.name] = item

    def _with_size(self, item: Item) -> Item:
        """Return the file with its size, which MAST's list does not always say."""
        if item.size >= 0:
            return item
        with _in_one_line():
            return replace(item, size=with_retries(lambda: self._session().size(item.location)))

    def _session(self) -> "MastSession":
        """Return the session, begun when MAST is first asked, since its library takes a second to import."""
        with self._lock:
            if self._opened is None:
                from hstdputils.inputs.mast_session import MastSession

                session = MastSession()
                session.log_in()
                self._opened = session
            return self._opened


@contextlib.contextmanager
def _in_one_line() -> Iterator[None]:
    """Turn errors that did not pass, and those of the disk, into the end of the attempt."""
    try:
        yield
    except ConnectionError as error:
        raise AttemptFailed(Outcome.STORAGE_ERROR, ExitCode.MAST, str(error)) from error
    except OSError as error:
        reason = f"cannot save a download: {error}: free some space"
        raise AttemptFailed(Outcome.STORAGE_ERROR, ExitCode.MAST, reason) from error
