"""Errors of the answers to rules, said in one line."""

import contextlib
import threading
from collections.abc import Iterator

from hstdputils.errors import UserError
from hstdputils.store import StoreError


class RunError(Exception):
    """A question cannot be answered; ``str()`` is the line that says why."""


@contextlib.contextmanager
def said_in_one_line() -> Iterator[None]:
    """End the run with the line that an error says; Snakemake would put a trace and text of its own around it.

    In a thread of an executor, which would end without a word and leave Snakemake waiting, the error is raised to it.
    """
    try:
        yield
    except (UserError, StoreError) as error:
        is_main = threading.current_thread() is threading.main_thread()
        raise (SystemExit if is_main else RunError)(f"error: {error}") from None
