"""Many small reads of a bucket of S3, several hundred a second.

boto3 takes a millisecond of a core for a request, and 70 ms for a listing of 1,000 keys. Here it only signs
addresses, which is quick, and their answers are read as they are. What does not go well is asked
for again through boto3, with its redirections, retries and messages.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, HTTPClientError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies
from urllib3.exceptions import HTTPError

from hstdputils.store.base import StoredFile
from hstdputils.store.s3_client import s3_errors

PARALLEL = 32
"""Connections that are kept open."""


_SECONDS = 60


class QuickReads:
    """A bucket of which many small pieces are read; its methods may be called by several threads.

    Parameters
    ----------
    client
        An S3 client.
    bucket
        The bucket.
    """

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self._http = URLLib3Session(
            verify=os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE") or True,
            proxies=get_environ_proxies(client.meta.endpoint_url),
            timeout=_SECONDS,
            max_pool_connections=PARALLEL,
        )

    def entries(self, prefix: str, token: str = "") -> Iterator[StoredFile]:
        """Yield the objects below a prefix: one request for each 1,000.

        Parameters
        ----------
        prefix
            The prefix.
        token
            Where an earlier listing is to go on; empty for the beginning.

        Raises
        ------
        StoreError
            They cannot be listed.
        """
        while True:
            entries, token = self._page(prefix, {"ContinuationToken": token} if token else {})
            yield from entries
            if not token:
                return

    def _page(self, prefix: str, more: dict[str, str]) -> tuple[list[StoredFile], str]:
        """Return one page of a listing, and the token of the next."""
        answer = self._ask("list_objects_v2", {"Prefix": prefix, **more}, {})
        if answer is not None:
            with contextlib.suppress(ElementTree.ParseError, TypeError, ValueError):
                return _parsed(answer)
        with s3_errors(f"s3://{self._bucket}/{prefix}", "list"):
            page = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, **more)
        entries = [StoredFile(item["Key"], item["Size"]) for item in page.get("Contents", [])]
        return entries, page.get("NextContinuationToken", "")

    def part(self, key: str, first: int, size: int) -> bytes:
        """Return ``size`` bytes of an object from one on, or less where it ends before; at least one has to be there.

        Raises
        ------
        StoreError
            It cannot be read.
        """
        part = f"bytes={first}-{first + size - 1}"
        answer = self._ask("get_object", {"Key": key}, {"Range": part})
        if answer is not None:
            return answer
        with s3_errors(f"s3://{self._bucket}/{key}", "read"):
            return bytes(self._client.get_object(Bucket=self._bucket, Key=key, Range=part)["Body"].read())

    def whole(self, key: str, most: int | None = None) -> bytes | None:
        """Return an object's bytes, or none where S3 does not answer well; ask through boto3 then.

        Of one with more than ``most`` bytes none is read.
        """
        return self._ask("get_object", {"Key": key}, {}, most)

    def _ask(
        self, action: str, params: dict[str, str], headers: dict[str, str], most: int | None = None
    ) -> bytes | None:
        """Return what S3 answers, or none where it does not answer well, or with more than ``most`` bytes."""
        try:
            url = self._client.generate_presigned_url(action, Params={"Bucket": self._bucket, **params})
            request = AWSRequest("GET", url, headers=headers, stream_output=most is not None).prepare()
            answer = self._http.send(request)
            if most is not None and int(answer.headers.get("Content-Length", most + 1)) > most:
                answer.raw.close()
                return None
            _ = answer.content
        except (BotoCoreError, HTTPClientError, HTTPError, OSError, ValueError):
            return None
        is_whole = len(answer.content) == int(answer.headers.get("Content-Length", len(answer.content)))
        return answer.content if answer.status_code == (206 if headers else 200) and is_whole else None


def _parsed(answer: bytes) -> tuple[list[StoredFile], str]:
    """Return the objects of one page of a listing, and the token of the next."""
    entries: list[tuple[str, int]] = []
    token, is_encoded = "", False
    for element in ElementTree.fromstring(answer):
        tag = element.tag.rpartition("}")[2]
        if tag == "EncodingType":
            is_encoded = element.text == "url"
        elif tag == "NextContinuationToken":
            token = element.text or ""
        elif tag == "Contents":
            fields = {field.tag.rpartition("}")[2]: field.text or "" for field in element}
            entries.append((fields["Key"], int(fields["Size"])))
    # as boto3 reads them: a blank is + or %20, and + itself %2B
    return [StoredFile(unquote_plus(key) if is_encoded else key, size) for key, size in entries], token
