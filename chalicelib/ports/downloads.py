"""Downloads that do not pass through the API."""

from typing import Protocol


class Downloads(Protocol):
    """Lets a client read one document by itself (presigned GET of S3)."""

    def link(self, key: str, *, media_type: str, name: str | None, seconds: int) -> str:
        """An address that gives this document to whoever has it, for so many seconds.

        It comes with that type, and as a file of that name if there is one.
        """
        ...
