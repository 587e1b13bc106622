"""What must hold of a scene that is over, besides what is in its store."""

from tests.engines.faults.scene import Scene


def assert_quiet(scene: Scene) -> None:
    """Check that nobody was shown a trace, that nothing was processed twice at once, and what second heads said."""
    for argv, ran in scene.said:
        assert "Traceback" not in ran.said, argv
        if "is at work on this batch" in ran.err and "watch" not in str(argv[0]):
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


def story(scene: Scene) -> str:
    """Return all that commands have said."""
    return "\n".join(f"$ {' '.join(map(str, argv))}\n[{ran.status}] {ran.said}" for argv, ran in scene.said)
