"""MiniStack, an emulator of AWS, as a process of its own.

It lives in a virtual environment of its own (``requirements-emulator.txt``), since it
pins another SDK than the product does. ``make test-deployed`` installs it.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import boto3
import httpx
from botocore.config import Config

from tests.local.stack import eventually

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_sqs import SQSClient

PROGRAM = Path(sys.prefix) / "emulator" / "bin" / "ministack"
REGION = "eu-west-1"
_START_SECONDS = 60
# A worker of the emulator may be asked while it starts, on busy cores.
_CONFIG = Config(retries={"mode": "standard"}, connect_timeout=10, read_timeout=120)


class Emulator:
    """An emulated account, empty on entry, gone on exit. Its log is ``folder/log``."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        assert PROGRAM.exists(), "The emulator is not installed: make test-deployed does it"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "TMPDIR": str(self._folder),
            "AWS_DEFAULT_REGION": REGION,
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "S3_DATA_DIR": str(self._folder / "s3"),
            "STATE_DIR": str(self._folder / "state"),
        }
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [PROGRAM], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        eventually(self._answers, seconds=_START_SECONDS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def environment(self) -> Mapping[str, str]:
        """What makes any AWS SDK use this account."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }

    def cloudformation(self) -> "CloudFormationClient":
        """A client of the emulated service."""
        return self._session().client("cloudformation", endpoint_url=self.url, config=_CONFIG)

    def dynamodb(self) -> "DynamoDBClient":
        """A client of the emulated service."""
        return self._session().client("dynamodb", endpoint_url=self.url, config=_CONFIG)

    def functions(self) -> "LambdaClient":
        """A client of the emulated service."""
        return self._session().client("lambda", endpoint_url=self.url, config=_CONFIG)

    def sqs(self) -> "SQSClient":
        """A client of the emulated service."""
        return self._session().client("sqs", endpoint_url=self.url, config=_CONFIG)

    def _session(self) -> boto3.Session:
        return boto3.Session("test", "test", region_name=REGION)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()
        try:
            return httpx.get(f"{self.url}/_ministack/health", timeout=5).is_success
        except httpx.TransportError:
            return False
