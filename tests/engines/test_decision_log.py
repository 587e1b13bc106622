"""Decisions about jobs that have ended are written once, and read back by whoever goes on."""

from hstdputils.core.outcomes import Outcome
from hstdputils.engines.decision_log import DecisionLog, entry_of
from hstdputils.engines.retry_policy import Action, Decision
from hstdputils.records.batch import Batch
from hstdputils.store.folder import FolderStore


def entry(name, job, memory_mib=2048):
    then = Decision(
        next(action for action in Action if action is not Action.NEVER), memory_mib, 60, "again, with more"
    )
    return entry_of(name, job, Outcome.OUT_OF_MEMORY, "killed", (1024, 30), then)


def test_decisions_are_read_back_by_dataset_and_in_their_order(tmp_path):
    batch = Batch(FolderStore(tmp_path), "b")
    first, second, other = entry("ldem01acq", "1"), entry("ldem01acq", "2", 4096), entry("ldem01tnq", "3")
    log = DecisionLog(batch)
    log.write([first, other])
    assert log.entries() == {"ldem01acq": [first], "ldem01tnq": [other]}
    log.write([second])
    for reader in (log, DecisionLog(batch)):
        assert reader.entries() == {"ldem01acq": [first, second], "ldem01tnq": [other]}
    assert all(item.key.startswith("b/decisions/") for item in batch.store.entries(""))


def test_no_decision_writes_nothing(tmp_path):
    batch = Batch(FolderStore(tmp_path), "b")
    DecisionLog(batch).write([])
    assert list(batch.store.entries("")) == []
