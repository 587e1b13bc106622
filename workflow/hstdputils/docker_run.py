"""The console commands that run a command, or datasets, in a container on this machine."""

import argparse
import os
import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from hstdputils.containers.mounts import Mount, aws_mounts, certificate_mounts, crds_mounts, mounts_of
from hstdputils.containers.runtime import VARIABLE, environment, find_engine, has_terminal
from hstdputils.core import command_line
from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.text import without_passwords
from hstdputils.process import options as process_options
from hstdputils.records.batch import check_batch_name
from hstdputils.records.plan_rows import COMMAND
from hstdputils.references.crds_settings import crds_settings

_SECRET = re.compile(r"(\w*(?:SECRET|TOKEN|PASSWORD|ACCESS_KEY)\w*=)[^\s'\"]+", re.IGNORECASE)


IMAGE = "calcloud:latest"
"""The image that `make image` builds."""


_DESCRIPTION = """\
Run {what} in a container on this machine, as the user that you are, with docker or podman.

Mounted under the same paths as outside are the CRDS cache (read-only where CRDS only reads it), {sees}
and the variables of AWS, CRDS and MAST are passed without their values on the command line. ~/.aws is mounted
read-only where the environment has no credentials. Servers on this machine's loopback can be reached. Options for
docker or podman themselves, such as --memory=2g, go before a --."""


_EXAMPLES = """\
  {prog} {words}
  {prog} --memory=4g --cpus=2 -- {words}
  {prog} --dry-run {words}"""


def pipeline(arguments: Sequence[str]) -> int:
    """Process datasets in a container: ``hstdp-process`` with the same arguments."""
    parser = _parser(
        "hstdputils-docker-run-pipeline",
        what=COMMAND,
        sees="and the folders of inputs, products and work;",
        words="results my-batch --inputs raws ldfd01vlq",
    )
    parser.usage = "%(prog)s [options] [docker's options --] <output> <batch> <ipppssoot>..."
    options, words = _read(parser, arguments)
    asked = process_options.parse(words)
    check_batch_name(asked.batch)
    return _run(options, [COMMAND, *words], mounts_of(asked), reads_input="-" in getattr(asked, "ipppssoots", []))


def container(arguments: Sequence[str]) -> int:
    """Run any command in a container."""
    parser = _parser(
        "hstdputils-docker-run-container",
        what="any command",
        sees="and the current folder;",
        words="calcos --version",
    )
    parser.usage = "%(prog)s [options] [docker's options --] <command>..."
    options, words = _read(parser, arguments)
    here = Path.cwd()
    # a container has a root folder of its own
    return _run(options, words, [Mount(here, is_writable=True)] if here != here.parent else [], reads_input=True)


def _parser(prog: str, *, what: str, sees: str, words: str) -> argparse.ArgumentParser:
    parser = command_line.parser(
        "", _DESCRIPTION.format(what=what, sees=sees), _EXAMPLES.format(prog=prog, words=words)
    )
    parser.prog = prog
    command_line.add_version(parser)
    parser.add_argument(
        "--image",
        default=os.environ.get("HSTDP_IMAGE") or IMAGE,
        help=f"the image (default: HSTDP_IMAGE, or {IMAGE} from make image)",
    )
    parser.add_argument("--engine", help=f"docker or podman (default: {VARIABLE}, or the first on PATH)")
    parser.add_argument(
        "--docker-option",
        action="append",
        default=[],
        metavar="OPTION",
        help="an option for docker or podman themselves, such as --docker-option=--memory=2g",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the command, and run nothing")
    return parser


def _read(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Return the options, and the command to run in the container.

    Before a ``--``, unknown options are the engine's. Without a ``--``, the command begins at the first word that is
    not one of this command's options.
    """
    if "--" in arguments:
        end = list(arguments).index("--")
        options, others = parser.parse_known_args(arguments[:end])
        options.docker_option += others
        words = list(arguments[end + 1 :])
    else:
        end = _n_own_options(arguments)
        options, words = parser.parse_args(arguments[:end]), list(arguments[end:])
    if not words:
        raise UserError(f"nothing to run: see {parser.prog} --help")
    return options, words


def _n_own_options(arguments: Sequence[str]) -> int:
    """Return the number of leading words that are this command's own options."""
    at = 0
    while at < len(arguments):
        name, has_value, _ = arguments[at].partition("=")
        if name in ("--image", "--engine", "--docker-option"):
            at += 1 if has_value else 2
        elif name in ("--dry-run", "--help", "-h", "--version"):
            at += 1
        else:
            break
    return at


def _run(options: argparse.Namespace, words: Sequence[str], mounts: Iterable[Mount], *, reads_input: bool) -> int:
    """Replace this process with the engine's program, which passes signals on and returns the exit code."""
    engine = find_engine(options.engine)
    passed = environment(CRDS_PATH=str(crds_settings().cache.absolute()))
    argv = [engine.path, "run", "--rm", *engine.as_user(), f"--workdir={Path.cwd()}", *passed.options()]
    seen = [*mounts, *crds_mounts(), *aws_mounts(), *certificate_mounts()]
    argv += dict.fromkeys(mount.option() for mount in seen)
    if passed.needs_host_network and not any(
        word.startswith(("--net", "--network")) for word in options.docker_option
    ):
        argv.append("--network=host")
    if reads_input:
        argv += ["--interactive", *(["--tty"] if has_terminal() else [])]
    argv += [*options.docker_option, options.image, *words]
    if not options.dry_run:
        sys.stdout.flush()
        os.execv(engine.path, argv)
    print(without_passwords(_SECRET.sub(r"\1***", shlex.join(argv))))
    return ExitCode.SUCCESS


def console_pipeline() -> int:
    """Run as ``hstdputils-docker-run-pipeline``."""
    return command_line.run(pipeline)


def console_container() -> int:
    """Run as ``hstdputils-docker-run-container``."""
    return command_line.run(container)
