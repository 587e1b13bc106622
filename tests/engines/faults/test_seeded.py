"""Runs under faults, each of a seed: whatever goes wrong, another run completes the batch, and nothing is amiss.

``TEST_FAULTS=500`` makes so many of them, and ``TEST_FAULT_SEED=17`` repeats one.
"""

import pytest

from tests.engines.faults import catalogue
from tests.engines.faults.batch_scene import BatchScene
from tests.engines.faults.checks import assert_quiet, assert_verified, story
from tests.engines.faults.conftest import SEEDS
from tests.engines.faults.invariant import assert_done, assert_honest

pytestmark = pytest.mark.engine("S3 (moto)", "AWS Batch (stand-in)", "CRDS")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_batch_under_faults(seed, make_scene, has_mounts):
    way, names = catalogue.chosen(seed)
    if not has_mounts:
        names = [name for name in names if not name.startswith("full ")]
    scene = make_scene(way, seed)
    try:
        scene.play([catalogue.FAULTS[way][name]() for name in names])
        late = "late listings" in names
        assert_honest(scene.store(), scene.names, late)
        scene.finish()
        assert_done(scene.store(), scene.names, scene.failed, late)
        assert_quiet(scene)
        assert_verified(scene, late)
        if isinstance(scene, BatchScene):
            scene.assert_no_two_jobs_at_once()
    except BaseException as error:
        error.add_note(f"{way}: {', '.join(names)}; TEST_FAULT_SEED={seed} repeats it\n{story(scene)}")
        raise
