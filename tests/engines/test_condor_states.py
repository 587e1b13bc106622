"""How far jobs of HTCondor are, from made-up answers of its tools: what is held by whom, and what is not."""

import pytest

from hstdputils.core.outcomes import Outcome
from hstdputils.engines.htcondor import states
from hstdputils.engines.htcondor.description import PoolSite
from hstdputils.engines.htcondor.states import CondorJobStates
from hstdputils.engines.states import State
from hstdputils.engines.submissions import JobLocation, PlannedJob, Submission
from hstdputils.records.batch import Batch
from hstdputils.records.plan_rows import PlanRow
from hstdputils.store.folder import FolderStore

ROW = PlanRow("out", "b", "ldem01acq", "cos", "hstdp-process", 1, 512, 5400, "instrument", 1, None)
JOB = PlannedJob("b-t", "t", 0, 2, 1, 512, 5400, "cos")
SUBMISSION = Submission(
    1, "t", "schedd", "", [JOB], engine="htcondor", settings={"folder": "/logs", "environment": {}, "lines": []}
)
LOCATION = JobLocation(ROW, 1, 0, "schedd#7", 1, 0.0)


@pytest.fixture
def state(tmp_path, monkeypatch):
    """Return a function that tells the state of a job of which HTCondor says this."""

    class Tools:
        def __init__(self, schedd):
            self.schedd = schedd

        def clusters(self, tokens, attributes):
            return [{"ClusterId": 7, "HstdpGo": True, "JobMaterializeNextProcId": 2}]

        def jobs(self, tokens, attributes):
            return [{"ClusterId": 7, "ProcId": 1} | self.ad]

    def found(**ad):
        Tools.ad = ad
        (one,) = CondorJobStates(Batch(FolderStore(str(tmp_path)), "b")).of([LOCATION], {1: SUBMISSION})
        return one

    monkeypatch.setattr(states, "Tools", Tools)
    assert PoolSite(**SUBMISSION.settings).folder == "/logs"
    return found


@pytest.mark.parametrize("code", [1, 15])
def test_held_by_a_person(state, code):
    found = state(JobStatus=5, HoldReasonCode=code, HoldReason="via condor_hold\n (by user ann)")
    assert (found.state, found.why, found.cause) == (State.HELD, "via condor_hold (by user ann)", None)
    assert not found.state.is_over
    assert found.job == "schedd#7.1"


def test_held_while_files_are_fetched(state):
    found = state(JobStatus=5, HoldReasonCode=16, HoldReason="Spooling input data files")
    assert (found.state, found.why) == (State.WAITING, "")


def test_held_for_its_memory(state):
    found = state(JobStatus=5, HoldReasonCode=34, HoldReason="memory usage exceeded request_memory")
    assert (found.state, found.cause.outcome) == (State.FAILED, Outcome.OUT_OF_MEMORY)
    assert not found.is_final, "a person may release it"


def test_waiting_and_running(state):
    assert state(JobStatus=1).state is State.WAITING
    running = state(JobStatus=2, JobCurrentStartDate=5)
    assert (running.state, running.started) == (State.RUNNING, 5.0)
