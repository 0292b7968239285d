"""Which files characters were made of, so that a library that comes again brings what is new."""

import hashlib

from chalicelib.services.characters import names
from chalicelib.services.characters.rows import BY_FILE, BY_IMAGE, SOURCES
from chalicelib.services.library.shelf import Shelf

# Of SHA-256; who finds two alike has found two files of his own.
_DIGITS = 32


def source(name: str | None, data: bytes) -> str:
    """What a file is known by: what it is called here, and its bytes."""
    digest = hashlib.sha256(names.file_name(name).encode() + b"\0")
    digest.update(data)
    return digest.hexdigest()[:_DIGITS]


def known(shelf: Shelf, uid: str) -> dict[str, str]:
    """The ids of a user's characters by the files they were made of. Two queries."""
    partition = shelf.partition(uid)
    return {
        each: str(row.value["id"])
        for rows in (BY_IMAGE, BY_FILE)
        for row in shelf.index.query(partition, rows).entries
        for each in row.value.get(SOURCES, ())
    }
