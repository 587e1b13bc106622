"""What all commands share: an error is one line with its status, old names of options work, values are checked."""

import argparse

import pytest

from hstdputils.core import command_line
from hstdputils.core.errors import ExitCode, StoreError, UserError


def raising(error: BaseException):
    def command(arguments):
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (UserError("no such list: correct it"), 2, "error: no such list: correct it"),
        (UserError("MAST is away", ExitCode.MAST), 22, "error: MAST is away"),
        (StoreError("cannot reach s3://me:secret@x"), 25, "error: cannot reach s3://x"),
        (
            OSError(28, "No space left on device", "out.txt"),
            1,
            "error: out.txt: No space left on device: check space",
        ),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
)
def test_an_error_is_one_line_with_its_exit_status(capsys, error, status, line):
    assert command_line.run(raising(error), []) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(line)
    assert err.count("\n") == 1


def test_an_option_under_its_old_name_works_and_its_name_is_given(capsys):
    parser = command_line.parser("x", "text", "examples")
    command_line.add_old_name(parser, "--old", parser.add_argument("--new", type=int))
    assert parser.parse_args(["--old", "5"]).new == 5
    assert capsys.readouterr().err == "note: --old is --new now\n"
    assert "--old" not in parser.format_help()


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "x", ""])
def test_what_is_not_above_zero(text):
    with pytest.raises(argparse.ArgumentTypeError, match="is not a whole number above 0"):
        command_line.above_zero(text)


def test_seconds_between_two_bounds():
    read = command_line.seconds_between(0.5, 60)
    assert (read("0.5"), read("60")) == (0.5, 60)
    for text in ("0.49", "60.1", "nan", "x"):
        with pytest.raises(argparse.ArgumentTypeError, match=r"not a number of seconds from 0\.5 to 60"):
            read(text)


def test_what_follows_two_dashes():
    assert command_line.split_at_dashes(["a", "--", "b", "--", "c"]) == (["a"], ["b", "--", "c"])
    assert command_line.split_at_dashes(["a"]) == (["a"], ())
