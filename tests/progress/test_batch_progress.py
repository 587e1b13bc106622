"""Two that watch one batch: what one has sent again has not ended for the other."""

import contextlib

from hstdputils.core.outcomes import Outcome
from hstdputils.engines.resubmit import Resubmitter
from hstdputils.engines.states import Cause, RowState, State
from hstdputils.engines.submissions import Submitted
from hstdputils.progress.batch_progress import Monitor
from hstdputils.records.batch import Batch
from hstdputils.records.plan_rows import PlanRow
from hstdputils.store.registry import open_store

ROW = PlanRow("s3://out", "b", "ldem01acq", "cos", "hstdp-process", 1, 512, 5400, "instrument", 1, None)
FAILED = RowState(ROW, State.FAILED, "job-1", Cause(Outcome.OUT_OF_MEMORY, "killed"))
SENT_AGAIN = RowState(ROW, State.WAITING, "job-2")


class EngineOfTwo:
    """An engine on whose batch another watcher is at work: it has the lease first, and sends the dataset again."""

    def __init__(self):
        self.state = FAILED
        self.sent = []

    def states(self, without=(), only=None):
        return iter([self.state])

    @contextlib.contextmanager
    def exclusive(self):
        self.state = SENT_AGAIN
        yield

    def submit(self, rows, *, again=False):
        self.sent += rows
        return Submitted(rows=len(rows), jobs=0, adopted=0, earlier=0)


def test_what_another_has_sent_again_is_open(tmp_path):
    engine, batch = EngineOfTwo(), Batch(open_store(str(tmp_path)), "b")
    found = Monitor(engine, batch, Resubmitter(engine, batch)).poll()
    assert not found.progress.is_over
    assert engine.sent == []
    assert not found.decisions
    again = Monitor(engine, batch, Resubmitter(engine, batch)).poll()
    assert again.progress.counts() == {"succeeded": 0, "waiting": 1}
