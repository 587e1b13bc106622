"""A progress bar for transfers, where standard error is a terminal."""

import contextlib
import sys
from collections.abc import Iterator

from hstdputils.core.text import console
from hstdputils.store.transfers import Advance

_are_shown = True


@contextlib.contextmanager
def without_bars() -> Iterator[None]:
    """Show no bars while the block runs, for which its caller has one of its own."""
    global _are_shown
    _are_shown = False
    try:
        yield
    finally:
        _are_shown = True


@contextlib.contextmanager
def transfer_bar(name: str, total: int) -> Iterator[Advance]:
    """Give a function that counts bytes, and show them on a terminal."""
    if not _are_shown or not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=total)
        yield lambda count: bar.advance(task, count)


@contextlib.contextmanager
def count_bar(name: str, total: int) -> Iterator[Advance]:
    """Give a function that counts things, and show them on a terminal."""
    if not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=total)
        yield lambda count: bar.advance(task, count)
