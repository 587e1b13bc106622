"""What must hold of a scene under faults: while it plays, when it is over, and of what was said."""

from collections.abc import Mapping, Sequence

from tests.engines.faults.catalogue import Make
from tests.engines.faults.invariant import assert_done, assert_honest
from tests.engines.faults.scene import Scene


def assert_survives(scene: Scene, faults: Mapping[str, Make], names: Sequence[str], has_mounts: bool) -> None:
    """Play a scene with the faults of these names, and check that another run completes it and nothing is amiss."""
    wanted = [name for name in names if has_mounts or not name.startswith("full ")]
    try:
        scene.play([faults[name]() for name in wanted])
        late = "late listings" in wanted
        assert_honest(scene.store(), scene.names, late)
        scene.finish()
        assert_done(scene.store(), scene.names, scene.failed, late)
        assert_quiet(scene)
        assert_verified(scene, late)
        scene.assert_no_two_jobs_at_once()
    except BaseException as error:
        said = "\n".join(f"$ {' '.join(map(str, argv))}\n[{ran.status}] {ran.said}" for argv, ran in scene.said)
        error.add_note(f"{type(scene).__name__}: {', '.join(wanted)}\n{said}")
        raise


def assert_quiet(scene: Scene) -> None:
    """Check that nobody was shown a trace, that nothing was processed twice at once, and what second heads said."""
    for argv, ran in scene.said:
        assert "Traceback" not in ran.said, argv
        if "is working on this batch" in ran.err and "watch" not in str(argv[0]):
            assert ran.status == 1
            assert len(ran.err.splitlines()) == 1, ran.err
    for log in (scene.folder / "logs").rglob("*.log"):
        assert "Traceback" not in log.read_text(), f"{log}: {log.read_text()}"
    assert "Traceback" not in scene.logs(), scene.logs()
    assert not (scene.folder / "doubled.txt").exists()


def assert_verified(scene: Scene, late: bool) -> None:
    """Check that ``hstdputils verify`` says the same."""
    ran = scene.commands.hstdputils("verify", scene.output, "b")
    problems = [line for line in ran.out.splitlines()[:-1] if not (late and ".tra is in no manifest" in line)]
    assert not problems, ran.said
