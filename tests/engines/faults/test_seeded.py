"""Runs under faults, each of a seed: whatever goes wrong, another run completes the batch, and nothing is amiss.

``TEST_FAULTS=500`` makes so many of them, and ``TEST_FAULT_SEED=17`` repeats one.
"""

import pytest

from tests.engines.faults import catalogue
from tests.engines.faults.checks import assert_survives
from tests.engines.faults.conftest import SEEDS

pytestmark = pytest.mark.engine("S3 (moto)", "AWS Batch (stand-in)", "CRDS")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.slow
def test_a_batch_under_faults(seed, make_scene, has_mounts):
    way, names = catalogue.chosen(seed)
    assert_survives(make_scene(way, seed), catalogue.FAULTS[way], names, has_mounts)
