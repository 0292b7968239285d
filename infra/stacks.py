"""CloudFormation stacks: put one in place, watch it, delete it."""

import json
import sys
import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import ClientError, WaiterError

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_cloudformation.literals import CapabilityType, TemplateStageType
    from types_boto3_cloudformation.type_defs import (
        CreateChangeSetInputTypeDef,
        ParameterTypeDef,
        ResourceToImportTypeDef,
        StackTypeDef,
    )

SDK_CONFIG = Config(
    connect_timeout=10, read_timeout=60, retries={"mode": "standard", "max_attempts": 5}
)
"""How long AWS is waited for, and how often it is asked again."""

_CAPABILITIES: "Sequence[CapabilityType]" = ("CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND")
_CHANGE_SET_POLLS = 100
_POLL_SECONDS = 3.0
# A distribution takes minutes; CloudFormation itself gives up on what hangs.
_LONGEST_SECONDS = 3600
# What a failed first creation leaves can only be deleted.
_STILLBORN = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")
_UNCHANGED = ("didn't contain changes", "No updates are to be performed")


class CannotDeploy(Exception):  # noqa: N818 (the name reads as what happened)
    """What was asked for cannot be done; the message says why."""


class Stacks:
    """The stacks of an account in a region. Progress is told on standard error."""

    def __init__(
        self, client: "CloudFormationClient", *, poll_seconds: float = _POLL_SECONDS
    ) -> None:
        self._client = client
        self._poll_seconds = poll_seconds

    def find(self, name: str) -> "StackTypeDef | None":
        """The stack of that name, if there is one."""
        try:
            (stack,) = self._client.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return stack

    def put(
        self,
        name: str,
        template: Mapping[str, Any],
        parameters: Mapping[str, str] | None = None,
        *,
        address: str | None = None,
    ) -> dict[str, str]:
        """Create the stack, or change it to the template; its outputs.

        ``address`` is where the template lies in S3, if it is too large to send along.
        A parameter that is not named keeps its value. ``CannotDeploy``, with the first
        thing that failed; CloudFormation has rolled the rest back then.
        """
        stack = self.living(name)
        request: CreateChangeSetInputTypeDef = {
            "StackName": name,
            "ChangeSetName": f"deploy-{uuid.uuid4().hex}",
            "ChangeSetType": "CREATE" if stack is None else "UPDATE",
            "Capabilities": _CAPABILITIES,
            "Parameters": _values(template, stack, parameters or {}),
        }
        self._change(_with_template(request, template, address))
        found = self.find(name)
        outputs = [] if found is None else found.get("Outputs", [])
        return {output["OutputKey"]: output["OutputValue"] for output in outputs}

    def living(self, name: str) -> "StackTypeDef | None":
        """The stack, if there is one that can be changed."""
        stack = self.find(name)
        empty = stack is None or stack["StackStatus"] == "REVIEW_IN_PROGRESS"
        return None if empty else stack

    def is_stillborn(self, name: str) -> bool:
        """Whether it failed to be created or deleted, and can only be deleted."""
        stack = self.find(name)
        return stack is not None and stack["StackStatus"] in _STILLBORN

    def adopt(
        self,
        name: str,
        template: Mapping[str, Any],
        existing: "Sequence[ResourceToImportTypeDef]",
        *,
        address: str | None = None,
    ) -> None:
        """Take resources into the stack, or a new one, that exist and belong to none.

        The template has them and what the stack has already, unchanged. ``CannotDeploy``.
        """
        request: CreateChangeSetInputTypeDef = {
            "StackName": name,
            "ChangeSetName": f"adopt-{uuid.uuid4().hex}",
            "ChangeSetType": "IMPORT",
            "Capabilities": _CAPABILITIES,
            "Parameters": _values(template, self.living(name), {}),
            "ResourcesToImport": existing,
        }
        self._change(_with_template(request, template, address))

    def template(self, name: str, stage: "TemplateStageType" = "Original") -> dict[str, Any]:
        """The template that a stack was made from, or what its transforms made of that."""
        answer = self._client.get_template(StackName=name, TemplateStage=stage)
        # botocore makes a document of it where it is JSON, whatever the types say.
        body: Any = answer["TemplateBody"]
        found: dict[str, Any] = json.loads(body) if isinstance(body, str) else body
        return found

    def kept_by(self, name: str) -> list[str]:
        """The physical names of what deleting the stack would leave."""
        resources = self.template(name, "Processed")["Resources"]
        pages = self._client.get_paginator("list_stack_resources").paginate(StackName=name)
        return sorted(
            item["PhysicalResourceId"]
            for page in pages
            for item in page["StackResourceSummaries"]
            if resources.get(item["LogicalResourceId"], {}).get("DeletionPolicy") == "Retain"
            and "PhysicalResourceId" in item
        )

    def delete(self, name: str) -> None:
        """Delete a stack and wait until it is gone; ``CannotDeploy``."""
        found = self.find(name)
        if found is None:
            return
        identity = found.get("StackId", name)  # a deleted stack is found by its id alone
        before = self._last_event(identity)
        self._client.delete_stack(StackName=identity)
        status = self._follow(identity, before)
        if status != "DELETE_COMPLETE":
            raise CannotDeploy(f"{name} is {status}: {self._first_failure(identity, before)}")

    def _change(self, request: "CreateChangeSetInputTypeDef") -> None:
        name = request["StackName"]
        change_set = self._prepare(request)
        if change_set is None:
            _say(f"{name}: nothing to change")
            return
        before = self._last_event(name)
        self._client.execute_change_set(StackName=name, ChangeSetName=change_set)
        status = self._follow(name, before)
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"):
            raise CannotDeploy(f"{name} is {status}: {self._first_failure(name, before)}")

    def _prepare(self, request: "CreateChangeSetInputTypeDef") -> str | None:
        """A change set that can be executed; None if nothing would change."""
        name = request["StackName"]
        identity = self._client.create_change_set(**request)["Id"]
        waiter = self._client.get_waiter("change_set_create_complete")
        delay = self._poll_seconds
        try:
            waiter.wait(
                StackName=name,
                ChangeSetName=identity,
                WaiterConfig={"Delay": delay, "MaxAttempts": _CHANGE_SET_POLLS},  # type: ignore[typeddict-item]  # fractions work
            )
        except WaiterError as error:
            reason = str(error.last_response.get("StatusReason", error))
            self._client.delete_change_set(StackName=name, ChangeSetName=identity)
            if any(words in reason for words in _UNCHANGED):
                return None
            raise CannotDeploy(f"{name} cannot be changed: {reason}") from error
        return identity

    def _follow(self, name: str, told: str | None) -> str:
        """Tell what happens to a stack until it rests; its status."""
        deadline = time.monotonic() + _LONGEST_SECONDS
        before = told
        while True:
            stack = self.find(name)
            status = "DELETE_COMPLETE" if stack is None else str(stack["StackStatus"])
            for event in self._events(name, told):
                _say(f"{event['LogicalResourceId']:32} {event['ResourceStatus']}")
                told = event["EventId"]
            # Right after the request, the status may still be that of the time before it.
            begun = stack is None or told != before
            if begun and not status.endswith("_IN_PROGRESS"):
                return status
            if time.monotonic() > deadline:
                raise CannotDeploy(f"{name} is still {status} after an hour")
            time.sleep(self._poll_seconds)

    def _events(self, name: str, after: str | None) -> list[dict[str, Any]]:
        """The events since one of them, oldest first."""
        found: list[dict[str, Any]] = []
        try:
            pages = self._client.get_paginator("describe_stack_events").paginate(StackName=name)
            for page in pages:
                for event in page["StackEvents"]:
                    if event["EventId"] == after:
                        return found[::-1]
                    found.append(dict(event))
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
        return found[::-1]

    def _last_event(self, name: str) -> str | None:
        events = self._events(name, None)
        return str(events[-1]["EventId"]) if events else None

    def _first_failure(self, name: str, after: str | None) -> str:
        for event in self._events(name, after):
            if str(event["ResourceStatus"]).endswith("_FAILED"):
                reason = event.get("ResourceStatusReason", "no reason given")
                return f"{event['LogicalResourceId']}: {reason}"
        return "CloudFormation gives no reason; see the stack's events"


