"""What the environment tells the product. Only the container reads it."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

DEFAULT_ORIGIN = "http://localhost:5573"
DEFAULT_PORT = 3233
LOCAL_STAGE = "local"
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class SettingsError(Exception):
    """The environment asks for something that cannot be; the message names the variable."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process.

    ``backend`` is the family of adapters; moto is the AWS family over a test
    double. ``hub`` is where worker processes of the one-machine stack reach
    the sockets. ``concurrent_runs`` is how many runs work at a time. ``mode`` is
    ``open`` or ``password`` for one user, ``accounts`` for many.
    ``first_account_needs_code``: strangers can reach it before its operator does.
    ``cookie_suffix`` tells the cookies of servers on one host apart, which share
    them whatever their ports.
    """

    backend: Literal["embedded", "aws"]
    data_dir: Path
    hub: str | None
    stage: str
    bucket: str
    kms_key: str
    origins: frozenset[str]
    templates_dir: Path | None
    node_paths: tuple[Path, ...]
    concurrent_runs: int
    mode: Literal["open", "password", "accounts"]
    access_password: str | None = field(repr=False)
    registration: Literal["invite", "open"]
    first_account_needs_code: bool
    cookie_suffix: str

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """The settings of an environment; ``SettingsError``."""
        backend = environment.get("BACKEND") or "embedded"
        if backend not in ("embedded", "moto", "aws"):
            raise SettingsError(f"BACKEND is {backend!r}: expected embedded, moto or aws")
        stage = environment.get("TAVERN_STAGE") or LOCAL_STAGE
        templates = environment.get("TAVERN_TEMPLATES_DIR")
        return cls(
            backend="embedded" if backend == "embedded" else "aws",
            data_dir=Path(environment.get("TAVERN_DATA_DIR") or ".data"),
            hub=environment.get("TAVERN_HUB") or None,
            stage=stage,
            bucket=environment.get("TAVERN_BUCKET") or f"comfytavern-{stage}",
            kms_key=environment.get("TAVERN_KMS_KEY") or f"alias/comfytavern-{stage}",
            origins=_origins(environment.get("TAVERN_CORS_ORIGINS")),
            templates_dir=Path(templates) if templates else None,
            node_paths=_paths(environment.get("TAVERN_NODE_PATHS")),
            concurrent_runs=_count(environment, "TAVERN_WORKERS", os.cpu_count() or 1),
            mode=_mode(environment),
            access_password=_access_password(environment),
            registration=_registration(environment),
            first_account_needs_code=backend == "aws",
            cookie_suffix=_cookie_suffix(environment),
        )

    @property
    def names(self) -> frozenset[str] | None:
        """The hosts of ``origins``; None on AWS, where a gateway answers to its names alone."""
        if self.backend == "aws":
            return None
        return frozenset(urlsplit(origin).hostname or "" for origin in self.origins)

    @property
    def is_deployed(self) -> bool:
        """Does it run as functions on AWS, or on an emulator of it?"""
        return self.backend == "aws" and self.stage != LOCAL_STAGE

    def resource(self, name: str) -> str:
        """The name of a table or queue of this stage."""
        return f"comfytavern-{self.stage}-{name}"


def _mode(environment: Mapping[str, str]) -> Literal["open", "password", "accounts"]:
    """What is meant to be locked does not open: anything unclear is refused."""
    mode = environment.get("TAVERN_MODE") or "SingleUser"
    if mode not in ("SingleUser", "MultiUser"):
        raise SettingsError(f"TAVERN_MODE is {mode!r}: expected SingleUser or MultiUser")
    has_password = _access_password(environment) is not None
    if mode == "MultiUser" and has_password:
        raise SettingsError(
            "TAVERN_ACCESS_PASSWORD is for one user: with MultiUser each has a password"
        )
    if mode == "MultiUser":
        return "accounts"
    if has_password:
        return "password"
    if environment.get("BACKEND") == "aws" and "TAVERN_ACCESS_PASSWORD" in environment:
        raise SettingsError(
            "TAVERN_ACCESS_PASSWORD is empty: set a password, or leave the variable out"
        )
    return "open"


def _access_password(environment: Mapping[str, str]) -> str | None:
    """Blanks are none: they are what is left of a variable that somebody forgot to fill."""
    password = environment.get("TAVERN_ACCESS_PASSWORD", "")
    return password if password.strip() else None


def _registration(environment: Mapping[str, str]) -> Literal["invite", "open"]:
    found = environment.get("TAVERN_REGISTRATION") or "invite"
    if found == "invite":
        return "invite"
    if found == "open":
        return "open"
    raise SettingsError(f"TAVERN_REGISTRATION is {found!r}: expected invite or open")


def _origins(text: str | None) -> frozenset[str]:
    given = DEFAULT_ORIGIN if text is None else text
    return frozenset(_origin(part.strip()) for part in given.split(",") if part.strip())


def _origin(text: str) -> str:
    """An origin as browsers send it: without a path, and without its scheme's own port."""
    origin = text.lower().rstrip("/")
    if not _ORIGIN.fullmatch(origin) or not _has_port_that_is_one(origin):
        raise SettingsError(
            f"TAVERN_CORS_ORIGINS has {text!r}: expected origins such as https://name or"
            " https://name:port, separated by commas"
        )
    return origin.removesuffix(_DEFAULT_PORTS.get(origin.partition("://")[0], "/"))


def _has_port_that_is_one(origin: str) -> bool:
    try:
        return urlsplit(origin).port != 0
    except ValueError:  # above 65535; or brackets around what is no address
        return False


def _cookie_suffix(environment: Mapping[str, str]) -> str:
    port = environment.get("TAVERN_PORT") or str(DEFAULT_PORT)
    if not port.isdecimal():
        raise SettingsError(f"TAVERN_PORT is {port!r}: expected a number")
    return "" if int(port) in (0, DEFAULT_PORT) else f"_{int(port)}"


def _paths(text: str | None) -> tuple[Path, ...]:
    """Folders, separated like those of PATH, or by commas."""
    parts = (text or "").replace(",", os.pathsep).split(os.pathsep)
    return tuple(Path(part.strip()) for part in parts if part.strip())


def _count(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise SettingsError(f"{name} is {text!r}: expected a number of at least 1")
    return int(text)
