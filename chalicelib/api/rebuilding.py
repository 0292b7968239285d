"""Making a list anew within a request."""

import time
from typing import TYPE_CHECKING

from chalicelib.api.http import Call, Reply

if TYPE_CHECKING:
    from chalicelib.services.library.shelf_repair import ShelfRepair

# A request has 29 at most.
_SECONDS = 20.0


def rebuilt(call: Call, repair: "ShelfRepair") -> Reply:
    """Make the caller's list anew from what is kept, as far as there is time.

    ``after`` goes on where another request ended.
    """
    until = time.monotonic() + _SECONDS
    done = repair.rebuild(call.uid, call.query("after"), lambda: time.monotonic() < until)
    return Reply({"success": True, "data": done.view()})
