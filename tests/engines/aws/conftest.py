"""An account with the stack of the template, one for each module of tests."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.stand_ins.aws.account import IMAGE, Account, deploy, made_buckets


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """Return the account."""
    with Account(tmp_path_factory.mktemp("moto")) as running:
        yield running


@pytest.fixture(scope="module")
def stack(account: Account) -> dict[str, str]:
    """Return the physical ids of a stack's resources, with all that is off by default."""
    return deploy(account, "calcloud", Image=IMAGE, Announcements="on", AnnouncementsEmail="ops@example.org")


@pytest.fixture(scope="module")
def buckets(account: Account, stack: dict[str, str]) -> Any:
    """Return a client for the buckets."""
    return made_buckets(account)
