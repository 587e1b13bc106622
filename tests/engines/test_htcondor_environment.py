"""What jobs on HTCondor get of the submitter's environment, which all who can ask the scheduler see."""

import os
from unittest import mock

import pytest

from hstdputils.core.errors import UserError
from hstdputils.engines.htcondor.description import environment

HERE = {
    "CRDS_PATH": "/crds",
    "AWS_ENDPOINT_URL": "https://s3.example",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "MAST_API_TOKEN": "secret",
    "PATH": "/bin",
    "MINE": "x",
}


def test_no_secret_is_among_them():
    with mock.patch.dict(os.environ, HERE, clear=True):
        assert environment(["MINE"]) == {
            "AWS_ENDPOINT_URL": "https://s3.example",
            "CRDS_PATH": "/crds",
            "MINE": "x",
            "PATH": "/bin",
        }


def test_a_url_with_a_password_is_refused_unless_it_is_asked_for():
    with mock.patch.dict(os.environ, HERE | {"AWS_ENDPOINT_URL": "https://me:pw@s3.example"}, clear=True):
        with pytest.raises(UserError, match="AWS_ENDPOINT_URL holds a password") as refused:
            environment()
        assert "pw@" not in str(refused.value)
        assert environment(["AWS_ENDPOINT_URL"])["AWS_ENDPOINT_URL"] == "https://me:pw@s3.example"
