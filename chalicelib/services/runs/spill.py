"""Values too large for an event: stored as documents, referred to from the log."""

import hashlib
import heapq
import re
from collections.abc import Mapping
from typing import Any

from chalicelib import json_text
from chalicelib.engine.events import RunState
from chalicelib.errors import NotFound
from chalicelib.ports import DocumentStore

MAX_EVENT_BYTES = 32 * 1024
_ENVELOPE_BYTES = 1024
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_HOLDERS = ("output", "pseudoOutputs", "yieldedContent")
_MAX_REFERENCES = 16


class Spill:
    """The large values of one user's run."""

    def __init__(self, documents: DocumentStore, owner: str, prompt_id: str) -> None:
        self._documents = documents
        self._folder = f"runs/{owner}/{prompt_id}/values/"
        self._url = f"/api/prompt/{prompt_id}/values/"

    def shrink(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """An event's payload whose largest values are references, so that it fits a frame."""
        shrunk = dict(payload)
        for holder in _HOLDERS:
            if isinstance(shrunk.get(holder), Mapping):
                shrunk[holder] = self._shrink_values(shrunk[holder])
        return shrunk

    def restore(self, state: RunState) -> None:
        """Put the values back into a folded state, for a worker that resumes."""
        for node in state.nodes.values():
            if node.output is not None:
                node.output = {key: self._restored(item) for key, item in node.output.items()}
            node.chunks = [
                {key: self._restored(item) for key, item in chunk.items()} for chunk in node.chunks
            ]

    def read(self, digest: str) -> str:
        """A stored value as JSON text; ``NotFound``."""
        if not _DIGEST.match(digest):
            raise NotFound("No such value")
        text = self._documents.get(f"{self._folder}{digest}.json").body.decode()
        if "NaN" in text or "Infinity" in text:
            return json_text.dumps(json_text.loads_exact(text))
        return text

    def _shrink_values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        texts = {key: json_text.dumps_exact(value) for key, value in values.items()}
        sizes = {key: len(text.encode()) + len(key) for key, text in texts.items()}
        excess = sum(sizes.values()) - MAX_EVENT_BYTES + _ENVELOPE_BYTES
        shrunk = dict(values)
        for key in heapq.nlargest(_MAX_REFERENCES, sizes, key=sizes.__getitem__):
            if excess <= 0:
                break
            shrunk[key] = self._store(texts[key])
            excess -= sizes[key] - _ENVELOPE_BYTES // 4
        if excess > 0:
            return self._store(json_text.dumps_exact(values))
        return shrunk

    def _store(self, text: str) -> dict[str, Any]:
        body = text.encode()
        digest = hashlib.sha256(body).hexdigest()
        self._documents.put(f"{self._folder}{digest}.json", body)
        reference = {
            "url": f"{self._url}{digest}",
            "bytes": len(body),
            "mediaType": "application/json",
        }
        return {"$ref": reference}

    def _restored(self, value: Any) -> Any:
        reference = value.get("$ref") if isinstance(value, Mapping) else None
        url = reference.get("url") if isinstance(reference, Mapping) else None
        if not isinstance(url, str) or not url.startswith(self._url):
            return value
        digest = url.removeprefix(self._url)
        if not _DIGEST.match(digest):
            return value
        try:
            return json_text.loads_exact(
                self._documents.get(f"{self._folder}{digest}.json").body.decode()
            )
        except NotFound:
            return value
