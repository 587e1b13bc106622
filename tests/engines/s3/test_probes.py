"""What a store can do is learned once a batch, said before work begins, and kept in ``batch.json``."""

import json
import subprocess
import sys

import pytest

from hstdputils.core.errors import StoreError, UserError
from hstdputils.records.batch import Batch, Pins
from hstdputils.store.probe import probe
from hstdputils.store.registry import open_store
from tests.stand_ins.aws_batch.site import row

pytestmark = pytest.mark.engine("S3 (moto)")

NAME = "ldem01tnq"


@pytest.fixture
def store(s3, reached):
    return open_store(f"{s3.make_bucket('probed')}/a prefix")


def probes(careless):
    return [path for method, path in careless.requests if method == "PUT" and "/jobs/probe-" in path]


def test_a_good_store_is_probed_once_a_batch_and_left_as_it_was(s3, careless, store):
    assert probe(store, "b") is True
    assert s3.keys("probed") == {}
    assert Batch(store, "b").probe() is True
    assert Batch(store, "b").probe() is True
    assert len(probes(careless)) == 4  # two probes of two writes
    assert list(s3.keys("probed")) == ["a prefix/b/batch.json"]
    record = Batch(store, "b").record()
    assert (record.conditional_writes, bool(record.probed)) == (True, True)
    assert Batch(store, "b").pins() is None  # nothing was made yet
    assert not Batch(store, "b").lacks_conditional_writes()


def test_the_first_job_pins_the_batch_that_was_probed(store):
    Batch(store, "b").probe()
    Batch(store, "b").pin(Pins("hst_0729.pmap", {"calcos": "3.6.2"}))
    with pytest.raises(UserError, match=r"CRDS context hst_0729.pmap, not hst_0613.pmap"):
        Batch(store, "b").pin(Pins("hst_0613.pmap", {}))
    Batch(store, "b").pin(Pins("hst_0613.pmap", {}), force=True)
    assert Batch(store, "b").pins().crds_context == "hst_0613.pmap"
    assert Batch(store, "b").record().conditional_writes is True


def test_a_store_without_conditional_writes_has_no_lease(careless, store):
    careless.faults.ignores_conditions = True
    assert Batch(store, "b").probe() is False
    assert Batch(store, "b").lacks_conditional_writes()
    with pytest.raises(UserError, match=r"If-None-Match.*: nothing can be submitted; use another store"):
        Batch(store, "b").require_conditional_writes("nothing can be submitted", may_probe=False)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"keeps_framing": True}, r"returns something other .* AWS_REQUEST_CHECKSUM_CALCULATION=when_required"),
        ({"refuses_trailers": True}, r"S3 answered .* AWS_REQUEST_CHECKSUM_CALCULATION=when_required"),
        ({"loses": lambda key: "/probe-" in key}, "does not return what it has confirmed"),
        ({"shortens": lambda key: "/probe-" in key}, "returns something other than what is written"),
    ],
)
def test_stores_that_cannot_be_used_say_so(s3, careless, reached_over_tls, fault, said):
    store = open_store(s3.make_bucket("probed"))
    for name, value in fault.items():
        setattr(careless.faults, name, value)
    with pytest.raises(StoreError, match=said):
        Batch(store, "b").probe()
    assert s3.keys("probed") == {}


def test_what_the_probe_advises_helps(careless, s3, reached_over_tls, monkeypatch):
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    careless.faults.keeps_framing = True
    assert Batch(open_store(s3.make_bucket("probed")), "b").probe() is True


@pytest.mark.parametrize("fault", ["loses", "shortens"])
def test_a_job_notices_before_its_work_that_the_store_loses_objects(careless, store, fault):
    setattr(careless.faults, fault, lambda key: key.endswith("batch.json"))
    with pytest.raises(StoreError, match="does not keep what is written to it"):
        Batch(store, "b").pin(Pins("hst_0729.pmap", {}))


def test_submit_and_watch_refuse_and_probe_once(commands, s3, careless, reached, store):
    careless.faults.ignores_conditions = True
    plan = commands.folder / "plan.out"
    plan.write_text(f"{json.dumps({**row(0), 'ipppssoot': NAME, 'output': store.uri})}\n")
    for _ in range(2):
        ran = commands.hstdputils("submit", plan, **reached)
        assert ran.status == 25, ran.said
        assert ran.err.startswith(f"error: the store {store.uri} does not support conditional writes")
        assert ran.err.count("\n") == 1
    assert len(probes(careless)) == 2
    ran = commands.hstdputils("watch", f"{store.uri}/b", **reached)
    assert ran.status == 25, ran.said
    assert "watch can only look, with --look-only" in ran.err
    assert list(s3.keys("probed")) == ["a prefix/b/batch.json"]


@pytest.mark.engine("CRDS")
def test_a_job_reads_the_record_and_never_probes(commands, made_up, careless, reached, store):
    careless.faults.ignores_conditions = True
    Batch(store, "b").probe()
    careless.requests.clear()
    given = [f"--inputs={made_up.inputs}", "--crds-context=hst_9001.pmap"]
    ran = commands.hstdputils("process", *given, store.uri, "b", "ldem01pkq", **reached)
    assert ran.status == 0, ran.said
    assert ran.err.count("does not support conditional writes") == 1
    assert probes(careless) == []
    assert Batch(store, "b").record().conditional_writes is False


HOLDS = """
import sys, time
from hstdputils.store.lease import Busy; from hstdputils.store.lease import hold
from hstdputils.records.batch import Batch
from hstdputils.store.registry import open_store

store = open_store(sys.argv[1])
is_exclusive = Batch(store, "b").probe()
print("ready", flush=True)
sys.stdin.readline()
try:
    with hold(store, "b/jobs/lease/", is_exclusive=is_exclusive):
        print("held", flush=True)
        sys.stdin.readline()
except Busy:
    print("busy", flush=True)
"""


def holders(uri, n=8):
    """Return what so many processes say that want a lease at once."""
    started = [subprocess.Popen([sys.executable, "-c", HOLDS, uri], stdin=-1, stdout=-1, text=True) for _ in range(n)]
    try:
        assert {process.stdout.readline() for process in started} == {"ready\n"}
        for process in started:
            process.stdin.write("\n")
            process.stdin.flush()
        return sorted(process.stdout.readline().strip() for process in started)
    finally:
        for process in started:
            process.communicate("\n", timeout=120)


@pytest.mark.slow
@pytest.mark.parametrize("ignores_conditions", [False, True])
def test_of_eight_processes_one_holds_the_lease(careless, store, ignores_conditions):
    careless.faults.ignores_conditions = ignores_conditions
    assert holders(store.uri) == ["busy"] * 7 + ["held"]
