"""The function ``Admin`` of a deployed stage, invoked with an operator's own rights."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.stacks import Stacks

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

_OUTPUT = "AdminFunction"
# One try: a command whose answer is lost may have been done. It takes 15 minutes at most.
_INVOKE = Config(
    connect_timeout=10, read_timeout=910, retries={"total_max_attempts": 1}, tcp_keepalive=True
)
_LOOK = Config(connect_timeout=10, read_timeout=30, retries={"total_max_attempts": 4})


class CannotAsk(Exception):  # noqa: N818 (the name reads as what happened)
    """Nobody could run the command; the message says why."""


class DeployedAdmin:
    """Asks the function that the stage's stack names in its outputs."""

    def __init__(self, stage: str, stacks: Stacks, functions: "LambdaClient") -> None:
        self._stage = stage
        self._stacks = stacks
        self._functions = functions
        self._function: str | None = None

    @classmethod
    def of(cls, stage: str) -> "DeployedAdmin":
        """In the account and region that AWS tools take on this machine; ``CannotAsk``."""
        try:
            session = boto3.Session()
        except BotoCoreError as error:
            raise CannotAsk(f"stage {stage}: {error}") from error
        if session.region_name is None:
            raise CannotAsk("which region? Say it with AWS_DEFAULT_REGION, or in your AWS profile")
        stacks = Stacks(session.client("cloudformation", config=_LOOK))
        return cls(stage, stacks, session.client("lambda", config=_INVOKE))

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Run ``{command, arguments}`` there; ``CannotAsk``."""
        try:
            if self._function is None:
                self._function = self._find()
            answer = self._functions.invoke(
                FunctionName=self._function, Payload=json.dumps(question).encode()
            )
            document: dict[str, Any] = json.loads(answer["Payload"].read())
        except (BotoCoreError, ClientError) as error:
            raise CannotAsk(f"stage {self._stage}: {error}") from error
        if answer.get("FunctionError"):
            reason = document.get("errorMessage", "it does not say why")
            raise CannotAsk(f"the function of stage {self._stage} failed: {reason}; see its log")
        return document

    def _find(self) -> str:
        stack = self._stacks.find(f"comfytavern-{self._stage}")
        if stack is None:
            raise CannotAsk(f"there is no stack comfytavern-{self._stage} in this region")
        for output in stack.get("Outputs", []):
            if output["OutputKey"] == _OUTPUT:
                return output["OutputValue"]
        raise CannotAsk(f"the stack of stage {self._stage} has no output {_OUTPUT}: deploy it anew")
