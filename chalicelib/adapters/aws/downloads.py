"""Downloads by presigned GETs of S3.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""

from urllib.parse import quote

from chalicelib.adapters.aws import clients
from chalicelib.adapters.limits import check_key


class S3Downloads:
    """A ``Downloads`` for the bucket of that name. To make a link calls nobody."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    def link(self, key: str, *, media_type: str, name: str | None, seconds: int) -> str:
        """An address that gives this document to whoever has it, for so many seconds."""
        check_key(key)
        shown = "inline" if name is None else f"attachment; filename*=UTF-8''{quote(name, safe='')}"
        made: str = clients.signing_s3().generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": key,
                "ResponseContentType": media_type,
                "ResponseContentDisposition": shown,
            },
            ExpiresIn=seconds,
        )
        return made
