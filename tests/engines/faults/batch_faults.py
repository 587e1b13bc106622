"""Troubles of AWS Batch itself."""

from tests.engines.faults.batch_scene import BatchScene
from tests.engines.faults.mishaps import Nothing
from tests.engines.faults.scene import Scene
from tests.stand_ins.aws_batch import attempt_results
from tests.stand_ins.aws_batch.faults import KINDS

_ENDINGS = (
    attempt_results.host_lost,
    attempt_results.cannot_inspect,
    attempt_results.docker_timeout,
    attempt_results.out_of_memory,
)


class HostsAreLost(Nothing):
    """Hosts and containers go away under the jobs."""

    def before(self, scene: Scene) -> None:
        assert isinstance(scene, BatchScene)
        for _ in range(scene.random.randint(1, 3)):
            ending = scene.random.choice(_ENDINGS)()
            scene.batch.fail_jobs(ending, times=scene.random.randint(1, 2), after=scene.random.uniform(0, 2))

    def after(self, scene: Scene) -> None:
        assert isinstance(scene, BatchScene)
        scene.batch.faults.of_jobs.clear()


class BatchInTrouble(Nothing):
    """Requests to Batch go wrong."""

    def before(self, scene: Scene) -> None:
        assert isinstance(scene, BatchScene)
        for _ in range(scene.random.randint(1, 3)):
            scene.batch.disturb(
                scene.random.choice(KINDS), times=scene.random.randint(1, 3), spare=scene.random.randrange(12)
            )

    def after(self, scene: Scene) -> None:
        assert isinstance(scene, BatchScene)
        scene.batch.faults.faults.clear()
