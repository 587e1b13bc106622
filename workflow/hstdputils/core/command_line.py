"""What all commands share: their parsers' look, and errors as one line."""

import argparse
import contextlib
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

from hstdputils import __version__
from hstdputils.core.errors import ExitCode, StoreError, UserError, exit_code_table
from hstdputils.core.terminal import only_visible_output
from hstdputils.core.text import nearest, without_passwords

Command = Callable[[Sequence[str]], int]


IDS_HELP = (
    "ipppssoots in any case, names of their files, proposal:12345, @FILE for a list (text, CSV or VOTable of MAST, "
    "packed with gzip or not), - for one on standard input"
)


OUTPUT_HELP = "the store: s3://bucket, a folder, or none to keep the products in the work folder alone"


BATCH_HELP = "the batch's name, which becomes the folder (S3 prefix) of its products in the store"


class _Parser(argparse.ArgumentParser):
    """A parser that says in one line what is wrong with a command line."""

    def error(self, message: str) -> NoReturn:
        """Exit with the line."""
        raise UserError(f"{message}: see {self.prog} --help")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Name the choice that was probably meant where a value is none of them."""
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            text = f"invalid choice: {value!r}{nearest(str(value), choices)} (choose from {', '.join(choices)})"
            raise argparse.ArgumentError(action, text)


def parser(command: str, description: str, examples: str) -> argparse.ArgumentParser:
    """Return a parser for ``python -m hstdputils.<command>``, whose help ends with examples and exit codes."""
    return _Parser(
        prog=f"hstdputils {command}",
        description=description,
        epilog=f"examples:\n{examples}\n\nexit status:\n{exit_code_table()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # --memory of docker is no --memory-mib
    )


def add_version(target: argparse.ArgumentParser) -> None:
    """Add ``--version``."""
    target.add_argument("--version", action="version", version=f"hstdputils {__version__}")


def add_wanted(target: argparse.ArgumentParser) -> None:
    """Add what a workflow says of a plan: the datasets that it must have, and that others may be at work on it."""
    target.add_argument(
        "--wanted",
        metavar="SHA256",
        help="the SHA-256 of the names of the datasets that are wanted, sorted, a line each: a plan of others is not "
        "used (default: what the plan has is wanted)",
    )
    target.add_argument(
        "--wait", action="store_true", help="wait for another process at work on the batch, instead of giving up"
    )


def add_preflight(target: argparse.ArgumentParser, what: str) -> None:
    """Add ``--preflight``, and ``--no-preflight`` for who has checked the set-up already."""
    target.add_argument(
        "--preflight",
        action=argparse.BooleanOptionalAction,
        default=True,
        help=f"before the first job, check {what}, and stop if datasets could not succeed (default: yes)",
    )


class _OldName(argparse.Action):
    """An option under a name that it had before: it works, and a note gives its name now."""

    def __init__(self, option_strings: Sequence[str], dest: str, now: argparse.Action) -> None:
        super().__init__(option_strings, dest, now.nargs, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        self.type, self.choices = now.type, now.choices
        self._now = now

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Do what the option does, and give its name."""
        tell(f"note: {option_string} is {self._now.option_strings[0]} now")
        self._now(parser, namespace, values, option_string)


def add_old_name(target: argparse._ActionsContainer, name: str, option: argparse.Action) -> None:
    """Let an option that takes a value be known by an earlier name too, which no help shows."""
    target.add_argument(name, dest=option.dest, action=_OldName, now=option)


def add_yes(target: argparse._ActionsContainer) -> None:
    """Add ``--yes``, which agrees to what `is_agreed` asks."""
    target.add_argument("--yes", action="store_true", help="do not ask")


def is_agreed(question: str) -> bool:
    """Ask the person at the terminal for agreement.

    Raises
    ------
    UserError
        Standard input is not a terminal.
    """
    if not sys.stdin.isatty():
        raise UserError(f"{question} There is nobody to ask: agree with --yes")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


@contextlib.contextmanager
def naming_how_to_go_on(command: str, arguments: Sequence[str], what: str) -> Iterator[None]:
    """Where Ctrl-C interrupts the block, say what is safe, and the command to go on with, and end.

    Parameters
    ----------
    command, arguments
        The command and its arguments, which can be given again.
    what
        What has been done by then.
    """
    try:
        yield
    except KeyboardInterrupt:
        tell(f"stopped: {what}; to go on: {shlex.join(['hstdputils', command, *arguments])}")
        raise SystemExit(int(ExitCode.INTERRUPTED)) from None


def tell(text: str) -> None:
    """Print a line to standard error, at once."""
    print(without_passwords(text), file=sys.stderr, flush=True)


def split_at_dashes(arguments: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Return the arguments before and after ``--``."""
    if "--" not in arguments:
        return arguments, ()
    place = list(arguments).index("--")
    return arguments[:place], arguments[place + 1 :]


def above_zero(text: str) -> int:
    """Return a whole number above 0, for ``type`` of an option."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def seconds_between(least: float, most: float) -> Callable[[str], float]:
    """Return a function that reads a number of seconds, for ``type`` of an option."""

    def seconds(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from {least:g} to {most:g}")
        return value

    return seconds


def run(command: Command, arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status; an error that a user can cause is one line."""
    _have_home()
    with only_visible_output():
        return _run(command, arguments)


def _have_home() -> None:
    """Name a home, for which many libraries ask, where there is none and the user has no name (docker -u 12345)."""
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = "/nonexistent"  # as Debian has it: none that another user of the machine could make


def _run(command: Command, arguments: Sequence[str] | None) -> int:
    try:
        return command(sys.argv[1:] if arguments is None else arguments)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except StoreError as error:
        print(f"error: {error}", file=sys.stderr)
        return ExitCode.UPLOAD
    except BrokenPipeError:
        sys.stderr.close()
        return ExitCode.GENERAL
    except OSError as error:
        place = error.filename or "standard output"
        print(f"error: {place}: {error.strerror or error}: check space and permissions there", file=sys.stderr)
        if error.filename is None:
            _forget_output()
        return ExitCode.GENERAL
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return ExitCode.INTERRUPTED


def _forget_output() -> None:
    """Send what is left of standard output nowhere, so that Python does not fail at it again when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
