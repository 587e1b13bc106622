"""What commands print: text that others wrote is shown, and never obeyed by a terminal."""

import contextlib
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from hstdputils.errors import visible


class VisibleStream:
    """A stream that shows what would steer a terminal, as `visible` does; all else is its own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write text."""
        return self.stream.write(visible(text))

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        self.stream.writelines(map(visible, lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextlib.contextmanager
def shown_only() -> Iterator[None]:
    """Let all that is printed while the block runs go through `VisibleStream`."""
    out, error = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (stream and VisibleStream(stream) for stream in (out, error))  # type: ignore[assignment]
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, error


def console(*, stderr: bool = False) -> Any:
    """Return a console of rich whose own colours are obeyed, while texts are shown as they are."""
    from rich.console import Console
    from rich.segment import Segment

    class VisibleConsole(Console):
        def render(self, *arguments: Any, **options: Any) -> Iterator[Segment]:
            for segment in super().render(*arguments, **options):
                yield segment if segment.control else Segment(visible(segment.text), segment.style)

    stream = sys.stderr if stderr else sys.stdout
    return VisibleConsole(file=getattr(stream, "stream", stream), highlight=False)
