"""Errors of MAST and of the way there, in one line each."""

import contextlib
import os
from collections.abc import Iterator

import requests
from astroquery.exceptions import LoginError, RemoteServiceError
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema

from hstdputils.core.exit_codes import ExitCode
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.core.text import one_line

TOKEN = "MAST_API_TOKEN"
"""The variable with the token of a user who may read data that are not public yet; the name is astroquery's."""


TOKENS_PAGE = "https://auth.mast.stsci.edu/tokens"
"""Where users make such tokens."""


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
        reason = f"{what}: the server's address is no URL: correct it in astroquery.cfg"
        raise _failed(reason, Outcome.BAD_INPUT) from error
    except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
        raise ConnectionError(f"{what}: {_cause(error)}: check the network") from error
    except (requests.RequestException, RemoteServiceError, TimeoutError) as error:
        raise ConnectionError(f"{what}: {one_line(error)}: try again later") from error
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        reason = f"its answer is not what astroquery expects ({type(error).__name__}: {one_line(error)})"
        raise _failed(f"{what}: {reason}: try again later, or with a newer astroquery") from error


def _refused(what: str, error: requests.HTTPError) -> Exception:
    """Return the error for an answer that is no success."""
    assert error.response is not None, "raise_for_status() sets it"
    status = error.response.status_code
    if status in (401, 403):
        mend = f"set {TOKEN} to the token of somebody who may read it ({TOKENS_PAGE})"
        if os.environ.get(TOKEN):
            mend = f"whom {TOKEN} stands for may not read it: ask the program's investigator, or set another token"
        return _failed(f"{what}: it is not public: {mend}", Outcome.BAD_INPUT)
    reason = f"{what}: MAST answered {status} ({error.response.reason}): try again later"
    return ConnectionError(reason) if status >= 500 or status in (408, 429) else _failed(reason)


def _failed(reason: str, outcome: Outcome = Outcome.STORAGE_ERROR) -> AttemptFailed:
    return AttemptFailed(outcome, ExitCode.MAST, reason)


def _cause(error: Exception) -> str:
    """Return the innermost cause of an error of requests, without what its layers say around it."""
    return one_line(error).rpartition(": ")[2].strip("'\")(") or type(error).__name__
