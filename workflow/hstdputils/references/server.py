"""Where a growing cache gets its files: a CRDS server, or addresses in S3."""

import ast
import contextlib
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hstdputils.core.errors import StoreError, UserError
from hstdputils.core.terminal import Advance
from hstdputils.core.text import one_line, without_passwords
from hstdputils.references.bestrefs import is_mapping, load_crds
from hstdputils.references.crds_settings import CrdsSettings
from hstdputils.store.transfers import SILENCE_SECONDS, append_object, append_url, is_transient, with_retries


class ReferenceServerError(Exception):
    """A file cannot be downloaded; ``str()`` is one line that names it and the fix."""

    def __init__(self, message: str, *, is_absent: bool = False) -> None:
        super().__init__(without_passwords(message))
        self.is_absent = is_absent
        """True where the server has no such file, so that there is no point in trying again."""


@contextlib.contextmanager
def raising(error: ReferenceServerError) -> Iterator[None]:
    """Raise the error in place of any other that the block raises."""
    try:
        yield
    except ReferenceServerError:
        raise
    except Exception as cause:
        raise error from cause


@contextlib.contextmanager
def reading_errors(address: str) -> Iterator[None]:
    """Turn errors of S3, HTTP and the disk into a `ReferenceServerError`."""
    try:
        with _s3_errors(address):
            yield
    except ReferenceServerError:
        raise
    except urllib.error.HTTPError as error:
        again = ": try again later" if is_transient(error) else ""
        text = f"cannot read {address}: the server answered {error.code} ({error.reason}){again}"
        raise ReferenceServerError(text, is_absent=error.code in (404, 410)) from error
    except StoreError as error:
        code = getattr(error.__cause__, "response", {}).get("Error", {}).get("Code", "")
        is_absent = code == "NoSuchKey"
        text = f"cannot read {address}: there is no such file in the bucket" if is_absent else str(error)
        raise ReferenceServerError(text, is_absent=is_absent) from error
    except UserError as error:
        raise ReferenceServerError(str(error)) from error
    except OSError as error:
        if is_transient(error):
            text = f"cannot read {address} ({one_line(error) or type(error).__name__}): check the network"
        else:
            text = f"cannot save a reference file ({one_line(error)}): free some space, or set CRDS_PATH"
        raise ReferenceServerError(text) from error


