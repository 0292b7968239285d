"""The credentials that one run uses: read once, and kept out of all that leaves the worker."""

import threading
from collections.abc import Callable

from chalicelib import logs
from chalicelib.engine.definitions import NodeError
from chalicelib.engine.redaction import Redaction
from chalicelib.errors import NotFound

OpenCredential = Callable[[str, str], str]
"""The text of a user's credential, by uid and credential id; ``NotFound``."""


class RunSecrets:
    """What a run has read so far. Any thread may ask.

    Opening takes the id and the run's owner, so a workflow that names somebody
    else's credential gets nothing.
    """

    def __init__(self, owner: str, open_credential: OpenCredential) -> None:
        self.redaction = Redaction()
        self._owner = owner
        self._open = open_credential
        self._opening = threading.Lock()
        self._known: dict[str, str] = {}

    def credential(self, credential_id: str) -> str:
        """A credential's text, looked for in all that the run shows from then on; ``NodeError``."""
        if not isinstance(credential_id, str):  # it may come from a workflow as it is
            raise NodeError("The id of a credential is text")
        with self._opening:
            known = self._known.get(credential_id)
            if known is None:
                known = self._known[credential_id] = self._read(credential_id)
            return known

    def _read(self, credential_id: str) -> str:
        try:
            text = self._open(self._owner, credential_id)
        except NotFound:
            raise NodeError("No such credential") from None
        if not self.redaction:
            logs.hide(self.redaction)
        self.redaction.add(text)
        return text


def none_stored(_owner: str, _credential_id: str) -> str:
    """An ``OpenCredential`` where there are none."""
    raise NotFound("No such credential")
