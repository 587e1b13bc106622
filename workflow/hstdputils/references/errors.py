"""Errors of the places that references come from, each as one line."""

import contextlib
import urllib.error
from collections.abc import Iterator

from hstdputils.errors import UserError, one_line, without_passwords
from hstdputils.store.base import StoreError
from hstdputils.store.transfers import may_pass


class OriginError(Exception):
    """A file cannot be had; ``str()`` is one line that names it and the mend."""

    def __init__(self, message: str, *, is_absent: bool = False) -> None:
        super().__init__(without_passwords(message))
        self.is_absent = is_absent
        """True where the origin has no such file, so that trying again is no use."""


@contextlib.contextmanager
def instead(error: OriginError) -> Iterator[None]:
    """Raise the error in place of any other that the block raises."""
    try:
        yield
    except OriginError:
        raise
    except Exception as cause:
        raise error from cause


@contextlib.contextmanager
def reading_errors(address: str) -> Iterator[None]:
    """Turn errors of S3, HTTP and the disk into an `OriginError`."""
    try:
        with _s3_errors(address):
            yield
    except OriginError:
        raise
    except urllib.error.HTTPError as error:
        again = ": try again later" if may_pass(error) else ""
        text = f"cannot read {address}: the server answered {error.code} ({error.reason}){again}"
        raise OriginError(text, is_absent=error.code in (404, 410)) from error
    except StoreError as error:
        code = getattr(error.__cause__, "response", {}).get("Error", {}).get("Code", "")
        is_absent = code == "NoSuchKey"
        text = f"cannot read {address}: there is no such file in the bucket" if is_absent else str(error)
        raise OriginError(text, is_absent=is_absent) from error
    except UserError as error:
        raise OriginError(str(error)) from error
    except OSError as error:
        if may_pass(error):
            text = f"cannot read {address} ({one_line(error) or type(error).__name__}): check the network"
        else:
            text = f"cannot save a reference file ({one_line(error)}): free some space, or set CRDS_PATH"
        raise OriginError(text) from error


@contextlib.contextmanager
def _s3_errors(address: str) -> Iterator[None]:
    if not address.startswith("s3://"):
        yield
        return
    from hstdputils.store.s3 import s3_errors

    with s3_errors(address, "read"):
        yield
