"""Which pages of other origins may call, and read what is answered."""

from collections.abc import Mapping

from chalicelib import container

_CORS_METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
_CORS_HEADERS = "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key"
_CORS_EXPOSED = "ETag, Retry-After, X-Request-Id, Content-Disposition, Content-Range"


def cors_headers(origin: str | None) -> dict[str, str]:
    """What lets a page of an allowed origin read the answer."""
    headers = {"Vary": "Origin"}
    if origin is not None and origin.rstrip("/") in container.settings().origins:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Allow-Credentials"] = "true"
        headers["Access-Control-Expose-Headers"] = _CORS_EXPOSED
    return headers


def preflight_headers(cors: Mapping[str, str]) -> dict[str, str]:
    """What lets such a page ask, after the headers that let it read; nothing for others."""
    if "Access-Control-Allow-Origin" not in cors:
        return {}
    return {
        "Access-Control-Allow-Methods": _CORS_METHODS,
        "Access-Control-Allow-Headers": _CORS_HEADERS,
        "Access-Control-Max-Age": "600",
    }