@contextlib.contextmanager
def _s3_errors(address: str) -> Iterator[None]:
    if not address.startswith("s3://"):
        yield
        return
    from hstdputils.store.s3_client import s3_errors

    with s3_errors(address, "read"):
        yield


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A mapping or reference, as the server has it."""

    name: str
    """Its name."""
    address: str
    """Its S3 or HTTP address."""
    size: int
    """Bytes."""
    sha1: str = ""
    """SHA-1 checksum, hexadecimal; empty where the server does not say it."""


class ReferenceServer:
    """A CRDS server, a bucket, or both: addresses of ``CRDS_…_URI`` come before those that the server names.

    Its methods raise `ReferenceServerError` where they cannot do what they say.
    """

    def __init__(self, settings: CrdsSettings) -> None:
        self._settings = settings

    @cached_property
    def info(self) -> dict[str, Any]:
        """Return what the server says of itself: contexts, bad files, addresses, sizes and checksums."""
        if uri := self._settings.uris.get("config"):
            with reading_errors(address := f"{uri}/server_config"):
                text = with_retries(lambda: self._content(address))
            with raising(ReferenceServerError(f"{address} is not a CRDS configuration: set CRDS_CONFIG_URI")):
                info = ast.literal_eval(text.decode())
                assert info["operational_context"]
                assert info["bad_files_list"] is not None
                return dict(info)
        proxy, server = load_crds().client.proxy, self._settings.server
        calls = proxy.CheckingProxy(f"{server}/json/", version="1.0")
        fix = "check the network and CRDS_SERVER_URL, or set CRDS_READONLY_CACHE=1 to use the cache as it is"
        with raising(ReferenceServerError(f"the CRDS server {server} does not answer: {fix}")):
            info = dict(_call(calls.get_server_info))
            if "download_metadata" not in info:  # servers before CRDS 11
                sizes = _call(lambda: calls.get_file_info_map("hst", None, ["size", "sha1sum"]))
                info["download_metadata"] = proxy.crds_encode(sizes)
        return info

    @cached_property
    def known(self) -> dict[str, dict[str, str]]:
        """Return size and checksum by file name, as far as the server lists them."""
        listed = self.info.get("download_metadata", {})
        return dict(load_crds().client.proxy.crds_decode(listed))

    def known_size(self, name: str) -> int | None:
        """Return the size that the server lists for a file, or none where it lists none."""
        listed = self.known.get(name)
        return int(listed["size"]) if listed and str(listed.get("size", "")).isdecimal() else None

    def known_sha1(self, name: str) -> str:
        """Return the checksum that the server lists for a file, hexadecimal; empty where it lists none."""
        sha1 = str((self.known.get(name) or {}).get("sha1sum", ""))
        return "" if sha1 == "none" else sha1

    def file(self, name: str) -> RemoteFile:
        """Return one file; where the server does not list its size, it is asked for it."""
        kind = "mapping" if is_mapping(name) else "reference"
        address = f"{self._folder(kind)}/{name}"
        size = self.known_size(name)
        if size is not None:
            return RemoteFile(name, address, size, self.known_sha1(name))
        if self.known and not address.startswith("s3://"):
            raise ReferenceServerError(f"the CRDS server {self._settings.server} has no {name}", is_absent=True)
        with reading_errors(address):
            return RemoteFile(name, address, with_retries(lambda: self._size(address)))

    def append_rest(self, file: RemoteFile, part: Path, advance: Advance) -> None:
        """Append what is missing of a file."""
        if file.address.startswith("s3://"):
            append_object(self._s3, *_split(file.address), part, file.size, advance)
        else:
            append_url(file.address, part, advance)

    def _folder(self, kind: str) -> str:
        """Return the address of the folder with one kind of files."""
        if kind in self._settings.uris:
            return self._settings.uris[kind]
        with raising(
            ReferenceServerError(f"the CRDS server {self._settings.server} does not say where its {kind}s are")
        ):
            named = self.info[f"{kind}_url"]
            named = named.get("unchecked", named)  # servers before CRDS 11 name two sets of addresses
            return str(named["hst"]).rstrip("/")

    def _content(self, address: str) -> bytes:
        if address.startswith("s3://"):
            bucket, key = _split(address)
            return bytes(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        with urllib.request.urlopen(address, timeout=SILENCE_SECONDS) as answer:
            return bytes(answer.read())

    def _size(self, address: str) -> int:
        if address.startswith("s3://"):
            from botocore.exceptions import ClientError

            bucket, key = _split(address)
            try:
                return int(self._s3.head_object(Bucket=bucket, Key=key)["ContentLength"])
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                    raise
            # S3 says which of bucket and key is not there in its answers to GET alone
            return int(self._s3.get_object(Bucket=bucket, Key=key)["ContentLength"])
        request = urllib.request.Request(address, method="HEAD")
        with urllib.request.urlopen(request, timeout=SILENCE_SECONDS) as answer:
            return int(answer.headers["Content-Length"])

    @cached_property
    def _s3(self) -> Any:
        """Return a client with the credentials that boto3 finds; without any, as public buckets allow."""
        from hstdputils.store.credentials import load_credentials
        from hstdputils.store.s3_client import s3_client

        with reading_errors(self._settings.uris.get("reference", "S3")):
            return s3_client(unsigned=load_credentials().get_credentials() is None, tries=1)


def _call(ask: Any) -> Any:
    """Call the server; CRDS wraps errors of the network, so that what it wraps says whether to try again."""
    from crds.core.exceptions import ServiceError

    def unwrapped() -> Any:
        try:
            return ask()
        except ServiceError as error:
            raise error.__cause__ or error from error

    return with_retries(unwrapped)


def _split(address: str) -> tuple[str, str]:
    from hstdputils.store.s3_client import split_uri

    return split_uri(address)
