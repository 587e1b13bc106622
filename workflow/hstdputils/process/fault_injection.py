"""Fault injection: an outcome that operators force upon attempts, to see what follows from it."""

import os

from hstdputils.core.errors import UserError
from hstdputils.core.outcomes import AttemptFailed, Outcome
from hstdputils.core.text import nearest

VARIABLE = "HSTDP_FAULT"
"""The environment variable that says which: ``<outcome>``, or ``<outcome>:<ipppssoot>`` for one dataset alone."""


def forced_outcome(ipppssoot: str) -> Outcome | None:
    """Return the outcome that is forced upon a dataset, or none.

    Raises
    ------
    UserError
        The variable does not name an outcome.
    """
    text = os.environ.get(VARIABLE, "")
    word, _, name = text.partition(":")
    if not word:
        return None
    known = [str(outcome) for outcome in Outcome]
    if word not in known:
        raise UserError(
            f"{VARIABLE}={text}: {word!r} is not a valid outcome{nearest(word, known)}: give {', '.join(known)}"
        )
    return Outcome(word) if name.lower() in ("", ipppssoot) else None


def force_outcome(ipppssoot: str) -> None:
    """End the attempt here where an outcome is forced upon it.

    Raises
    ------
    AttemptFailed
        With the outcome that is forced.
    """
    outcome = forced_outcome(ipppssoot)
    if outcome is not None and outcome is not Outcome.SUCCEEDED:
        raise AttemptFailed(outcome, outcome.exit_code, f"fault injection: {VARIABLE}={os.environ[VARIABLE]}")
