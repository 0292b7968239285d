"""A stage on the emulator: packaged, deployed and destroyed by the project's own commands."""

import copy
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.package import ROOT, package
from infra.stacks import Stacks
from tests.end_to_end.edge import Edge
from tests.end_to_end.emulator import Emulator

PACKS = ROOT / "tests" / "packs"
_DEPLOY_SECONDS = 120
# On AWS a lost message waits for an hour and a half; here somebody waits for the test.
_VISIBILITY_SECONDS = {"Runs": 5, "RunsDead": 5, "Imports": 5, "ImportsDead": 5}


class Stage:
    """One stage. ``outputs`` are its stack's, once it is deployed."""

    def __init__(
        self,
        name: str,
        emulator: Emulator,
        built: Path,
        folder: Path,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._variables = variables or {}
        self.outputs: dict[str, str] = {}
        self._emulator = emulator
        self._built = folder
        source, target = built / name, folder / name
        shutil.copytree(source, target)
        self.template = json.loads((source / "sam.json").read_text())
        self.mend()

    @property
    def stack(self) -> str:
        """The name of its CloudFormation stack."""
        return f"comfytavern-{self.name}"

    def deploy(self, *options: str) -> None:
        """``make deploy`` without its packaging; what the emulator drops is made up for."""
        self._command("infra.deploy", "up", self.name, "--built", str(self._built), *options)
        (stack,) = self._emulator.cloudformation().describe_stacks(StackName=self.stack)["Stacks"]
        outputs = stack.get("Outputs", [])
        self.outputs = {item["OutputKey"]: item["OutputValue"] for item in outputs}
        self._make_up()

    def destroy(self) -> str:
        """``make destroy``; what it printed."""
        return self._command("infra.deploy", "down", self.name, "--confirm", self.name)

    def change(self, variable: str, value: str) -> None:
        """Let the next deployment change every function: a variable of the environment."""
        template = self._adapted()
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                resource["Properties"]["Environment"]["Variables"][variable] = value
        self._write(template)

    def add(self, name: str, resource: Mapping[str, Any]) -> None:
        """Let the next deployment have one more resource."""
        template = self._adapted()
        template["Resources"][name] = resource
        self._write(template)

    def mend(self) -> None:
        """Let the next deployment be that of what was packaged."""
        self._write(self._adapted())

    def admin(self, *arguments: str) -> str:
        """``make admin STAGE=...``; what it printed."""
        return self._command("infra.admin", "--stage", self.name, *arguments)

    def processed(self) -> dict[str, Any]:
        """The stack's template, its transforms applied."""
        return Stacks(self._emulator.cloudformation()).template(self.stack, "Processed")

    def physical(self, logical: str) -> str:
        """The physical name of a resource."""
        found = self._emulator.cloudformation().describe_stack_resource(
            StackName=self.stack, LogicalResourceId=logical
        )
        return found["StackResourceDetail"]["PhysicalResourceId"]

    def edge(self) -> Edge:
        """The stage's public address."""
        return Edge.of(self.template, self._origins())

    def _origins(self) -> Mapping[str, tuple[str, str]]:
        """Where the emulator serves what the distribution has as origins."""
        url = self._emulator.url
        return {
            "RestAPI": (f"{url}/restapis/{self.physical('RestAPI')}", "/_user_request_"),
            "WebsocketAPI": (f"{url}/_aws/execute-api/{self.physical('WebsocketAPI')}", ""),
            "Documents": (f"{url}/{self.physical('Documents')}", ""),
        }

    def _make_up(self) -> None:
        """Apply what the emulator's CloudFormation drops."""
        for logical, resource in self.template["Resources"].items():
            properties = resource.get("Properties", {})
            if "ReservedConcurrentExecutions" in properties:
                self._emulator.functions().put_function_concurrency(
                    FunctionName=self.physical(logical),
                    ReservedConcurrentExecutions=properties["ReservedConcurrentExecutions"],
                )

    def _adapted(self) -> dict[str, Any]:
        return adapted(self.template, self._emulator.url, self._variables)

    def _write(self, template: Mapping[str, Any]) -> None:
        (self._built / self.name / "sam.json").write_text(json.dumps(template))

    def _command(self, module: str, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env={**os.environ, **self._emulator.environment},
            capture_output=True,
            text=True,
            timeout=_DEPLOY_SECONDS,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout


def build(folder: Path, stages: Sequence[str]) -> Path:
    """Package for this machine, since the emulator runs functions on it."""
    package(folder, stages, machine="local")
    return folder


def adapted(
    template: Mapping[str, Any], emulator_url: str, variables: Mapping[str, str]
) -> dict[str, Any]:
    """The template as the emulator takes it; every change is one that it needs, or a test."""
    changed = copy.deepcopy(dict(template))
    resources = changed["Resources"]
    for name, resource in list(resources.items()):
        if resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]:
            del resources[name]  # it knows no metric math
    # It does not know the type, and it deploys a stage by itself.
    del resources["WebsocketAPIDeployment"]
    stage = resources["WebsocketAPIStage"]
    del stage["Properties"]["DeploymentId"]
    stage.pop("DependsOn", None)
    stage["Properties"]["AutoDeploy"] = True
    name = stage["Properties"]["StageName"]
    # It does not look for them in the definition, where API Gateway does.
    rest = resources["RestAPI"]["Properties"]
    rest["BinaryMediaTypes"] = rest["DefinitionBody"]["x-amazon-apigateway-binary-media-types"]
    for resource in resources.values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["Environment"]["Variables"] |= {
                # The address that sockets are told is not where the emulator listens.
                "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": {
                    "Fn::Sub": f"{emulator_url}/_aws/execute-api/${{WebsocketAPI}}/{name}"
                },
                "TAVERN_NODE_PATHS": str(PACKS),
                **variables,
            }
    for queue, seconds in _VISIBILITY_SECONDS.items():
        resources[queue]["Properties"]["VisibilityTimeout"] = seconds
    return changed
