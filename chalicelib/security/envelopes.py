"""Envelopes: a secret under a data key of its own, with that key wrapped by a vault.

AES-256 in Galois/counter mode (NIST SP 800-38D). A data key seals one envelope, so a
nonce cannot repeat under it. The associated data says whose secret it is: an envelope
that was moved to another row does not open.
"""

import base64
import binascii
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.errors import NewerFormat, SecretUnreadable

VERSION = 1
DATA_KEY_BYTES = 32
NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class DataKey:
    """A new key for one envelope: ``plain`` is used and forgotten, ``wrapped`` is stored."""

    plain: bytes = field(repr=False)
    wrapped: bytes = field(repr=False)


def associated_data(context: Mapping[str, str]) -> bytes:
    """A row's identity as bytes: the same for the same names and values in any order."""
    return json.dumps(dict(context), sort_keys=True, separators=(",", ":")).encode()


def seal(plain: bytes, associated: bytes, data_key: DataKey) -> dict[str, Any]:
    """An envelope, JSON-able, that opens with this key and these associated data only."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(data_key.plain).encrypt(nonce, plain, _bound(associated))
    return {
        "version": VERSION,
        "wrappedKey": _text(data_key.wrapped),
        "nonce": _text(nonce),
        "ciphertext": _text(sealed),
    }


def open_(envelope: Mapping[str, Any], associated: bytes, key: bytes) -> bytes:
    """The secret of an envelope whose data key was unwrapped; ``SecretUnreadable``."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    _check_version(envelope)
    nonce, sealed = _part(envelope, "nonce"), _part(envelope, "ciphertext")
    if len(nonce) != NONCE_BYTES or len(key) != DATA_KEY_BYTES:
        raise SecretUnreadable
    try:
        return AESGCM(key).decrypt(nonce, sealed, _bound(associated))
    except InvalidTag as error:
        raise SecretUnreadable from error


def wrapped_key(envelope: Mapping[str, Any]) -> bytes:
    """The wrapped data key, for the vault to unwrap; ``SecretUnreadable``."""
    _check_version(envelope)
    return _part(envelope, "wrappedKey")


def rewrapped(envelope: Mapping[str, Any], wrapped: bytes) -> dict[str, Any]:
    """The same envelope with its data key wrapped anew."""
    _check_version(envelope)
    return {**envelope, "wrappedKey": _text(wrapped)}


def _bound(associated: bytes) -> bytes:
    """The version is authenticated too, so that nobody can have it read as another."""
    return f"comfytavern-envelope-{VERSION}\n".encode() + associated


def _check_version(envelope: Mapping[str, Any]) -> None:
    version = envelope.get("version")
    if type(version) is not int or version < 1:
        raise SecretUnreadable
    if version > VERSION:
        raise NewerFormat("secret")


def _part(envelope: Mapping[str, Any], name: str) -> bytes:
    value = envelope.get(name)
    if not isinstance(value, str):
        raise SecretUnreadable
    try:
        return base64.b64decode(value.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise SecretUnreadable from error


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
