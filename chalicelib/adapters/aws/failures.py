"""Reading what AWS answers when a call fails."""

from botocore.exceptions import ClientError


def code_of(error: ClientError) -> str:
    """AWS's code of an error, such as ``NoSuchKey``."""
    return error.response.get("Error", {}).get("Code", "")


def status_of(error: ClientError) -> int:
    """The HTTP status of an error; 0 if it had none."""
    metadata = error.response.get("ResponseMetadata")
    return metadata["HTTPStatusCode"] if metadata else 0


def was_retried(error: ClientError) -> bool:
    """Whether the SDK sent the call more than once: the first may have worked unheard."""
    metadata = error.response.get("ResponseMetadata")
    return bool(metadata and metadata["RetryAttempts"])
