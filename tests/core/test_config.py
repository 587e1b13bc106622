import runpy
from pathlib import Path

import pytest
import yaml

from hstdputils.core.config import Config, load_config
from hstdputils.core.errors import UserError

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


def test_a_missing_key_is_named_with_its_meaning():
    with pytest.raises(UserError, match="the key 'batch' is missing: Name of the batch"):
        load_config({"ids": "my.ids"})


@pytest.mark.parametrize("name", ["config.yaml", "demo.yaml"])
def test_the_configurations_that_come_with_the_project_are_right(name):
    load_config(yaml.safe_load((ROOT / "config" / name).read_text()))


def test_every_key_has_a_description():
    assert [name for name, item in Config.model_fields.items() if not item.description] == []


def test_generated_files_are_up_to_date():
    generated = runpy.run_path(str(ROOT / "docs" / "write_reference.py"))["generated"]()
    stale = [str(path) for path, text in generated.items() if path.read_text() != text]
    assert stale == [], "run: python docs/write_reference.py"


def test_a_source_with_a_colon_alone_is_a_text_in_yaml_too():
    for value in ("", None):
        assert Config(ids=["x"], batch="b", inputs={"mast": value}).inputs == ["mast:"]
        assert Config(ids=["x"], batch="b", inputs=["here", {"mast": value}]).inputs == ["here", "mast:"]
