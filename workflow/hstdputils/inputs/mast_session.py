"""A session with MAST: astroquery, with time limits, the user's token, and errors of one line each."""

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema

from hstdputils.core.errors import ExitCode
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.core.terminal import Advance
from hstdputils.core.text import one_line
from hstdputils.inputs.source import Item
from hstdputils.supervision.stopping import pause

with warnings.catch_warnings(action="ignore"):
    from astroquery.exceptions import LoginError, RemoteServiceError
    from astroquery.mast import ObservationsClass, conf

TOKEN = "MAST_API_TOKEN"
"""The variable with the token of a user who may read data that are not public yet; the name is astroquery's."""


TOKENS_PAGE = "https://auth.mast.stsci.edu/tokens"
"""Where users make such tokens."""


SECONDS = (15.0, 120.0)
"""How long MAST may take to connect, and how long it may say nothing."""


CONNECTIONS = 16
"""Connections that stay open."""


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

    def observations_of(self, proposal: int) -> list[str]:
        """Return the names of all observations of a proposal, in the case that MAST has them in."""
        what = f"cannot ask {conf.server} for proposal {proposal}"
        with mast_errors(what), warnings.catch_warnings(action="ignore"):
            found = self._observations.query_criteria(obs_collection="HST", proposal_id=[str(proposal)])
            return [str(name) for name in found["obs_id"]] if len(found) else []

    def size(self, uri: str) -> int:
        """Return the size of a file, from the service that sends it."""
        with mast_errors(f"cannot ask {conf.server} for {uri}"):
            answer = self._http.head(self._files_url, params={"uri": uri}, headers=_PLAIN, allow_redirects=True)
            answer.raise_for_status()
            return int(answer.headers["Content-Length"])

    def append_rest(self, uri: str, part: Path, have: int, advance: Advance) -> None:
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

    def read_part(self, uri: str, start: int, size: int) -> bytes:
        """Return bytes of a file from one on; of what a server without ranges sends, no more is read than that."""
        headers = _PLAIN | {"Range": f"bytes={start}-{start + size - 1}"}
        with (
            mast_errors(f"cannot read {uri} from {conf.server}"),
            self._http.get(self._files_url, params={"uri": uri}, headers=headers, stream=True) as answer,
        ):
            if answer.status_code == 416:
                return b""  # the file ends before
            answer.raise_for_status()
            skipped = 0 if answer.status_code == 206 else start
            data = b""
            for chunk in answer.iter_content(_CHUNK):
                data += chunk
                if len(data) >= skipped + size:
                    break
                pause(0)
            return data[skipped : skipped + size]

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


@contextlib.contextmanager
def mast_errors(what: str) -> Iterator[None]:
    """Raise `ConnectionError` for errors of MAST that may pass, and `AttemptFailed` for others.

    Parameters
    ----------
    what
        What cannot be done, to begin the line with.
    """
    try:
        yield
    except LoginError as error:
        reason = f"{what}: MAST does not accept the token in {TOKEN}: make a new one at {TOKENS_PAGE}, or unset it"
        raise _failed(reason, Outcome.BAD_INPUT) from error
    except requests.HTTPError as error:
        raise _refused(what, error) from error
    except (InvalidURL, InvalidSchema, MissingSchema) as error:
        reason = f"{what}: the server's address is not a URL: correct it in astroquery.cfg"
        raise _failed(reason, Outcome.BAD_INPUT) from error
    except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
        raise ConnectionError(f"{what}: {_cause(error)}: check the network") from error
    except (requests.RequestException, RemoteServiceError, TimeoutError) as error:
        raise ConnectionError(f"{what}: {one_line(error)}: try again later") from error
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        reason = f"its answer is not what astroquery expects ({type(error).__name__}: {one_line(error)})"
        raise _failed(f"{what}: {reason}: try again later, or with a newer astroquery") from error


def _refused(what: str, error: requests.HTTPError) -> Exception:
    """Return the error for an answer other than success."""
    assert error.response is not None, "raise_for_status() sets it"
    status = error.response.status_code
    if status in (401, 403):
        fix = f"set {TOKEN} to the token of somebody who may read it ({TOKENS_PAGE})"
        if os.environ.get(TOKEN):
            fix = f"the owner of {TOKEN} may not read it: ask the program's investigator, or set another token"
        return _failed(f"{what}: it is not public: {fix}", Outcome.BAD_INPUT)
    reason = f"{what}: MAST answered {status} ({error.response.reason}): try again later"
    return ConnectionError(reason) if status >= 500 or status in (408, 429) else _failed(reason)


def _failed(reason: str, outcome: Outcome = Outcome.STORAGE_ERROR) -> AttemptFailed:
    return AttemptFailed(outcome, ExitCode.MAST, reason)


def _cause(error: Exception) -> str:
    """Return the innermost cause of an error of requests, without what its layers say around it."""
    cause = one_line(error).rpartition(": ")[2].strip("'\")(") or type(error).__name__
    return f"{cause})" if cause.count("(") > cause.count(")") else cause
