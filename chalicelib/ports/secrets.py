"""Keys that are kept elsewhere."""

from collections.abc import Mapping
from typing import Protocol

from chalicelib.security.envelopes import DataKey


class Vault(Protocol):
    """Wraps data keys under a master key that never leaves it (KMS semantics).

    ``context`` is the identity of the row that an envelope is in; it holds no secret.
    A wrapped key opens with its own context only.
    """

    def new_key(self, context: Mapping[str, str]) -> DataKey:
        """A random key of 256 bits, in plain and wrapped."""
        ...

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """The plain key; ``SecretUnreadable``."""
        ...

    def rewrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """The same key wrapped under the newest master key; ``SecretUnreadable``."""
        ...

    def rotate(self) -> bool:
        """Make a new master key, which wraps from now on; the earlier ones go on to unwrap.

        False, and nothing is done, where the master key is turned by whoever keeps it.
        """
        ...
