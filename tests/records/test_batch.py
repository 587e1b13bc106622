"""A batch in its store: its keys, what it is made with, and its markers."""

import pytest

from hstdputils.core.errors import UserError
from hstdputils.core.outcomes import Outcome
from hstdputils.records.batch import IMAGE, Batch, Pins
from hstdputils.records.marker import Marker
from hstdputils.store import layout
from hstdputils.store.folder import FolderStore

NAME = "ldem01acq"


@pytest.fixture
def batch(tmp_path) -> Batch:
    return Batch(FolderStore(tmp_path), "night-1")


def marker(outcome: Outcome, earlier: Marker | None = None) -> Marker:
    values = {"earlier": earlier, "plan_row": None, "start": 0.0, "end": 9.0}
    return Marker.new("night-1", NAME, outcome, 0 if outcome is Outcome.SUCCEEDED else 23, "", **values)


def test_all_its_keys_are_below_its_own_and_differ(batch):
    keys = {
        batch.record_key,
        batch.plan_key,
        batch.blackboard_key,
        batch.jobs_prefix,
        batch.lease_prefix,
        batch.decisions_prefix,
        batch.definition_key,
        batch.slice_key("s"),
        batch.dataset_prefix(NAME),
        batch.dataset_key(NAME, layout.LOG),
        batch.previews_prefix(NAME),
        batch.markers.prefix,
        batch.markers.key(NAME, succeeded=True),
        batch.markers.key(NAME, succeeded=False),
    }
    assert len(keys) == 14
    assert all(key.startswith(batch.prefix) and len(key) > len(batch.prefix) for key in keys)


def test_a_message_names_it(batch):
    assert f"{batch}" == "night-1"


def test_of_two_batches_each_has_its_own(batch):
    other = Batch(batch.store, "night-2")
    batch.markers.write(marker(Outcome.SUCCEEDED))
    batch.pin(Pins("hst_0001.pmap", {}))
    assert (other.markers.finished(), other.pins()) == ({}, None)
    assert batch.markers.finished() == {NAME: True}
    other.store.put_bytes(marker(Outcome.SUCCEEDED).to_json(), other.markers.key(NAME, succeeded=True))
    assert other.markers.read(NAME, succeeded=True) is None, "a marker of another batch"


def test_the_latest_marker_is_that_of_the_last_attempt(batch):
    first = marker(Outcome.SUCCEEDED)
    again = marker(Outcome.TIMEOUT, first)
    assert batch.markers.latest(NAME) is None
    batch.markers.write(first)
    batch.markers.write(again)
    assert batch.markers.latest(NAME) == again
    assert batch.markers.listed() == {NAME: True}
    assert list(batch.markers.read_all({NAME: False})) == [again]


def test_what_it_is_made_with_is_pinned_once(batch):
    assert batch.record() is None
    batch.record_probe(conditional_writes=True)
    assert (batch.pins(), batch.record().conditional_writes) == (None, True)
    batch.check_pins(Pins("hst_0001.pmap", {}))
    batch.pin(Pins("hst_0001.pmap", {"calcos": "1"}))
    batch.pin(Pins("hst_0001.pmap", {"calacs.e": "2"}))
    assert batch.pins().programs == {"calcos": "1", "calacs.e": "2"}
    assert batch.record().conditional_writes is True
    for act in (batch.check_pins, batch.pin):
        with pytest.raises(UserError, match=r"'night-1' in .* made with CRDS context hst_0001\.pmap, not"):
            act(Pins("hst_2.pmap", {}))


def test_a_batch_that_is_forced_forgets_its_successes(batch):
    batch.pin(Pins("hst_0001.pmap", {}))
    batch.markers.write(marker(Outcome.SUCCEEDED))
    batch.pin(Pins("hst_0001.pmap", {}), force=True)
    assert batch.markers.listed() == {NAME: True}, "it is made with the same"
    batch.pin(Pins("hst_0002.pmap", {}), force=True)
    assert (batch.markers.listed(), batch.pins().crds_context) == ({}, "hst_0002.pmap")


def test_what_a_submission_has_settled_no_job_changes(batch):
    settled = Pins("hst_0001.pmap", {}, {IMAGE: "x@sha256:1"})
    batch.pin(settled)
    assert batch.pin(Pins("hst_0001.pmap", {"calcos": "1"}), force=True) == settled
    with pytest.raises(UserError, match="was made with"):
        batch.pin(Pins("hst_0002.pmap", {}), force=True)
