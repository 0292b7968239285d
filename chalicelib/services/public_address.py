"""The address by which a browser asks for us, from the headers of its request.

``X-Forwarded-Host`` and ``X-Forwarded-Proto`` are from who stands in front: at AWS
the edge and API Gateway, on one machine the proxies of ``TAVERN_TRUSTED_PROXIES``. The
front of the one-machine stack takes them away from everybody else's requests.
"""

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit


def host(headers: Mapping[str, str]) -> str:
    """The name with its port, as a browser shows it; empty if nobody tells."""
    return headers.get("x-forwarded-host") or headers.get("host", "")


def name_of(address: str) -> str:
    """An address without its port; empty for what is no address."""
    try:
        return urlsplit(f"//{address}").hostname or ""
    except ValueError:
        return ""


def is_loopback(name: str) -> bool:
    """Does this name lead to the machine of whoever asks for it?"""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:  # another name, or none at all
        return False


def is_https(headers: Mapping[str, str]) -> bool:
    """Whether TLS is known to have ended before us; some proxies call that of a socket wss."""
    told = headers.get("x-forwarded-proto", "").partition(",")[0]
    return told.strip().lower() in ("https", "wss")