def _values(
    template: Mapping[str, Any], stack: "StackTypeDef | None", named: Mapping[str, str]
) -> "list[ParameterTypeDef]":
    """The parameters to send: those that are named, and the others as they were."""
    known: Mapping[str, Any] = template.get("Parameters", {})
    kept = [] if stack is None else [item["ParameterKey"] for item in stack.get("Parameters", [])]
    sent: list[ParameterTypeDef] = [
        {"ParameterKey": key, "ParameterValue": value} for key, value in named.items()
    ]
    return sent + [
        {"ParameterKey": key, "UsePreviousValue": True}
        for key in kept
        if key in known and key not in named
    ]


def _with_template(
    request: "CreateChangeSetInputTypeDef", template: Mapping[str, Any], address: str | None
) -> "CreateChangeSetInputTypeDef":
    if address is None:
        return {**request, "TemplateBody": json.dumps(template)}
    return {**request, "TemplateURL": address}


def check_parameters(template: Mapping[str, Any], named: Collection[str]) -> None:
    """``CannotDeploy`` for a parameter that the template does not have."""
    known: Collection[str] = template.get("Parameters", {})
    unknown = sorted(set(named) - set(known))
    if unknown:
        raise CannotDeploy(f"No parameter {unknown[0]}: there are {', '.join(known) or 'none'}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
