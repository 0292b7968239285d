"""Documents on S3, in a bucket that keeps versions."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import clients
from chalicelib.adapters.aws.failures import code_of, was_retried
from chalicelib.adapters.limits import check_key, is_key
from chalicelib.errors import NotFound, PreconditionFailed
from chalicelib.ports import DocumentVersion, Revision, StoredDocument

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import (
        DeleteMarkerEntryTypeDef,
        GetObjectOutputTypeDef,
        GetObjectRequestTypeDef,
        ListObjectsV2RequestPaginateTypeDef,
        ListObjectVersionsRequestTypeDef,
        ObjectIdentifierTypeDef,
        ObjectVersionTypeDef,
        PutObjectRequestTypeDef,
    )

_PAST_THE_END = "InvalidRange"
_ABSENT = {"NoSuchKey", "NoSuchVersion", "InvalidArgument", "MethodNotAllowed", "404"}
# The last: what a condition on an ETag is told where there is no object.
_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}
_MAX_DELETES = 1000


class S3Documents:
    """A ``DocumentStore`` on the bucket of that name."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    def get(self, key: str, version: str | None = None) -> StoredDocument:
        """Read the current or a named version; ``NotFound``."""
        answer = self._get(key, version)
        with answer["Body"] as body:
            content = body.read()
        return StoredDocument(
            body=content,
            etag=answer["ETag"].strip('"'),
            version=answer["VersionId"],
            content_type=answer["ContentType"],
            modified_at=answer["LastModified"].timestamp(),
        )

    def read_range(self, key: str, start: int, count: int, version: str | None = None) -> bytes:
        """``count`` bytes from ``start``, fewer where the document ends; ``NotFound``."""
        try:
            answer = self._get(key, version, f"bytes={start}-{start + count - 1}")
        except ClientError as error:
            if code_of(error) == _PAST_THE_END:
                return b""
            raise
        with answer["Body"] as body:
            return body.read()

    def put(
        self,
        key: str,
        body: bytes,
        *,
        content_type: str = "application/json",
        if_match: str | None = None,
        if_absent: bool = False,
    ) -> Revision:
        """Write a new version; ``PreconditionFailed`` if a condition does not hold."""
        check_key(key)
        request: PutObjectRequestTypeDef = {
            "Bucket": self._bucket,
            "Key": key,
            "Body": body,
            "ContentType": content_type,
        }
        if if_absent:
            request["IfNoneMatch"] = "*"
        if if_match is not None:
            if not _is_etag(if_match):
                raise PreconditionFailed("The document has changed")
            request["IfMatch"] = f'"{if_match}"'
        try:
            answer = clients.s3().put_object(**request)
        except ClientError as error:
            if code_of(error) not in _CHANGED:
                raise
            written = self._first_try(key, body) if was_retried(error) else None
            if written is None:
                raise PreconditionFailed("The document has changed") from error
            return written
        return Revision(etag=answer["ETag"].strip('"'), version=answer["VersionId"])

    def copy(self, source: str, target: str) -> Revision:
        """Write the current version of ``source`` under another key; ``NotFound``.

        S3 does so by itself, for up to 5 GB: no bytes come here.
        """
        check_key(target)
        if not is_key(source):
            raise NotFound("No such document")
        try:
            answer = clients.s3().copy_object(
                Bucket=self._bucket, Key=target, CopySource={"Bucket": self._bucket, "Key": source}
            )
        except ClientError as error:
            if code_of(error) in _ABSENT:
                raise NotFound("No such document") from error
            raise
        return Revision(answer["CopyObjectResult"]["ETag"].strip('"'), answer["VersionId"])

    def delete(self, key: str) -> None:
        """Put a delete marker on top; the versions stay."""
        if is_key(key):
            clients.s3().delete_object(Bucket=self._bucket, Key=key)

    def purge(self, key: str) -> None:
        """Remove every version for good."""
        found: list[ObjectIdentifierTypeDef] = [
            {"Key": key, "VersionId": entry.version} for entry in self.versions(key)
        ]
        for start in range(0, len(found), _MAX_DELETES):
            answer = clients.s3().delete_objects(
                Bucket=self._bucket,
                Delete={"Objects": found[start : start + _MAX_DELETES], "Quiet": True},
            )
            if answer.get("Errors"):
                raise RuntimeError(f"S3 kept versions: {answer['Errors'][0].get('Code')}")

    def withdraw(self, key: str, version: str) -> None:
        """Remove one version for good; that before it is current again."""
        if is_key(key) and version:
            clients.s3().delete_object(Bucket=self._bucket, Key=key, VersionId=version)

    def versions(self, key: str) -> list[DocumentVersion]:
        """The history of a key, newest first, delete markers included.

        S3 tells times in seconds and lists markers apart: of one second, the
        current entry comes first, then markers.
        """
        if not is_key(key):
            return []
        found: list[DocumentVersion] = []
        pages = clients.s3().get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=self._bucket, Prefix=key):
            entries = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            found += [_version(entry) for entry in entries if entry["Key"] == key]
            if any(entry["Key"] != key for entry in entries):
                break  # keys come in order, and longer ones after the one they start with
        return sorted(found, key=_newest_first)

    def keys(self, prefix: str, *, after: str | None = None) -> Iterator[str]:
        """The keys with a current version below a prefix, in order; those past ``after``."""
        request: ListObjectsV2RequestPaginateTypeDef = {"Bucket": self._bucket, "Prefix": prefix}
        if after is not None:
            request["StartAfter"] = after
        for page in clients.s3().get_paginator("list_objects_v2").paginate(**request):
            yield from (entry["Key"] for entry in page.get("Contents", []))

    def history(
        self, prefix: str, *, after: str | None = None
    ) -> Iterator[tuple[str, DocumentVersion]]:
        """All versions and delete markers below a prefix, by key; those past ``after``."""
        request: ListObjectVersionsRequestTypeDef = {"Bucket": self._bucket, "Prefix": prefix}
        if after is not None:
            request["KeyMarker"] = after
        while True:
            page = clients.s3().list_object_versions(**request)
            entries = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            for entry in sorted(entries, key=lambda entry: entry["Key"].encode()):
                if after is None or entry["Key"].encode() > after.encode():
                    yield entry["Key"], _version(entry)
            if not page.get("IsTruncated"):
                return
            request["KeyMarker"] = page["NextKeyMarker"]
            request["VersionIdMarker"] = page["NextVersionIdMarker"]

    def _get(
        self, key: str, version: str | None, part: str | None = None
    ) -> "GetObjectOutputTypeDef":
        """The answer to a read of the whole, or of a range of bytes; ``NotFound``."""
        if not is_key(key) or version == "":
            raise NotFound("No such document")
        request: GetObjectRequestTypeDef = {"Bucket": self._bucket, "Key": key}
        if version is not None:
            request["VersionId"] = version
        if part is not None:
            request["Range"] = part
        try:
            return clients.s3().get_object(**request)
        except ClientError as error:
            if code_of(error) in _ABSENT:
                raise NotFound("No such document") from error
            raise

    def _first_try(self, key: str, body: bytes) -> Revision | None:
        """What our own first try wrote, if its answer was lost and the SDK sent another."""
        try:
            current = self.get(key)
        except NotFound:
            return None
        return Revision(current.etag, current.version) if current.body == body else None


def _version(entry: "ObjectVersionTypeDef | DeleteMarkerEntryTypeDef") -> DocumentVersion:
    size = entry.get("Size")
    return DocumentVersion(
        version=entry["VersionId"],
        size=size if isinstance(size, int) else 0,
        modified_at=entry["LastModified"].timestamp(),
        current=entry["IsLatest"],
        deleted="ETag" not in entry,
    )


def _newest_first(entry: DocumentVersion) -> tuple[bool, float, bool]:
    return not entry.current, -entry.modified_at, not entry.deleted


def _is_etag(text: str) -> bool:
    """Whether S3 may have given this: else no request could even carry it."""
    return text.isascii() and text.isprintable() and '"' not in text and text.strip() == text != ""
