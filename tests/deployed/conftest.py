"""What deploys, built once for all tests."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.package import package

STAGES = ("dev", "prod")


@dataclass(frozen=True)
class Built:
    """A stage's folder, and its template."""

    stage: str
    folder: Path
    template: dict[str, Any]

    @property
    def zip(self) -> Path:
        """The code of all functions."""
        return self.folder / "deployment.zip"

    def files(self) -> list[str]:
        """The paths in the zip."""
        with zipfile.ZipFile(self.zip) as archive:
            return archive.namelist()

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """The resources of a type, by name."""
        found = self.template["Resources"].items()
        return {name: resource for name, resource in found if resource["Type"] == kind}

    def properties(self, name: str) -> dict[str, Any]:
        """The properties of one resource."""
        found: dict[str, Any] = self.template["Resources"][name]["Properties"]
        return found

    def functions(self) -> dict[str, dict[str, Any]]:
        """The functions' properties, by name."""
        found = self.resources("AWS::Serverless::Function")
        return {name: function["Properties"] for name, function in found.items()}

    def policy(self, function: str) -> list[dict[str, Any]]:
        """The statements of a function's role."""
        role = self.properties(self.properties(function)["Role"]["Fn::GetAtt"][0])
        statements: list[dict[str, Any]] = role["Policies"][0]["PolicyDocument"]["Statement"]
        return statements


@pytest.fixture(scope="session")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Built]:
    """The packages of dev and prod, by stage."""
    folder = tmp_path_factory.mktemp("package")
    package(folder, STAGES)
    return {
        stage: Built(stage, folder / stage, json.loads((folder / stage / "sam.json").read_text()))
        for stage in STAGES
    }


@pytest.fixture(params=STAGES)
def built(both: dict[str, Built], request: pytest.FixtureRequest) -> Built:
    """The package of each stage in turn."""
    stage: str = request.param
    return both[stage]


@pytest.fixture
def dev(both: dict[str, Built]) -> Built:
    """One package, where all are alike."""
    return both["dev"]
