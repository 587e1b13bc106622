"""Runs under faults on a real HTCondor pool, each of a seed; see `test_seeded`.

There is one for every ten of those. ``TEST_FAULT_SEED=17`` repeats one.
"""

import pytest

from tests.engines.faults import condor_catalogue
from tests.engines.faults.checks import assert_survives
from tests.engines.faults.conftest import CONDOR_SEEDS

pytestmark = pytest.mark.engine("HTCondor", "S3 (moto)", "CRDS")


@pytest.mark.parametrize("seed", CONDOR_SEEDS)
@pytest.mark.slow
def test_a_batch_on_htcondor_under_faults(seed, make_condor_scene, has_mounts):
    way, names = condor_catalogue.chosen(seed)
    assert_survives(make_condor_scene(way, seed), condor_catalogue.FAULTS[way], names, has_mounts)
