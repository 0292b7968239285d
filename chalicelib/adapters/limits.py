"""What a row or an object may measure: the limits of S3 and DynamoDB.

The embedded family keeps to them too, so that what is tested on one machine
also works when deployed.

Sources: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
and https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
"""

from collections.abc import Collection, Sequence
from dataclasses import fields

from chalicelib.errors import InvalidInput, TooLarge
from chalicelib.ports import Change, Put, Run

MAX_PARTITION_BYTES = 2048
MAX_KEY_BYTES = 1024
MAX_CHANGES = 100
# An item may have 400 KB with its keys and attribute names; this leaves room for those.
MAX_VALUE_BYTES = 380_000
_FIXED_FIELDS = {"prompt_id", "owner", "submitted_at", "payload", "payload_key", "format"}
_HEADER_FIELDS = {field.name for field in fields(Run)} - _FIXED_FIELDS


def is_key(key: str, limit: int = MAX_KEY_BYTES) -> bool:
    """Whether a store can hold this key: 1 to ``limit`` bytes of UTF-8."""
    try:
        return 0 < len(key.encode()) <= limit
    except UnicodeEncodeError:
        return False


def check_key(key: str, limit: int = MAX_KEY_BYTES) -> None:
    """``InvalidInput`` for a key that no store can hold."""
    if not is_key(key, limit):
        raise InvalidInput(f"A key must have 1 to {limit} bytes of UTF-8")


def is_row(partition: str, key: str) -> bool:
    """Whether a row can have this partition and key."""
    return is_key(partition, MAX_PARTITION_BYTES) and is_key(key)


def check_value(text: str) -> None:
    """``TooLarge`` for a value that does not fit one item, ``InvalidInput`` for no UTF-8."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidInput("A string holds half of a surrogate pair") from error
    if size > MAX_VALUE_BYTES:
        raise TooLarge(f"A stored value may have at most {MAX_VALUE_BYTES} bytes")


def check_changes(changes: Sequence[Change]) -> None:
    """1 to 100 changes of distinct rows (else ``ValueError``) with keys that fit."""
    if not 1 <= len(changes) <= MAX_CHANGES:
        raise ValueError(f"1 to {MAX_CHANGES} changes are expected, not {len(changes)}")
    rows = [row_of(change) for change in changes]
    if len(set(rows)) != len(rows):
        raise ValueError("Two changes name the same row")
    for partition, key in rows:
        check_key(partition, MAX_PARTITION_BYTES)
        check_key(key)


def check_page(limit: int | None, after: str | None) -> None:
    """``ValueError`` for an empty page, ``InvalidInput`` for no key to go on from."""
    if limit is not None and limit < 1:
        raise ValueError(f"A page has at least one row, not {limit}")
    if after is not None and not is_key(after):
        raise InvalidInput("This is not a place to go on from")


def check_header_changes(names: Collection[str]) -> None:
    """``ValueError`` for what is no field of a run's header, or never changes."""
    unknown = set(names) - _HEADER_FIELDS
    if unknown:
        raise ValueError(f"Not a field of a header that can change: {', '.join(sorted(unknown))}")


def row_of(change: Change) -> tuple[str, str]:
    """The partition and key that a change is about."""
    row = change.entry if isinstance(change, Put) else change
    return row.partition, row.key
