"""The console command ``hstdputils <command>``."""

import importlib
import sys
from types import ModuleType

from hstdputils import __version__
from hstdputils.core import command_line
from hstdputils.core.errors import ExitCode
from hstdputils.core.text import nearest

COMMANDS = {
    "plan": "turn a list of datasets into a plan: cores, memory and time for each job",
    "sync": "download the references of a plan into the CRDS cache",
    "process": "calibrate datasets and save their products",
    "run": "process the rows of a plan on this machine, as many at once as fit",
    "submit": "submit the rows of a plan to an engine, such as AWS Batch or HTCondor",
    "watch": "follow the jobs of a batch to their end, and rescue what fails",
    "status": "show the state of each dataset of a batch",
    "list": "list the batches of a store, with the progress of each",
    "cancel": "cancel jobs of a batch, whatever their state",
    "rescue": "submit failed datasets of a batch again",
    "clean": "remove what a batch has left in its store",
    "verify": "read a batch back from its store, and check every marker, manifest and byte",
    "report": "report on the datasets of a batch: outcomes, resources, products",
    "affected": "list the datasets that another CRDS context changes, with the cost of reprocessing",
    "resources": "fit the resource model to finished runs, score it, or explain a prediction",
    "capture": "write the AWS Batch resources of an account as JSON files",
    "doctor": "check a set-up before anything runs",
}


def command_module(name: str) -> ModuleType:
    """Return the module of a command line: ``command.py`` of the command's room, or the command's only file."""
    room = importlib.import_module(f"hstdputils.{name}")
    return importlib.import_module(f"{room.__name__}.command") if hasattr(room, "__path__") else room


def main() -> int:
    """Run the subcommand that the command line names."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: hstdputils <command> [options]\n\ncommands:")
        print("\n".join(f"  {name:<10} {text}" for name, text in COMMANDS.items()))
        print("\nhstdputils <command> --help says more, and python -m hstdputils.<command> is the same.")
        return ExitCode.SUCCESS if arguments else ExitCode.COMMAND_LINE
    if arguments[0] == "--version":
        print(f"hstdputils {__version__}")
        return ExitCode.SUCCESS
    if arguments[0] not in COMMANDS:
        print(f"error: no command {arguments[0]!r}{nearest(arguments[0], list(COMMANDS))}", file=sys.stderr)
        return ExitCode.COMMAND_LINE
    return command_line.run(command_module(arguments[0]).main, arguments[1:])


if __name__ == "__main__":
    sys.exit(main())
