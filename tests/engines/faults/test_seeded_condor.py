"""Runs under faults on a real HTCondor pool, each of a seed; see `test_seeded`.

There is one for every ten of those. ``TEST_FAULT_SEED=17`` repeats one.
"""

import pytest

from tests.engines.faults import condor_catalogue
from tests.engines.faults.checks import assert_quiet, assert_verified, story
from tests.engines.faults.conftest import CONDOR_SEEDS
from tests.engines.faults.invariant import assert_done, assert_honest

pytestmark = pytest.mark.engine("HTCondor", "S3 (moto)", "CRDS")


@pytest.mark.parametrize("seed", CONDOR_SEEDS)
def test_a_batch_on_htcondor_under_faults(seed, make_condor_scene, has_mounts):
    way, names = condor_catalogue.chosen(seed)
    if not has_mounts:
        names = [name for name in names if not name.startswith("full ")]
    scene = make_condor_scene(way, seed)
    try:
        scene.play([condor_catalogue.FAULTS[way][name]() for name in names])
        late = "late listings" in names
        assert_honest(scene.store(), scene.names, late)
        scene.finish()
        assert_done(scene.store(), scene.names, scene.failed, late)
        assert_quiet(scene)
        assert_verified(scene, late)
        scene.assert_no_two_jobs_at_once()
    except BaseException as error:
        error.add_note(f"{way}: {', '.join(names)}; TEST_FAULT_SEED={seed} repeats it\n{story(scene)}")
        raise
