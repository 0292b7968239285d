"""What the environment tells the product. Only the container reads it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

DEFAULT_ORIGIN = "http://localhost:5573"


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

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """The settings of an environment; ``SettingsError``."""
        backend = environment.get("BACKEND") or "embedded"
        if backend not in ("embedded", "moto", "aws"):
            raise SettingsError(f"BACKEND is {backend!r}: expected embedded, moto or aws")
        stage = environment.get("TAVERN_STAGE") or "local"
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
            access_password=environment.get("TAVERN_ACCESS_PASSWORD") or None,
            registration=_registration(environment),
            first_account_needs_code=backend == "aws",
        )

    @property
    def names(self) -> frozenset[str] | None:
        """The hosts of ``origins``; None on AWS, where a gateway answers to its names alone."""
        if self.backend == "aws":
            return None
        return frozenset(urlsplit(origin).hostname or "" for origin in self.origins)

    def resource(self, name: str) -> str:
        """The name of a table or queue of this stage."""
        return f"comfytavern-{self.stage}-{name}"


def _mode(environment: Mapping[str, str]) -> Literal["open", "password", "accounts"]:
    """What is meant to be locked does not open: anything unclear is refused."""
    mode = environment.get("TAVERN_MODE") or "SingleUser"
    if mode not in ("SingleUser", "MultiUser"):
        raise SettingsError(f"TAVERN_MODE is {mode!r}: expected SingleUser or MultiUser")
    has_password = bool(environment.get("TAVERN_ACCESS_PASSWORD"))
    if mode == "SingleUser":
        return "password" if has_password else "open"
    if has_password:
        raise SettingsError(
            "TAVERN_ACCESS_PASSWORD is for one user: with MultiUser each has a password"
        )
    return "accounts"


def _registration(environment: Mapping[str, str]) -> Literal["invite", "open"]:
    found = environment.get("TAVERN_REGISTRATION") or "invite"
    if found == "invite":
        return "invite"
    if found == "open":
        return "open"
    raise SettingsError(f"TAVERN_REGISTRATION is {found!r}: expected invite or open")


def _origins(text: str | None) -> frozenset[str]:
    given = DEFAULT_ORIGIN if text is None else text
    return frozenset(part.strip().rstrip("/") for part in given.split(",") if part.strip())


def _paths(text: str | None) -> tuple[Path, ...]:
    """Folders, separated like those of PATH, or by commas."""
    parts = (text or "").replace(",", os.pathsep).split(os.pathsep)
    return tuple(Path(part.strip()) for part in parts if part.strip())


def _count(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise SettingsError(f"{name} is {text!r}: expected a number of at least 1")
    return int(text)
