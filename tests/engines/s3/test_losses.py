"""A store that says that it has saved products, and loses them, or a part: no dataset succeeds there."""

import pytest

from hstdputils.records.batch import Batch
from hstdputils.store.registry import open_store

pytestmark = pytest.mark.engine("CRDS", "S3 (moto)")

NAME = "ldem01pkq"


@pytest.fixture
def process(commands, made_up, s3, reached):
    """Return what processes a dataset, with its store."""
    store = open_store(s3.make_bucket("losing"))

    def call():
        given = [f"--inputs={made_up.inputs}", "--crds-context=hst_9001.pmap"]
        return commands.hstdputils("process", *given, store.uri, "b", NAME, **reached)

    call.store = store
    return call


@pytest.mark.parametrize(
    ("fault", "lost", "said"),
    [
        ("loses", "_rawacq.fits", "nothing there"),
        pytest.param("loses", "manifest.json", "nothing there", marks=pytest.mark.slow),
        pytest.param("shortens", "manifest.json", "bytes, not ", marks=pytest.mark.slow),
    ],
)
def test_a_lost_product_is_noticed_before_the_marker(process, careless, fault, lost, said):
    setattr(careless.faults, fault, lambda key: key.endswith(lost))
    ran = process()
    assert ran.status == 25, ran.said
    assert Batch(process.store, "b").markers.read(NAME, succeeded=True) is None
    marker = Batch(process.store, "b").markers.read(NAME, succeeded=False)
    assert marker.outcome == "storage_error"
    assert lost in marker.reason
    assert said in marker.reason
    setattr(careless.faults, fault, lambda key: False)
    ran = process()
    assert ran.status == 0, ran.said
    assert Batch(process.store, "b").markers.read(NAME, succeeded=True).attempt == 2
