import runpy
from pathlib import Path

import pytest
import yaml

from hstdputils.__main__ import command_module
from hstdputils.core.config import SECTIONS, Config, command_options
from hstdputils.core.errors import UserError
from hstdputils.core.run_config import load_config
from hstdputils.process import options as process
from hstdputils.workflow_run.arguments import Arguments
from hstdputils.workflow_run.run_batch import RunBatch

ROOT = Path(__file__).resolve().parents[2]
GOOD = {"ids": "my.ids", "batch": "night-1"}


def test_defaults_and_lists_of_one():
    config = load_config(GOOD | {"inputs": "raws"})
    assert config.ids == ["my.ids"]
    assert config.inputs == ["raws"]
    assert config.store == "results"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"bacth": "x"}, "unknown key 'bacth'; did you mean 'batch'?"),
        ({"crds_contex": "hst_0729.pmap"}, "did you mean 'crds_context'?"),
        ({"crds": {"contxt": "hst_0729.pmap"}}, "unknown key 'crds.contxt'; did you mean 'crds.context'?"),
        ({"plan_modl": "my.json"}, "unknown key 'plan_modl'; did you mean 'plan_model'?"),
        (
            {"crds": "hst_0729.pmap"},
            "crds = 'hst_0729.pmap': write its keys below it: context, path, server_url, sync",
        ),
        ({"plan": {"grid_mib": "many"}}, "plan.grid_mib = 'many': input should be a valid integer"),
        ({"aws_batch_queue": 3}, "aws_batch.queue = 3: input should be a valid string"),
        ({"zzz": 1}, "unknown key 'zzz' (all keys are in config/README.md)"),
        ({"retries": "two"}, "retries = 'two': input should be a valid integer"),
        ({"retries": -1}, "retries = -1: input should be greater than or equal to 0"),
        ({"keep_work": "maybe"}, "keep_work = 'maybe'"),
        ({"inputs": []}, "inputs = []"),
        ({"store": ["a", "b"]}, "store = ['a', 'b']: input should be a valid string"),
    ],
)
def test_a_wrong_key_or_value_is_one_line(wrong, said):
    with pytest.raises(UserError) as error:
        load_config(GOOD | wrong)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_key_of_a_section_is_the_same_in_it_and_joined_to_its_name():
    in_section = load_config(GOOD | {"crds": {"context": "hst_0729.pmap", "path": "/crds"}})
    assert load_config(GOOD | {"crds_context": "hst_0729.pmap", "crds_path": "/crds"}) == in_section


def test_a_joined_key_changes_no_other_key_of_its_section():
    config = load_config(GOOD | {"crds": {"context": "hst_0729.pmap", "path": "/crds"}, "crds_context": None})
    assert (config.crds.context, config.crds.path) == (None, "/crds")


def test_a_section_without_keys_has_its_defaults():
    assert load_config(GOOD | {"plan": None}).plan == load_config(GOOD).plan


@pytest.mark.parametrize(
    ("key", "now"),
    [
        ("batch_queue", "'aws_batch.queue' now: write aws_batch: {queue: …}, or --config aws_batch_queue=…"),
        ("batch_image", "'image' now: write image"),
        ("container", "'image' now: write image"),
        ("batch_system", "'engine' now: write engine"),
        ("grid_mib", "'plan.grid_mib' now: write plan: {grid_mib: …}, or --config plan_grid_mib=…"),
        ("sync_references", "'crds.sync' now: write crds: {sync: …}, or --config crds_sync=…"),
    ],
)
def test_a_key_of_an_earlier_version_is_answered_with_its_name_now(key, now):
    with pytest.raises(UserError) as error:
        load_config(GOOD | {key: "x"})
    assert str(error.value) == f"config: the key {key!r} is {now}"


def test_a_missing_key_is_named_with_its_meaning():
    with pytest.raises(UserError, match="the key 'batch' is missing: Name of the batch"):
        load_config({"ids": "my.ids"})


@pytest.mark.parametrize("name", ["config.yaml", "demo.yaml"])
def test_the_configurations_that_come_with_the_project_are_right(name):
    load_config(yaml.safe_load((ROOT / "config" / name).read_text()))


