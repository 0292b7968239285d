"""Where files go that are too large for a request, if the store cannot take them itself.

On one machine this is the address that an offer of an upload names; on AWS it is
the bucket's, and here is nothing.
"""

from chalicelib import container
from chalicelib.api.groups import Group
from chalicelib.api.http import Call, Reply
from chalicelib.api.uploads import file_of

group = Group(__name__)


# The token in the path is the right to do it, as a signature is at the bucket.
@group.post("/api/uploads/{token}", access="anyone")
def receive(call: Call, token: str) -> Reply:
    """Keep the file of a form for who was offered to send it."""
    uploads = container.uploads()
    file = file_of(call, "file", max_bytes=uploads.limit(token))
    uploads.receive(token, file.data)
    return Reply(None, 204)
