"""Tables on the terminal."""

import io

import pytest
from rich.console import Console

from hstdputils.core.terminal import print_table

ROWS = [("ldem01acq", "12"), ("x\x1b[2J\u202e", "7")]


def printed(width=None, **options):
    out = io.StringIO()
    console = Console(file=out, force_terminal=bool(width), width=width or 20, color_system=None)
    print_table(console, ("dataset", "MiB of memory"), ROWS, right=[1], **options)
    return out.getvalue().splitlines()


def test_a_pipe_gets_whole_lines_in_columns():
    assert printed() == [
        "dataset         MiB of memory",
        "ldem01acq                  12",
        r"x\x1b[2J\u202e              7",
    ]


@pytest.mark.parametrize("width", [12, 25, 30])
def test_a_terminal_cuts_lines_at_its_width(width):
    assert max(map(len, printed(width))) <= width
    assert printed(width)[1].startswith("ldem01acq  ")


def test_what_goes_below_a_row():
    assert [line.strip() for line in printed(below=["", "more of it"])][1:] == [
        "ldem01acq                  12",
        r"x\x1b[2J\u202e              7",
        "more of it",
    ]
