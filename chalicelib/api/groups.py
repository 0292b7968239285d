"""Groups of routes: what happens around each view.

A route group declares its routes on a ``Group``. Every path also answers OPTIONS,
and 405 to the methods that it does not have: API Gateway would answer both wrongly
by itself.
"""

import base64
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import unquote

from chalice.app import Blueprint, Chalice, Request, Response

from chalicelib import container, errors, json_text, logs
from chalicelib.api.cors import cors_headers, preflight_headers
from chalicelib.api.fitting import fit
from chalicelib.api.http import METHODS, Access, Call, Reply, error_body, error_reply
from chalicelib.services.accounts import audit
from chalicelib.services.callers import Caller

_logger = logging.getLogger("chalicelib.api")

_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_ANY_CONTENT = ["*/*"]
_INTERNAL = "Internal error; the server's log says more"
# Of less than so many characters each may take four bytes: it fits a function's answer.
_MAYBE_LARGE = 1_000_000

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

    def patch(self, path: str, *, access: Access = "write") -> Callable[[View], View]:
        """Register a view for PATCH."""
        return self._register(path, "PATCH", access)

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
            allow = ", ".join([*views, "OPTIONS"])
            missing = [method for method in METHODS if method not in views]
            if missing:
                self._route(path, missing, _Served(self._refuse(allow), "identity"))
            self.blueprint.route(path, methods=["OPTIONS"], content_types=_ANY_CONTENT)(
                self._preflight(allow)
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

    def _preflight(self, allow: str) -> Callable[..., Response]:
        def preflight(**_parameters: str) -> Response:
            headers = cors_headers(self.blueprint.current_request.headers.get("origin"))
            return Response("", {"Allow": allow, **headers, **preflight_headers(headers)}, 204)

        return preflight

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
                reply = _rendered(served.view(call, **decoded))
                return _fitting(call, reply) if served.access != "anyone" else reply
        except errors.TavernError as error:
            return _rendered(error_reply(error, success_flag=self._success_flag))
        except Exception:
            _logger.exception("A request failed")
            body = error_body(_INTERNAL, success_flag=self._success_flag)
            return _rendered(Reply(body, 500))


class _Bytes(Response):  # type: ignore[misc]  # Chalice has no types
    """An answer of bytes, which API Gateway takes as base64.

    Chalice would do it for the types of its own list alone, and refuse requests whose
    Accept header does not name the very type. Here whoever asks for a picture gets it.
    """

    def to_dict(self, binary_types: list[str] | None = None) -> dict[str, Any]:  # noqa: ARG002
        """The answer as the function gives it to API Gateway."""
        made: dict[str, Any] = super().to_dict(None)
        return {**made, "body": base64.b64encode(self.body).decode(), "isBase64Encoded": True}


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
        field = name.title().replace("_", "")
        field = field[0].lower() + field[1:]  # as on the wire: projectId
        raise errors.InvalidInput.field(field, "its percent-encoding is not UTF-8") from error


def _fitting(call: Call, reply: Reply) -> Reply:
    """The same, made to fit an answer where it is so large that it might not."""
    if not isinstance(reply.body, str) or len(reply.body) < _MAYBE_LARGE:
        return reply
    return fit(call, reply, (), container.large_answers())


def _rendered(reply: Reply) -> Reply:
    """The same with a body that is text or bytes."""
    if reply.body is None:
        return replace(reply, body="")
    if isinstance(reply.body, (str, bytes)):
        return reply
    return replace(reply, body=json_text.dumps(reply.body))
