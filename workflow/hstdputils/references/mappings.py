"""CRDS mappings: the files that say which references are best, and which mappings they rest on."""

import ast
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from hstdputils.errors import UserError
from hstdputils.exit_codes import ExitCode

CONTEXT = re.compile(r"[A-Za-z0-9_.-]+\.pmap")
"""What names of contexts look like."""


def is_mapping(name: str) -> bool:
    """Tell whether a file of CRDS is a mapping by its name, and not a reference."""
    return name.endswith((".pmap", ".imap", ".rmap"))


def bring_context(context: str, folder: Path, bring: Callable[[Iterable[str]], None]) -> None:
    """See that a context and all mappings below it are there.

    Parameters
    ----------
    context
        The context, such as ``hst_0729.pmap``.
    folder
        The folder of the mappings in the cache.
    bring
        Brings those of the mappings that are missing.
    """
    names = [context]
    while names:
        bring(names)
        names = [below for name in names if not name.endswith(".rmap") for below in mappings_below(folder / name)]


def mappings_below(path: Path) -> list[str]:
    """Return the mappings that a pmap or imap selects, without those that its header tells the history with.

    Raises
    ------
    UserError
        The file is not a valid mapping.
    """
    try:
        for statement in ast.parse(path.read_text()).body:
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "selector":
                names = ast.literal_eval(statement.value).values()
                return [name for name in names if name.endswith((".imap", ".rmap"))]
        raise ValueError("no selector")
    except (OSError, ValueError, SyntaxError, AttributeError) as error:
        raise UserError(
            f"the CRDS mapping {path} is broken: remove it, and try again", ExitCode.REFERENCES
        ) from error
