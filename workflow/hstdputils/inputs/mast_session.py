"""A session with MAST: astroquery, kept quiet, with time limits and the user's token."""

import logging
import os
import warnings
from pathlib import Path
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from hstdputils.inputs.source import Advance, Item
from hstdputils.supervision.stopping import pause

with warnings.catch_warnings(action="ignore"):
    from astroquery.mast import ObservationsClass, conf

    from hstdputils.inputs.mast_errors import TOKEN, mast_errors


SECONDS = (15.0, 120.0)
"""How long MAST may take to connect, and how long it may say nothing."""


CONNECTIONS = 16
"""Connections that are kept open."""


_CHUNK = 2**16


_PLAIN = {"Accept": "*/*", "Accept-Encoding": "identity"}


class MastSession:
    """What MAST is asked: which files an observation has, and the files.

    All methods raise `ConnectionError` where the same request may succeed a little later, and `AttemptFailed`
    where it will not; both say in one line what is wrong.
    """

    def __init__(self) -> None:
        logging.getLogger("astroquery").disabled = True
        self._observations = ObservationsClass()
        self._http = self._observations._session
        # astroquery's own hook makes texts for its log of every request, with the token in them
        self._http.hooks["response"] = [_raise_if_broken]
        for scheme in ("http://", "https://"):
            self._http.mount(scheme, _LimitedAdapter(pool_maxsize=CONNECTIONS))

    def log_in(self) -> None:
        """Show MAST the user's token, where there is one."""
        if token := os.environ.get(TOKEN):
            with mast_errors(f"cannot log in at {conf.server}"):
                self._observations.login(token=token)

    def products(self, obs_id: str) -> list[Item]:
        """Return all files of an observation, of any kind; ``*`` stands for any characters.

        The size is -1 where MAST does not say it.
        """
        names = [obs_id] if "*" in obs_id else [obs_id, obs_id.upper()]
        with mast_errors(f"cannot ask {conf.server} for {obs_id}"), warnings.catch_warnings(action="ignore"):
            found = self._observations.query_criteria(obs_collection="HST", obs_id=names)
            if not len(found):
                return []
            table = self._observations.get_product_list([str(number) for number in found["obsid"]])
            sizes = table["size"].filled(-1)
            return [
                Item(str(row["productFilename"]).lower(), int(size), str(row["dataURI"]))
                for row, size in zip(table, sizes, strict=True)
            ]

    def size(self, uri: str) -> int:
        """Return the size of a file, from the service that sends it."""
        with mast_errors(f"cannot ask {conf.server} for {uri}"):
            answer = self._http.head(self._files_url, params={"uri": uri}, headers=_PLAIN, allow_redirects=True)
            answer.raise_for_status()
            return int(answer.headers["Content-Length"])

    def read_on(self, uri: str, part: Path, have: int, advance: Advance) -> None:
        """Append to ``part`` what it lacks of a file; a server without ranges sends it all anew."""
        headers = _PLAIN | ({"Range": f"bytes={have}-"} if have else {})
        with (
            mast_errors(f"cannot read {uri} from {conf.server}"),
            self._http.get(self._files_url, params={"uri": uri}, headers=headers, stream=True) as answer,
            part.open("ab") as out,
        ):
            if have and answer.status_code == 416:
                return  # the file is shorter than MAST's list says
            answer.raise_for_status()
            if have and answer.status_code != 206:
                out.truncate(0)
                advance(-have)
            for chunk in answer.iter_content(_CHUNK):
                out.write(chunk)
                advance(len(chunk))
                pause(0)

    @property
    def _files_url(self) -> str:
        return str(self._observations._portal_api_connection.MAST_DOWNLOAD_URL)


class _LimitedAdapter(HTTPAdapter):
    """An adapter whose requests end, since astroquery gives none of its own a time limit."""

    def send(self, request: PreparedRequest, *arguments: Any, **options: Any) -> Response:
        """Send a request."""
        options["timeout"] = options.get("timeout") or SECONDS
        return super().send(request, *arguments, **options)


def _raise_if_broken(answer: Response, *arguments: Any, **options: Any) -> None:
    """Raise for 5xx, which astroquery takes for an answer where it logs in."""
    if answer.status_code >= 500:
        answer.raise_for_status()
