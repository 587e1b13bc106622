"""The blackboard: a pipe-separated text file in the store with the state of each dataset."""

from hstdputils.core.datasets import parse_dataset
from hstdputils.core.outcomes import Outcome
from hstdputils.core.text import iso_time
from hstdputils.engines.states import RowState
from hstdputils.progress.batch_progress import ENDED, Progress

COLUMNS = (
    "ipppssoot",
    "instrument",
    "state",
    "outcome",
    "memory_mib",
    "max_seconds",
    "job",
    "started",
    "stopped",
    "reason",
)
"""The columns, in the order of the first line."""


def blackboard_text(progress: Progress) -> str:
    """Return the text: a line of headings, and one line a dataset, by name; times are UTC."""
    lines = {name: _line(name, _instrument(name), ENDED, Outcome.SUCCEEDED) for name in progress.succeeded}
    for name, state in progress.states.items():
        lines[name] = _line_of(state)
    return "\n".join(["|".join(COLUMNS), *(lines[name] for name in sorted(lines))]) + "\n"


def _line_of(state: RowState) -> str:
    row = state.row
    outcome = state.cause.outcome if state.cause else ""
    sizes = row.memory_mib, row.max_seconds, state.job, _time(state.started), _time(state.stopped), state.reason
    return _line(row.ipppssoot, row.instrument, ENDED if state.state.is_over else state.state, outcome, *sizes)


def _line(*cells: object) -> str:
    words = (" ".join(str(cell).replace("|", "/").split()) for cell in cells)
    return "|".join([*words, *[""] * (len(COLUMNS) - len(cells))])


def _instrument(name: str) -> str:
    try:
        return parse_dataset(name).instrument
    except ValueError:
        return "other"


def _time(seconds: float | None) -> str:
    return "" if seconds is None else iso_time(seconds, "seconds", "Z")
