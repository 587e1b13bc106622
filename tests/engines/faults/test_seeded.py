"""Runs under faults, each of a seed: whatever goes wrong, another run completes the batch, and nothing is amiss.

``TEST_FAULTS=500`` makes so many of them, and ``TEST_FAULT_SEED=17`` repeats one.
"""

import pytest

from tests.engines.faults import catalogue
from tests.engines.faults.batch_scene import BatchScene
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
        story = "\n".join(f"$ {' '.join(map(str, argv))}\n[{ran.status}] {ran.said}" for argv, ran in scene.said)
        error.add_note(f"{way}: {', '.join(names)}; TEST_FAULT_SEED={seed} repeats it\n{story}")
        raise


def assert_quiet(scene):
    """Check that nobody was shown a trace, that nothing was processed twice at once, and what second heads said."""
    for argv, ran in scene.said:
        assert "Traceback" not in ran.said, argv
        if "is at work on this batch" in ran.err and "watch" not in str(argv[0]):
            assert ran.status == 1
            assert len(ran.err.splitlines()) == 1, ran.err
    for log in (scene.folder / "logs").rglob("*.log"):
        assert "Traceback" not in log.read_text(), f"{log}: {log.read_text()}"
    if isinstance(scene, BatchScene):
        assert "Traceback" not in scene.logs(), scene.logs()
    assert not (scene.folder / "doubled.txt").exists()


def assert_verified(scene, late):
    """Check that ``hstdputils verify`` says the same."""
    ran = scene.commands.hstdputils("verify", scene.output, "b")
    problems = [line for line in ran.out.splitlines()[:-1] if not (late and ".tra is in no manifest" in line)]
    assert not problems, ran.said
