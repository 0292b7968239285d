"""What the environment tells the stack."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal

Network = IPv4Network | IPv6Network

HUB_ADDRESS = "TAVERN_HUB"
"""The variable in which worker processes find the hub's socket."""

VISIBILITY_SECONDS = 60
"""For how long a worker hides the message it works on, each time it extends."""

STOP_SECONDS = 4.0
"""How long requests and workers have to finish once the stack stops."""

_LEVELS = ("debug", "info", "warning", "error")


class CannotStart(Exception):  # noqa: N818 (the name reads as what happened)
    """The stack cannot run; the message is one line for the operator."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How one stack runs. ``app`` and ``container`` name the product's modules.

    ``trusted_proxies`` are believed for whom they ask, see ``proxies.py``.
    """

    host: str
    port: int
    data_dir: Path
    workers: int
    backend: Literal["embedded", "moto"]
    sweep_seconds: float
    log_level: str
    trusted_proxies: tuple[Network, ...]
    app: str
    container: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings of an environment; ``CannotStart`` names a wrong variable."""
        backend = environment.get("BACKEND") or "embedded"
        if backend not in ("embedded", "moto"):
            raise CannotStart(f"BACKEND is {backend!r}: expected embedded or moto")
        level = (environment.get("TAVERN_LOG") or "info").lower()
        if level not in _LEVELS:
            raise CannotStart(f"TAVERN_LOG is {level!r}: expected {', '.join(_LEVELS)}")
        return cls(
            host=environment.get("TAVERN_HOST") or "127.0.0.1",
            port=_number(environment, "TAVERN_PORT", 3233, 0, 65535),
            data_dir=Path(environment.get("TAVERN_DATA_DIR") or ".data").expanduser().absolute(),
            workers=_number(environment, "TAVERN_WORKERS", os.cpu_count() or 1, 0, 256),
            backend="moto" if backend == "moto" else "embedded",
            sweep_seconds=_seconds(environment, "TAVERN_SWEEP_SECONDS", 60.0),
            log_level=level,
            trusted_proxies=_networks(environment, "TAVERN_TRUSTED_PROXIES"),
            app=environment.get("TAVERN_APP") or "app",
            container=environment.get("TAVERN_CONTAINER") or "chalicelib.container",
        )


def _number(environment: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal() or not least <= int(text) <= most:
        raise CannotStart(f"{name} is {text!r}: expected a number from {least} to {most}")
    return int(text)


def _seconds(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name) or str(default)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 86_400:
        raise CannotStart(f"{name} is {text!r}: expected seconds above 0")
    return seconds


def _networks(environment: Mapping[str, str], name: str) -> tuple[Network, ...]:
    parts = [part.strip() for part in environment.get(name, "").split(",")]
    try:
        return tuple(ip_network(part) for part in parts if part)
    except ValueError as error:
        raise CannotStart(
            f"{name}: {error}; expected addresses and networks such as 127.0.0.1 or"
            " 10.0.0.0/8, separated by commas"
        ) from error
