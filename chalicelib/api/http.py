"""What all route groups share: requests, answers, errors, CORS.

A route group declares its routes on a ``Group``; a view gets a ``Call``,
calls one service and shapes the answer. What a service raises becomes HTTP
in one table. Every path also answers OPTIONS, and 405 to the methods that it
does not have: API Gateway would answer both wrongly by itself.
"""

import base64
import logging
import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote

from chalice.app import Blueprint, Chalice, Request, Response

from chalicelib import container, errors, json_text, logs
from chalicelib.services.accounts import audit
from chalicelib.services.accounts.attempts import Origin
from chalicelib.services.callers import Caller, may_write
from chalicelib.services.library.if_match import IfMatch

_logger = logging.getLogger("chalicelib.api")

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

_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
_JSON = "application/json"
_ANY_CONTENT = ["*/*"]
_MAX_JSON_BYTES = 5 * 1024 * 1024
_ETAG = re.compile(r'"([^"]*)"')
_CORS_METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
_CORS_HEADERS = "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key"
_CORS_EXPOSED = "ETag, Retry-After, X-Request-Id"


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
        return json_text.loads(raw)

    def if_match(self) -> IfMatch | None:
        """The versions that the caller allows to be replaced (If-Match)."""
        return _etags(self.headers.get("if-match"))

    def knows(self, etag: str) -> bool:
        """Does the caller have this version already (If-None-Match)?"""
        known = _etags(self.headers.get("if-none-match"))
        return known is not None and known.allows(etag)


View = Callable[..., Reply]


class _Served(NamedTuple):
    """A view, and what it asks of its caller."""

    view: View
    access: Access


class Group:
    """The routes below one prefix.

    With ``success_flag`` its errors also carry ``success`` and ``message``, as
    the clients of these routes expect. A route says what it asks of its caller
    by ``access``: by default ``read`` for GET and HEAD, ``write`` for the others.
    """

    def __init__(
        self, name: str, *, success_flag: bool = False, refusal: str | None = None
    ) -> None:
        self.blueprint = Blueprint(name)
        self._routes: dict[str, dict[str, _Served]] = {}
        self._success_flag = success_flag
        self._refusal = refusal or "This path does not have that method"

    def get(self, path: str, *, access: Access = "read") -> Callable[[View], View]:
        """Register a view for GET."""
        return self._register(path, "GET", access)

    def head(self, path: str, *, access: Access = "read") -> Callable[[View], View]:
        """Register a view for HEAD; its body is dropped."""
        return self._register(path, "HEAD", access)

    def post(self, path: str, *, access: Access = "write") -> Callable[[View], View]:
        """Register a view for POST."""
        return self._register(path, "POST", access)

    def put(self, path: str, *, access: Access = "write") -> Callable[[View], View]:
        """Register a view for PUT."""
        return self._register(path, "PUT", access)

    def delete(self, path: str, *, access: Access = "write") -> Callable[[View], View]:
        """Register a view for DELETE."""
        return self._register(path, "DELETE", access)

    def path(self, path: str) -> None:
        """Register a path that has no method of its own yet."""
        self._routes.setdefault(path, {})

    def register(self, app: Chalice) -> dict[str, tuple[str, ...]]:
        """Put all routes into the app; the paths with the methods that they have."""
        for path, views in self._routes.items():
            for method, served in views.items():
                self._route(path, [method], served)
            missing = [method for method in METHODS if method not in views]
            if missing:
                refuse = self._refuse(", ".join([*views, "OPTIONS"]))
                self._route(path, missing, _Served(refuse, "identity"))
            self.blueprint.route(path, methods=["OPTIONS"], content_types=_ANY_CONTENT)(
                self._preflight
            )
        app.register_blueprint(self.blueprint)
        return {path: tuple(views) for path, views in self._routes.items()}

    def access(self) -> dict[tuple[str, str], Access]:
        """What each route asks of its caller, by method and path."""
        return {
            (method, path): served.access
            for path, views in self._routes.items()
            for method, served in views.items()
        }

    def _register(self, path: str, method: str, access: Access) -> Callable[[View], View]:
        def add(view: View) -> View:
            self._routes.setdefault(path, {})[method] = _Served(view, access)
            return view

        return add

    def _route(self, path: str, methods: list[str], served: _Served) -> None:
        def answer(**parameters: str) -> Response:
            return self._answer(path, served, parameters)

        self.blueprint.route(path, methods=methods, content_types=_ANY_CONTENT)(answer)

    def _refuse(self, allow: str) -> View:
        def refuse(_call: Call, **_parameters: str) -> Reply:
            raise errors.MethodNotAllowed(self._refusal, allow)

        return refuse

    def _preflight(self, **_parameters: str) -> Response:
        headers = cors_headers(self.blueprint.current_request.headers.get("origin"))
        return Response("", {**headers, **_preflight_headers(headers)}, 204)

    def _answer(self, path: str, served: _Served, parameters: Mapping[str, str]) -> Response:
        request = self.blueprint.current_request
        started = time.perf_counter()
        identifier = str(request.context.get("requestId") or uuid.uuid4())
        with logs.about(identifier):
            reply = self._reply(request, served, parameters)
            _logger.info(
                "request",
                extra={
                    "method": request.method,
                    "path": path,
                    "status": reply.status,
                    "ms": round((time.perf_counter() - started) * 1000, 2),
                },
            )
        headers = {
            "X-Request-Id": identifier,
            "Content-Type": reply.content_type,
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            **cors_headers(request.headers.get("origin")),
            **reply.headers,
        }
        made = _Bytes if isinstance(reply.body, bytes) else Response
        return made(reply.body, headers, reply.status)

    def _reply(self, request: Request, served: _Served, parameters: Mapping[str, str]) -> Reply:
        try:
            call = Call(request, served.access)
            if request.method in _WRITES:
                call.check_origin()
            if served.access != "anyone":
                _check_access(call.caller, served.access)
                container.request_rate().count(call.uid)
            decoded = {key: _decoded(key, value) for key, value in parameters.items()}
            with audit.acting(call.actor()):
                return _rendered(served.view(call, **decoded))
        except errors.TavernError as error:
            return _rendered(error_reply(error, success_flag=self._success_flag))
        except Exception:
            _logger.exception("A request failed")
            return _rendered(Reply({"error": "Internal error; the server's log says more"}, 500))


