"""What can go wrong, in the product's own words.

TavernError
 ├─ InvalidInput            the request is malformed or breaks a rule (400)
 ├─ NotSignedIn             no valid identity (401)
 ├─ NotAllowed              an identity without the right (403)
 ├─ NotFound                it does not exist, or it is someone else's (404)
 ├─ MethodNotAllowed        the path does not have this method (405)
 ├─ Conflict                it exists already, or it changed under the caller (409)
 │   └─ ConditionFailed     a conditional write of the index lost
 ├─ PreconditionFailed      an ETag that is no longer current (412)
 ├─ TooLarge                more bytes than the limit that is named (413)
 ├─ UnsupportedMediaType    a body of another kind (415)
 ├─ TooManyRequests         a limit of the user's is reached (429)
 ├─ LogMovedOn              another writer appended to a run's log first
 ├─ SecretUnreadable        a sealed secret that does not open (500)
 └─ NewerFormat             a newer version of the product wrote it (409)

The translation to HTTP is one table in ``chalicelib/api/http.py``.
"""

from collections.abc import Mapping
from typing import Any


class TavernError(Exception):
    """Base of every error a caller may see.

    ``message`` is written for the user; ``details`` is keyed by field, each a
    list of messages. Neither ever holds a secret, a path of the server or a
    stack trace.
    """

    def __init__(self, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = dict(details or {})


class InvalidInput(TavernError):  # noqa: N818 (the names read as what happened)
    """The request is malformed or breaks a rule."""

    @classmethod
    def field(cls, name: str, message: str) -> "InvalidInput":
        """One field is wrong: ``message`` says what is expected."""
        return cls(f"{name}: {message}", {name: [message]})


class NotSignedIn(TavernError):  # noqa: N818
    """No valid identity came with the request."""


class NotAllowed(TavernError):  # noqa: N818
    """The identity lacks the right."""


class NotFound(TavernError):  # noqa: N818
    """It does not exist, or it belongs to someone else."""


class MethodNotAllowed(TavernError):  # noqa: N818
    """The path exists, this method on it does not."""

    def __init__(self, message: str, allow: str) -> None:
        super().__init__(message)
        self.allow = allow


class Conflict(TavernError):  # noqa: N818
    """It exists already, or it changed under the caller."""


class ConditionFailed(Conflict):
    """A conditional write lost; ``positions`` are the changes that failed."""

    def __init__(self, positions: tuple[int, ...]) -> None:
        super().__init__("Changed by another request")
        self.positions = positions


class PreconditionFailed(TavernError):  # noqa: N818
    """The document is no longer what the caller read."""


class TooLarge(TavernError):  # noqa: N818
    """More bytes than the limit that the message names."""


class UnsupportedMediaType(TavernError):  # noqa: N818
    """The body is of another kind than the route takes."""


class TooManyRequests(TavernError):  # noqa: N818
    """A limit of the user's is reached; ``retry_after`` is in seconds."""

    def __init__(
        self, message: str, details: Mapping[str, Any] | None = None, *, retry_after: int = 5
    ) -> None:
        super().__init__(message, details)
        self.retry_after = retry_after


class LogMovedOn(TavernError):  # noqa: N818
    """Another writer holds the next sequence of a run's log."""


class SecretUnreadable(TavernError):  # noqa: N818
    """A sealed secret does not open: it was changed, moved to another row, or its key is gone.

    It never says which, and holds nothing of the secret or of a key.
    """

    def __init__(self) -> None:
        super().__init__("The stored secret cannot be read")


class NewerFormat(TavernError):  # noqa: N818
    """What is stored has a format of a newer version, which alone can read it.

    That happens while an update is under way, and after going back to a version
    before it. ``retry_after`` is in seconds.
    """

    retry_after = 30

    def __init__(self, what: str) -> None:
        super().__init__(f"A newer version of the server wrote this {what}; try again later")
