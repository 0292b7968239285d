"""The vault on KMS: the master key never leaves it, and the context is KMS's encryption context.

That context shows in CloudTrail, so whose key was used when can be looked up there.
https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import clients
from chalicelib.adapters.aws.failures import code_of
from chalicelib.errors import SecretUnreadable
from chalicelib.security.envelopes import DataKey

_MAX_WRAPPED_BYTES = 6144
# These stay as they are until somebody does something. What passes by itself (throttling,
# a time-out) is raised as it is, so that a run is tried again. A changed blob may name
# another key, which is not allowed, either.
_FOR_GOOD = frozenset(
    {
        "AccessDeniedException",
        "DisabledException",
        "IncorrectKeyException",
        "InvalidCiphertextException",
        "KMSInvalidStateException",
        "NotFoundException",
    }
)


class KmsVault:
    """A ``Vault`` on a key of KMS; ``key`` is its id, ARN or alias.

    What was wrapped under another key still unwraps where the function's policy
    allows that key: so a stage can move to a new one.
    """

    def __init__(self, key: str) -> None:
        self._key = key

    def new_key(self, context: Mapping[str, str]) -> DataKey:
        """A random key of 256 bits, in plain and wrapped."""
        answer = clients.kms().generate_data_key(
            KeyId=self._key, KeySpec="AES_256", EncryptionContext=context
        )
        return DataKey(plain=answer["Plaintext"], wrapped=answer["CiphertextBlob"])

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """The plain key; ``SecretUnreadable``."""
        _check_size(wrapped)
        with _refusals_told():
            answer = clients.kms().decrypt(CiphertextBlob=wrapped, EncryptionContext=context)
        return answer["Plaintext"]

    def rewrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """The same key under the newest material of this key; ``SecretUnreadable``.

        The plain key stays in KMS.
        """
        _check_size(wrapped)
        with _refusals_told():
            answer = clients.kms().re_encrypt(
                CiphertextBlob=wrapped,
                SourceEncryptionContext=context,
                DestinationKeyId=self._key,
                DestinationEncryptionContext=context,
            )
        return answer["CiphertextBlob"]

    def rotate(self) -> bool:
        """False: KMS turns its material, every year or when its account's owner asks it to."""
        return False


def _check_size(wrapped: bytes) -> None:
    """botocore would refuse these with an error that repeats them."""
    if not 1 <= len(wrapped) <= _MAX_WRAPPED_BYTES:
        raise SecretUnreadable


@contextmanager
def _refusals_told() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if code_of(error) not in _FOR_GOOD:
            raise
        raise SecretUnreadable from error
