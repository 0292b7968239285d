"""The vault on one machine: master keys in a file that its owner alone may read.

``master.json`` is ``{"format": 1, "current": id, "keys": {id: 32 bytes in base64}}``.
The newest key wraps, all of them unwrap. It lies beside the database, not in it, so
that a copy of the database alone gives no secret away.
"""

import base64
import json
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from chalicelib.adapters.embedded.turnstile import Turnstile
from chalicelib.errors import SecretUnreadable
from chalicelib.security.envelopes import DATA_KEY_BYTES, NONCE_BYTES, DataKey, associated_data

_FORMAT = 1
_KEY_BYTES = 32
_ID_BYTES = 8
_HEADER = b"\x01"  # the layout of what follows: key id, nonce, ciphertext with its tag
_TAG_BYTES = 16
_WRAPPED_BYTES = len(_HEADER) + _ID_BYTES + NONCE_BYTES + DATA_KEY_BYTES + _TAG_BYTES


class KeyFileUnusable(Exception):  # noqa: N818 (the name reads as what happened)
    """The file of master keys cannot be used; the message tells the operator why."""


@dataclass(frozen=True, slots=True)
class _MasterKeys:
    """All versions by id, and the id of the one that wraps."""

    current: bytes
    by_id: Mapping[bytes, bytes] = field(repr=False)

    def with_another(self) -> "_MasterKeys":
        return _MasterKeys(made := os.urandom(_ID_BYTES), {**self.by_id, made: os.urandom(32)})


class EmbeddedVault:
    """A ``Vault`` on ``master.json`` of a directory; both are made when first needed.

    The file is read at every use, so that all processes see a rotation at once.
    Every method raises ``KeyFileUnusable``.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file = directory / "master.json"

    def new_key(self, context: Mapping[str, str]) -> DataKey:
        """A random key of 256 bits, in plain and wrapped."""
        keys = self._read() or self._change(lambda found: found or _first())
        plain = os.urandom(DATA_KEY_BYTES)
        return DataKey(plain, _wrap(keys, plain, context))

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """The plain key; ``SecretUnreadable``, also where the file lacks its master key."""
        keys = self._read()
        if keys is None:
            raise SecretUnreadable
        return _unwrap(keys, wrapped, context)

    def rewrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """The same key under the newest master key; ``SecretUnreadable``."""
        keys = self._read()
        if keys is None:
            raise SecretUnreadable
        return _wrap(keys, _unwrap(keys, wrapped, context), context)

    def rotate(self) -> bool:
        """Add a master key, which wraps from now on; the earlier ones go on to unwrap."""
        self._change(lambda found: found.with_another() if found else _first())
        return True

    def _change(self, make: Callable[[_MasterKeys | None], _MasterKeys]) -> _MasterKeys:
        """Replace the file, one process at a time, so that no key gets lost."""
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._directory.chmod(0o700)
            turnstile = Turnstile(self._directory / "lock")
            try:
                with turnstile:
                    found = self._read()
                    made = make(found)
                    if made is not found:
                        _replace(self._file, _text(made))
                    return made
            finally:
                turnstile.close()
        except OSError as error:
            raise KeyFileUnusable(f"Cannot write {self._file}: {error.strerror}") from error

    def _read(self) -> _MasterKeys | None:
        try:
            with self._file.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                text = file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise KeyFileUnusable(f"Cannot read {self._file}: {error.strerror}") from error
        if mode & 0o077 and sys.platform != "win32":
            raise KeyFileUnusable(
                f"Others may read {self._file} (mode {mode:o}): chmod 600 it, "
                "and think of its keys as known to them"
            )
        keys = _parsed(text)
        if keys is None:
            raise KeyFileUnusable(f"{self._file} is damaged, or of a newer version")
        return keys


def _first() -> _MasterKeys:
    return _MasterKeys(b"", {}).with_another()


def _wrap(keys: _MasterKeys, plain: bytes, context: Mapping[str, str]) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    head, nonce = _HEADER + keys.current, os.urandom(NONCE_BYTES)
    master = AESGCM(keys.by_id[keys.current])
    return head + nonce + master.encrypt(nonce, plain, head + associated_data(context))


def _unwrap(keys: _MasterKeys, wrapped: bytes, context: Mapping[str, str]) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    head, rest = wrapped[: 1 + _ID_BYTES], wrapped[1 + _ID_BYTES :]
    master = keys.by_id.get(head[1:])
    if len(wrapped) != _WRAPPED_BYTES or not head.startswith(_HEADER) or master is None:
        raise SecretUnreadable
    nonce, sealed = rest[:NONCE_BYTES], rest[NONCE_BYTES:]
    try:
        return AESGCM(master).decrypt(nonce, sealed, head + associated_data(context))
    except InvalidTag as error:
        raise SecretUnreadable from error


def _text(keys: _MasterKeys) -> bytes:
    by_id = {id_.hex(): base64.b64encode(key).decode() for id_, key in keys.by_id.items()}
    value = {"format": _FORMAT, "current": keys.current.hex(), "keys": by_id}
    return json.dumps(value, indent=1).encode()


def _parsed(text: bytes) -> _MasterKeys | None:
    """What the file says; None if it is damaged. The errors of parsers hold what they parse."""
    try:
        value = json.loads(text)
        if value["format"] != _FORMAT:
            return None
        by_id = {
            bytes.fromhex(id_): base64.b64decode(key, validate=True)
            for id_, key in value["keys"].items()
        }
        current = bytes.fromhex(value["current"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    if current not in by_id or {len(key) for key in by_id.values()} != {_KEY_BYTES}:
        return None
    return _MasterKeys(current, by_id)


def _replace(file: Path, text: bytes) -> None:
    """Write a file of mode 0600 as a whole, on the disk when this returns."""
    descriptor, name = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        part.replace(file)
        directory = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    finally:
        part.unlink(missing_ok=True)
