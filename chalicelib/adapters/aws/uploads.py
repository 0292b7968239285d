"""Uploads by presigned POSTs of S3.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from chalicelib.adapters.aws import clients
from chalicelib.adapters.limits import check_key
from chalicelib.errors import NotFound
from chalicelib.ports import Clock, UploadOffer


class S3Uploads:
    """An ``Uploads`` for the bucket of that name. To make an offer calls nobody.

    The offer is signed by whoever makes it, and allows what that one may do: the key,
    the content type and the size are in what is signed. Until it lapses it can be used
    again: each time is one more version of the same key.
    """

    def __init__(self, bucket: str, clock: Clock) -> None:
        self._bucket = bucket
        self._clock = clock

    def offer(self, key: str, *, max_bytes: int, content_type: str, seconds: int) -> UploadOffer:
        """Allow whoever has the offer to write this key for so many seconds."""
        check_key(key)
        made = clients.signing_s3().generate_presigned_post(
            Bucket=self._bucket,
            Key=key,
            Fields={"Content-Type": content_type, "success_action_status": "204"},
            Conditions=[
                {"Content-Type": content_type},
                {"success_action_status": "204"},
                ["content-length-range", 1, max_bytes],
            ],
            ExpiresIn=seconds,
        )
        return UploadOffer(made["url"], made["fields"], int(self._clock.now()) + seconds)

    def withdraw(self, prefix: str) -> None:
        """Nothing: what is signed holds until it lapses."""

    def expire(self, prefix: str, before: float) -> int:  # noqa: ARG002 (the port's)
        """Nothing to do: the bucket's lifecycle does it."""
        return 0

    def limit(self, token: str) -> int:  # noqa: ARG002 (the bucket knows)
        """``NotFound``: files go to the bucket."""
        raise NotFound("No such upload")

    def receive(self, token: str, data: bytes) -> None:  # noqa: ARG002 (the bucket takes them)
        """``NotFound``: files go to the bucket."""
        raise NotFound("No such upload")
