"""HTTP requests through Chalice's own local gateway, as API Gateway would do it."""

import base64
import json
import logging
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from chalice.app import Chalice
from chalice.local import (
    LambdaEventConverter,
    LocalChalice,
    LocalGateway,
    LocalGatewayException,
    RouteMatcher,
)

from infra.local.events import Event

_logger = logging.getLogger(__name__)

Headers = list[tuple[bytes, bytes]]
UnknownPath = Callable[[str | None, str], tuple[int, dict[str, str], str]]
CorsHeaders = Callable[[str | None], dict[str, str]]

_FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})
_NO_BODY = frozenset({204, 304})
# Larger bodies stay bytes, which Chalice takes as well: as base64 there would be two more of it.
_MAX_ENCODED_BYTES = 10 * 1024 * 1024
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came: ``target`` is the path and query, still encoded."""

    method: str
    target: str
    headers: Headers
    body: bytes
    source_ip: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. ``body`` is as long as the headers say, also for HEAD."""

    status: int
    headers: Headers
    body: bytes


class Gateway:
    """Invokes a Chalice app; any thread may use it.

    The app becomes thread-local, as ``chalice local`` makes it: its current
    request is then the current thread's. ``unknown_path`` gives status, headers
    and body for an origin and a method; API Gateway answers those by itself.
    """

    def __init__(self, app: Chalice, unknown_path: UnknownPath) -> None:
        self._unknown_path = unknown_path
        self._app = app
        app.__class__ = type("ThreadLocalChalice", (LocalChalice, app.__class__), {})
        self._gateway = LocalGateway(app, _FunctionConfig(app.app_name))
        self._gateway.event_converter = _EventConverter(
            RouteMatcher(list(app.routes)), app.api.binary_types
        )

    def answer(self, request: Request) -> Answer:
        """Run a request. Nothing is raised: a failure is logged and answered 500."""
        started = time.perf_counter()
        headers = _RequestHeaders(_joined(request.headers))
        headers.request_id = _request_id()
        headers.source_ip = request.source_ip
        answer = self._answer(request, headers)
        if len(request.body) > _MAX_ENCODED_BYTES:
            self._app.current_request = None  # or this thread would hold it until its next
        if _logger.isEnabledFor(logging.DEBUG):
            fields = {
                "method": request.method,
                "path": request.target.partition("?")[0],
                "status": answer.status,
                "ms": round((time.perf_counter() - started) * 1000, 1),
                "requestId": headers.request_id,
            }
            _logger.debug("answered", extra=fields)
        return answer

    def unknown_path(self, method: str, headers: Headers) -> Answer:
        """The product's answer where no route is."""
        status, named, text = self._unknown_path(origin_of(headers), method)
        return _shaped({"statusCode": status, "headers": named, "body": text}, _request_id())

    def _answer(self, request: Request, headers: "_RequestHeaders") -> Answer:
        try:
            if request.method not in _METHODS:
                return self._refused_method(request, headers)
            response = self._gateway.handle_request(
                request.method, request.target, headers, request.body or None
            )
            return _shaped(response, headers.request_id)
        except _RouteNotFound:
            return self.unknown_path(request.method, request.headers)
        except LocalGatewayException as refusal:  # an authorizer's, not the app's
            return error(refusal.CODE, "Not allowed", headers.request_id)
        except (Exception, SystemExit):  # what would end a function's process
            _logger.exception("request failed", extra={"requestId": headers.request_id})
            return error(500, "Internal server error", headers.request_id)

    def _refused_method(self, request: Request, headers: "_RequestHeaders") -> Answer:
        """405 to what no path has; a path's answer to OPTIONS says what it has."""
        told = self._gateway.handle_request("OPTIONS", request.target, headers, None)
        allow = told["headers"].get("Allow", ", ".join(_METHODS))
        message = "This path does not have that method"
        return error(405, message, headers.request_id, allow=allow)