class _Bytes(Response):  # type: ignore[misc]  # Chalice has no types
    """An answer of bytes, which API Gateway takes as base64.

    Chalice would do it for the types of its own list alone, and refuse requests whose
    Accept header does not name the very type. Here whoever asks for a picture gets it.
    """

    def to_dict(self, binary_types: list[str] | None = None) -> dict[str, Any]:  # noqa: ARG002
        """The answer as the function gives it to API Gateway."""
        made: dict[str, Any] = super().to_dict(None)
        return {**made, "body": base64.b64encode(self.body).decode(), "isBase64Encoded": True}


def document(call: Call, value: Mapping[str, Any], etag: str, status: int = 200) -> Reply:
    """A document with its ETag; 304 for a caller that has it."""
    headers = {"ETag": f'"{etag}"'}
    if status == 200 and call.knows(etag):
        return Reply(None, 304, headers)
    return Reply(value, status, headers)


def error_reply(error: errors.TavernError, *, success_flag: bool = False) -> Reply:
    """The one translation of the product's errors to HTTP."""
    kind = next(kind for kind in type(error).__mro__ if kind in STATUS)
    body: dict[str, Any] = {"error": error.message}
    if error.details:
        body["details"] = error.details
    if success_flag:
        body |= {"success": False, "message": error.message}
    headers = {}
    if isinstance(error, errors.MethodNotAllowed):
        headers["Allow"] = error.allow
    if isinstance(error, errors.NotSignedIn):
        headers["WWW-Authenticate"] = "Bearer"  # a 401 names a scheme (RFC 9110, 15.5.2)
    if isinstance(error, (errors.TooManyRequests, errors.NewerFormat)):
        headers["Retry-After"] = str(error.retry_after)
    return Reply(body, STATUS[kind], headers)


def unknown_path(origin: str | None, method: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and body for a path that no route has.

    API Gateway answers these itself (see the GatewayResponses of the template);
    a front that stands in for it asks here.
    """
    headers = {**cors_headers(origin), "Content-Type": _JSON, "X-Request-Id": str(uuid.uuid4())}
    if method == "OPTIONS":
        return 204, {**headers, **_preflight_headers(headers)}, ""
    return 404, headers, json_text.dumps({"error": "Not found"})


def cors_headers(origin: str | None) -> dict[str, str]:
    """What lets a page of an allowed origin read the answer."""
    headers = {"Vary": "Origin"}
    if origin is not None and origin.rstrip("/") in container.settings().origins:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Allow-Credentials"] = "true"
        headers["Access-Control-Expose-Headers"] = _CORS_EXPOSED
    return headers


def _preflight_headers(cors: Mapping[str, str]) -> dict[str, str]:
    if "Access-Control-Allow-Origin" not in cors:
        return {}
    return {
        "Access-Control-Allow-Methods": _CORS_METHODS,
        "Access-Control-Allow-Headers": _CORS_HEADERS,
        "Access-Control-Max-Age": "600",
    }


def _etags(header: str | None) -> IfMatch | None:
    """Parse a list of entity tags (RFC 9110, section 8.8.3); weak ones count by their text."""
    if header is None or not header.strip():
        return None
    if header.strip() == "*":
        return IfMatch(None)
    return IfMatch(frozenset(_ETAG.findall(header)) or frozenset({header.strip()}))


def _check_access(caller: Caller, access: Access) -> None:
    """``NotAllowed`` for a service key that may not do this."""
    if access == "identity":
        return
    if access != "session":
        caller.require(access)
    elif caller.kind == "key":
        raise errors.NotAllowed("A service key may not do this: sign in")


def _decoded(name: str, value: str) -> str:
    """A path parameter, decoded once."""
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError as error:
        raise errors.InvalidInput.field(name, "its percent-encoding is not UTF-8") from error


def _rendered(reply: Reply) -> Reply:
    """The same with a body that is text or bytes."""
    if reply.body is None:
        return replace(reply, body="")
    if isinstance(reply.body, (str, bytes)):
        return reply
    return replace(reply, body=json_text.dumps(reply.body))
