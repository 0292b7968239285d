"""Files that come past the API."""

from chalicelib.container.parts import clock, part
from chalicelib.container.stores import documents, index, uploads
from chalicelib.services.uploads import OfferedUploads


@part
def offered_uploads() -> OfferedUploads:
    """What was offered to users to send apart from a request."""
    return OfferedUploads(uploads=uploads(), documents=documents(), index=index(), clock=clock())
