"""Proxies in front of the stack: whom it believes where a request comes from.

``X-Forwarded-For`` grows from left to right, each proxy adding whom it was asked by, so
it is read from the right, for as long as a trusted one wrote it. What stands further
left is what a stranger has made up.
https://nginx.org/en/docs/http/ngx_http_realip_module.html#real_ip_recursive

uvicorn can do that too (``proxy_headers``), but takes what is no address for one, does
not know a proxy by IPv4 on a socket of IPv6, and leaves strangers' headers in place.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from infra.local.bodies import App, Message, Receive, Send
from infra.local.settings import Network

Address = IPv4Address | IPv6Address

_PREFIX = b"x-forwarded-"
_FOR = b"x-forwarded-for"
_HOP = re.compile(r"(?:([0-9.]+)|\[([0-9a-fA-F:.]+)\])(?::[0-9]{1,5})?|([0-9a-fA-F:.]+)")


class Proxies:
    """An ASGI app around ``app`` that gives each request the client's own address.

    The headers by which a proxy tells what it was asked reach ``app`` from trusted
    proxies alone, and ``X-Forwarded-For`` from nobody: the address says it all.
    """

    def __init__(self, app: App, trusted: Sequence[Network]) -> None:
        self._app = app
        self._trusted = tuple(trusted)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request or one socket (ASGI)."""
        await self._app(self._seen(scope), receive, send)

    def _seen(self, scope: Message) -> Message:
        told = [header for header in scope["headers"] if header[0].startswith(_PREFIX)]
        if not told:
            return scope
        rest = [header for header in scope["headers"] if not header[0].startswith(_PREFIX)]
        peer = _address(scope["client"][0]) if scope["client"] else None
        if peer is None or not self._trusts(peer):
            return {**scope, "headers": rest}
        hops = b",".join(text for name, text in told if name == _FOR).decode("latin-1")
        client = self._client(peer, hops.split(","))
        kept = [header for header in told if header[0] != _FOR]
        return {**scope, "client": (str(client), 0), "headers": [*rest, *kept]}

    def _client(self, peer: Address, hops: Sequence[str]) -> Address:
        found = peer
        for hop in reversed(hops):
            address = _address(hop.strip())
            if address is None or not self._trusts(found):
                break
            found = address
        return found

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def _address(text: str) -> Address | None:
    """An address as proxies write it, maybe with a port; None for what is none.

    One of IPv4 is one, however a socket of IPv6 writes it.
    """
    match = _HOP.fullmatch(text)
    if match is None:
        return None
    try:
        found = ip_address(match[1] or match[2] or match[3])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
