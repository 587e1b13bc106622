"""Listings of several pages, as different servers write them."""

import pytest

from hstdputils.store.registry import open_store

pytestmark = pytest.mark.engine("S3 (moto)")

KEYS = [f"b/ä+ %{number}/a name" for number in range(7)]


@pytest.mark.parametrize("writes_plus", [False, True])
def test_blanks_in_keys_beyond_the_first_page(s3, careless, reached, writes_plus):
    careless.faults.writes_plus, careless.faults.keys_a_page = writes_plus, 3
    store = open_store(f"{s3.make_bucket('listed')}/a prefix + more")
    for key in KEYS:
        store.put_bytes(b"x", key)
    assert [entry.key for entry in store.entries("b/")] == KEYS
    assert [method for method, path in careless.requests if path == "/listed" and method == "GET"] == ["GET"] * 3
