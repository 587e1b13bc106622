"""The commands of the documentation: the tutorial is run, and all others are held against their parsers."""

import importlib
import subprocess
from pathlib import Path

import pytest
import yaml

from hstdputils.__main__ import COMMANDS, command_module
from hstdputils.core.config import JOINED, Config
from hstdputils.core.errors import UserError
from tests.conftest import ROOT
from tests.docs.blocks import PAGES, blocks, commands

OURS = [(page.relative_to(ROOT), words) for page in PAGES for words in commands(page, "hstdputils")]
SNAKEMAKE = [(page.relative_to(ROOT), words) for page in PAGES for words in commands(page, "snakemake")]


def parse(command, words):
    """Parse a command line as the command does; it raises where it is wrong."""
    if command == "plan" and words[0] in ("show", "edit", "pilots", "refine"):
        return importlib.import_module(f"hstdputils.plan.{words[0]}")._parser().parse_args(words[1:])
    if command == "process":
        return importlib.import_module("hstdputils.process.options").read_options(words)
    words = words[: words.index("--")] if "--" in words else words
    return command_module(command)._parser().parse_args(words)


@pytest.mark.parametrize(("page", "words"), OURS, ids=lambda item: str(item)[:60])
def test_a_command_is_one_and_has_its_options(page, words):
    command, *rest = words
    assert command in COMMANDS, page
    try:
        parse(command, rest)
    except UserError as error:
        pytest.fail(f"{page}: {error}")


@pytest.mark.parametrize(("page", "words"), SNAKEMAKE, ids=lambda item: str(item)[:60])
def test_profiles_and_keys_are_known(page, words):
    if "--profile" in words:
        assert (ROOT / "profiles" / words[words.index("--profile") + 1]).is_dir(), page
    for word in words:
        name, separator, _ = word.partition("=")
        if separator and not word.startswith("-"):
            assert name in Config.model_fields or name in JOINED, f"{page}: {word}"
    for file in (words[place + 1] for place, word in enumerate(words) if word == "--configfile"):
        assert set(yaml.safe_load((ROOT / file).read_text())) <= set(Config.model_fields)


def test_there_are_commands_to_check():
    assert len(OURS) > 30
    assert len(SNAKEMAKE) > 10


@pytest.mark.engine("Snakemake", "calcos")
@pytest.mark.slow
def test_the_tutorial(made_up, commands, tmp_path: Path):
    for name in ("Snakefile", "rules", "config", "profiles"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "onsite").symlink_to("profiles/onsite")
    (tmp_path / "build").mkdir()
    (tmp_path / "build/demo").symlink_to(made_up.inputs.parent)
    first, *others = blocks(ROOT / "docs/tutorial.md")
    assert first == "make demo\n. .venv/bin/activate\n"
    script = ["set -ex", "snakemake --profile onsite --configfile config/demo.yaml", *others]
    ran = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=tmp_path,
        env=commands.environment(),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    said = ran.stdout + ran.stderr
    assert "demo: all is as it has to be: 3 succeeded, 0 failed" in said
    assert "Nothing to be done" in said
    assert "EXPTYPE is ACQ/PEAKXD" in said
    assert "fault injection: HSTDP_FAULT=calibration_error:ldem01tnq" in said
    assert "by-hand: 2 of 2 datasets have ended: 2 succeeded" in said
