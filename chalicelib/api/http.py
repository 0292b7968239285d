"""What all route groups share: requests, answers, errors.

A route group declares its routes on a ``Group`` (``groups.py``); a view gets a
``Call``, calls one service and shapes the answer. What a service raises becomes
HTTP in one table.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from chalice.app import Request

from chalicelib import container, errors, json_text
from chalicelib.api.cors import cors_headers, preflight_headers
from chalicelib.services.accounts import audit
from chalicelib.services.accounts.attempts import Origin
from chalicelib.services.callers import Caller, may_write
from chalicelib.services.library.if_match import IfMatch

STATUS: Mapping[type[errors.TavernError], int] = {
    errors.InvalidInput: 400,
    errors.NotSignedIn: 401,
    errors.NotAllowed: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.Conflict: 409,
    errors.LogMovedOn: 409,
    errors.NewerFormat: 409,
    errors.PreconditionFailed: 412,
    errors.TooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.TooManyRequests: 429,
    errors.SecretUnreadable: 500,
}

Access = Literal["read", "write", "run", "admin", "session", "identity", "anyone"]
"""What a route asks of its caller: a scope, that it is no service key, that it is
somebody at all, or nothing."""

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
_JSON = "application/json"
_MAX_JSON_BYTES = 5 * 1024 * 1024
_ETAG = re.compile(r'"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. ``body`` is JSON-able, text that is ready, or bytes; None means no content."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = _JSON


class Call:
    """A request as a view sees it: its caller, its body, its conditions.

    ``headers`` are by lower-case name. Who asks is found out before anything else is
    looked at (``NotSignedIn``), except on the routes that ask nothing of their caller.
    """

    def __init__(self, request: Request, access: Access = "identity") -> None:
        self._request = request
        self.headers: Mapping[str, str] = {
            key.lower(): value for key, value in request.headers.items()
        }
        self._caller = None if access == "anyone" else container.callers().resolve(self.headers)

    @property
    def caller(self) -> Caller:
        """Who asks; ``NotSignedIn`` on the routes that ask nothing of their caller."""
        if self._caller is None:
            raise errors.NotSignedIn("Sign in first")
        return self._caller

    @property
    def peer(self) -> str:
        """The address that the request came from, as the gateway saw it."""
        return str((self._request.context.get("identity") or {}).get("sourceIp") or "unknown")

    @property
    def origin(self) -> Origin:
        """Where a request comes from.

        The peer is API Gateway's word. Behind CloudFront that is CloudFront, which puts
        the viewer at the end of ``X-Forwarded-For``; API Gateway adds the peer after it.
        Who asks API Gateway itself can write what he likes there, but not be another
        peer: see the limits of ``Attempts``.
        """
        if container.settings().backend != "aws":
            return Origin(self.peer)
        told = self.headers.get("x-forwarded-for", "")
        hops = [hop.strip() for hop in told.split(",") if hop.strip()]
        if hops and hops[-1] == self.peer:
            hops.pop()
        viewer = self.peer if not hops or self.peer in hops else hops[-1]
        return Origin(viewer, self.peer)

    def actor(self) -> audit.Actor:
        """Who asks, as the audit tells it."""
        caller = self._caller
        return audit.Actor(
            by=None if caller is None else caller.uid,
            address=self.origin.address,
            user_agent=self.headers.get("user-agent"),
            identity=None if caller is None else caller.identity,
        )

    def check_origin(self) -> None:
        """``NotAllowed`` for a write that a page of a foreign origin may have asked for."""
        if not may_write(self._caller, self.headers, container.settings().origins):
            raise errors.NotAllowed("Pages of this origin may not write here (TAVERN_CORS_ORIGINS)")

    @property
    def uid(self) -> str:
        """The caller's uid."""
        return self.caller.uid

    @property
    def is_head(self) -> bool:
        """Are the headers all that is wanted?"""
        return bool(self._request.method == "HEAD")

    @property
    def body(self) -> bytes:
        """The body as it came."""
        raw = self._request.raw_body
        return raw.encode() if isinstance(raw, str) else bytes(raw)

    def query(self, name: str) -> str | None:
        """A parameter of the query string; the last, if there are several."""
        values = self._request.query_params
        return None if values is None or name not in values else str(values[name])

    def number(self, name: str, default: int) -> int:
        """A parameter of the query string that is a whole number; ``InvalidInput``."""
        text = self.query(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            raise errors.InvalidInput.field(name, "a whole number is expected")
        return int(text)

    def json(self, *, empty: object = None) -> Any:
        """The body as JSON; ``InvalidInput``, ``TooLarge``, ``UnsupportedMediaType``.

        ``empty`` stands for a body that is not there; without it that is invalid.
        """
        body = self._request.raw_body
        raw = body.encode() if isinstance(body, str) else body
        if not raw.strip():
            if empty is not None:
                return empty
            raise errors.InvalidInput("A JSON body is expected")
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind and not (kind == _JSON or kind.endswith("+json") or kind.startswith("text/")):
            raise errors.UnsupportedMediaType(f"A body of {_JSON} is expected")
        if len(raw) > _MAX_JSON_BYTES:
            limit = _MAX_JSON_BYTES
            raise errors.TooLarge(f"The body has {len(raw)} bytes; at most {limit} are allowed")
        return json_text.loads(raw, finite=True)

    def if_match(self) -> IfMatch | None:
        """The versions that the caller allows to be replaced (If-Match)."""
        return _etags(self.headers.get("if-match"))

    def knows(self, etag: str) -> bool:
        """Does the caller have this version already (If-None-Match)?"""
        known = _etags(self.headers.get("if-none-match"))
        return known is not None and known.allows(etag)


def document(call: Call, value: Mapping[str, Any], etag: str, status: int = 200) -> Reply:
    """A document with its ETag; 304 for a caller that has it."""
    headers = {"ETag": f'"{etag}"'}
    if status == 200 and call.knows(etag):
        return Reply(None, 304, headers)
    return Reply(value, status, headers)


def error_reply(error: errors.TavernError, *, success_flag: bool = False) -> Reply:
    """The one translation of the product's errors to HTTP."""
    kind = next(kind for kind in type(error).__mro__ if kind in STATUS)
    body = error_body(error.message, success_flag=success_flag)
    if error.details:
        body["details"] = error.details
    headers = {}
    if isinstance(error, errors.MethodNotAllowed):
        headers["Allow"] = error.allow
    if isinstance(error, errors.NotSignedIn):
        headers["WWW-Authenticate"] = "Bearer"  # a 401 names a scheme (RFC 9110, 15.5.2)
    if isinstance(error, (errors.TooManyRequests, errors.NewerFormat)):
        headers["Retry-After"] = str(error.retry_after)
    return Reply(body, STATUS[kind], headers)


def error_body(message: str, *, success_flag: bool) -> dict[str, Any]:
    """What an error says, with the fields that the clients of some routes expect."""
    return {"error": message} | ({"success": False, "message": message} if success_flag else {})


def unknown_path(origin: str | None, method: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and body for a path that no route has.

    API Gateway answers these itself (see the GatewayResponses of the template);
    a front that stands in for it asks here.
    """
    headers = {**cors_headers(origin), "Content-Type": _JSON, "X-Request-Id": str(uuid.uuid4())}
    if method == "OPTIONS":
        return 204, {**headers, **preflight_headers(headers)}, ""
    return 404, headers, json_text.dumps(error_body("Not found", success_flag=True))


def _etags(header: str | None) -> IfMatch | None:
    """Parse a list of entity tags (RFC 9110, section 8.8.3); weak ones count by their text."""
    if header is None or not header.strip():
        return None
    if header.strip() == "*":
        return IfMatch(None)
    return IfMatch(frozenset(_ETAG.findall(header)) or frozenset({header.strip()}))