def test_every_key_has_a_description():
    models = [Config, *SECTIONS.values()]
    assert [name for model in models for name, item in model.model_fields.items() if not item.description] == []


EVERYTHING = {
    **GOOD,
    "store": "s3://bucket",
    "keep_inputs": "kept",
    "max_unpacked_mib": 1,
    "programs": {"calcos": "/a"},
    "program_variables": ["A"],
    "dataset_variables": ["B"],
    "known_issues": ["i.yaml"],
    "astrometry": True,
    "prices": "p.json",
    "region": "eu-west-1",
    "purchase": "spot",
    "process_command": "mine",
    "image": "calcloud:1",
    "force": True,
    "skip_bad": True,
    "crds": {"context": "hst_1.pmap", "sync": True},
    "plan": {"features": "f", "history": "h", "model": "m", "grid_mib": 1},
}
ON_AWS = {"engine": "aws-batch"}
OF_A_RUN = {
    *("--update", "--references", "--list", "--cores", "--memory-mib", "--wanted", "--wait", "--logs", "--to"),
    *("--html", "--json", "--csv", "--config-json"),
}
"""Options that tell a command what a run is about, not how it is configured."""


def test_a_key_and_its_option_have_one_name():
    keys = {name for name in Config.model_fields if name not in SECTIONS}
    keys |= {f"{section}_{name}" for section, kind in SECTIONS.items() for name in kind.model_fields}
    keys |= set(SECTIONS["plan"].model_fields)  # options of hstdputils plan
    names = {f"--{no}{key.replace('_', '-')}" for key in keys for no in ("", "no-")}
    for given in (RunBatch(load_config(EVERYTHING), "r"), RunBatch(load_config(EVERYTHING | ON_AWS), "r")):
        arguments = Arguments(given)
        commands = [arguments.plan, arguments.process, arguments.sync, arguments.run("p", "w", "e", 1, 1)]
        commands += [arguments.report, arguments.submit("p", "w") if given.engine else []]
        used = {word.partition("=")[0] for words in commands for word in words if word.startswith("--")} - {"--"}
        assert used - names - OF_A_RUN == set()
        assert used & names


@pytest.mark.parametrize("command", ["plan", "process", "sync", "run", "watch", "report", "submit"])
def test_a_key_that_is_an_option_is_one_of_its_commands(command):
    parser = process._parser(None) if command == "process" else command_module(command)._parser()
    known = {name for action in parser._actions for name in action.option_strings}
    given = {word.partition("=")[0] for word in command_options(load_config(EVERYTHING), command)}
    assert given
    assert given - known == set()


def test_options_of_places_that_jobs_do_not_share_are_left_out():
    everything = load_config(EVERYTHING)
    here, elsewhere = (command_options(everything, "process", is_local=is_local) for is_local in (True, False))
    names = {word.partition("=")[0] for word in here} - {word.partition("=")[0] for word in elsewhere}
    assert names == {"--work", "--keep-work", "--keep-inputs", "--known-issues"}
    assert "--astrometry=on" in elsewhere
    assert "--programs=calcos=/a" in elsewhere


def test_options_of_earlier_versions_still_work_and_give_their_name(capsys):
    options = process.parse(["--context=hst_1.pmap", "--program=calcos=/a", "--programs=cs0.e=/b", "out", "b", "x"])
    assert options.crds_context == "hst_1.pmap"
    assert options.programs == [("calcos", "/a"), ("cs0.e", "/b")]
    said = capsys.readouterr().err
    assert said == "note: --context is --crds-context now\nnote: --program is --programs now\n"
    assert process.parse(["out", "b", "x"]).programs == []
    assert "--context" not in process._parser(None).format_help()


def test_generated_files_are_up_to_date():
    generated = runpy.run_path(str(ROOT / "docs" / "write_reference.py"))["generated"]()
    stale = [str(path) for path, text in generated.items() if path.read_text() != text]
    assert stale == [], "run: python docs/write_reference.py"


def test_a_source_with_a_colon_alone_is_a_text_in_yaml_too():
    for value in ("", None):
        assert Config(ids=["x"], batch="b", inputs={"mast": value}).inputs == ["mast:"]
        assert Config(ids=["x"], batch="b", inputs=["here", {"mast": value}]).inputs == ["here", "mast:"]