@dataclass(frozen=True, slots=True)
class _FunctionConfig:
    """The part of Chalice's configuration that its gateway reads, for each request anew."""

    function_name: str
    lambda_timeout: int = 60
    lambda_memory_size: int = 1024


def error(status: int, message: str, request_id: str | None = None, **headers: str) -> Answer:
    """An answer in the shape of the product's errors, with what some of its routes add."""
    body = json.dumps({"error": message, "success": False, "message": message}).encode()
    named = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "x-request-id": request_id or _request_id(),
        **headers,
    }
    return Answer(status, [(name.encode(), value.encode()) for name, value in named.items()], body)


def origin_of(headers: Headers) -> str | None:
    """The origin of the page that asks, if one does."""
    return next((value.decode("latin-1") for name, value in headers if name == b"origin"), None)


class _RequestHeaders(dict[str, str]):
    """The headers, and what else the event of the request should hold."""

    request_id = ""
    source_ip = ""


class _RouteNotFound(LocalGatewayException):  # type: ignore[misc]  # Chalice has no types
    """No route matches; Chalice's own answer to it fails on some headers."""

    CODE = 404

    def __init__(self) -> None:
        super().__init__({}, None)


class _EventConverter(LambdaEventConverter):  # type: ignore[misc]  # Chalice has no types
    """Adds what API Gateway tells of a request and Chalice leaves out."""

    def create_lambda_event(
        self, method: str, path: str, headers: _RequestHeaders, body: bytes | None = None
    ) -> Event:
        is_large = body is not None and len(body) > _MAX_ENCODED_BYTES
        try:
            event: Event = super().create_lambda_event(
                method, path, headers, None if is_large else body
            )
        except ValueError as unmatched:
            raise _RouteNotFound from unmatched
        if is_large:
            event["body"] = body
        context = event["requestContext"]
        context["requestId"] = headers.request_id
        context["identity"] = {"sourceIp": headers.source_ip}
        return event


def _request_id() -> str:
    return secrets.token_hex(8)


def _joined(headers: Headers) -> dict[str, str]:
    """One value a name: repeated headers are joined, as API Gateway does."""
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name in joined:
            value = f"{joined[name]}{'; ' if name == 'cookie' else ', '}{value}"
        joined[name] = value
    # Without it the client takes anything (RFC 9110, 12.5.1), but Chalice refuses bytes.
    joined.setdefault("accept", "*/*")
    return joined


def _shaped(response: dict[str, Any], request_id: str) -> Answer:
    status = int(response["statusCode"])
    body = _bytes(response)
    headers: Headers = []
    seen = set()
    declared_length = None
    for name, value in _pairs(response):
        lower = name.lower()
        seen.add(lower)
        if lower == "content-length":
            declared_length = value
        if lower not in _FRAMING:
            headers.append((lower.encode("latin-1"), _header_value(value)))
    if "content-type" not in seen and body:
        headers.append((b"content-type", b"application/json"))
    if "x-request-id" not in seen:
        headers.append((b"x-request-id", request_id.encode()))
    if status in _NO_BODY:
        return Answer(status, headers, b"")
    # A HEAD route that has no body at hand may say how long it would be.
    length = declared_length if declared_length and not body else str(len(body))
    headers.append((b"content-length", length.encode()))
    return Answer(status, headers, body)


def _pairs(response: dict[str, Any]) -> Iterable[tuple[str, str]]:
    for name, value in response["headers"].items():
        yield name, str(value)
    for name, values in (response.get("multiValueHeaders") or {}).items():
        for value in values:
            yield name, str(value)


def _bytes(response: dict[str, Any]) -> bytes:
    body: str | bytes = response.get("body") or b""
    if response.get("isBase64Encoded"):
        return base64.b64decode(body)
    return body if isinstance(body, bytes) else body.encode()


def _header_value(value: str) -> bytes:
    if not (value.isascii() and value.isprintable()):
        value = "".join(mark if mark.isprintable() else " " for mark in value)
    return value.encode("latin-1", "replace")
