"""What a production stage is made of, as far as it costs: read from what deploys."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.cost.counting import Function
from infra.template import gateways, merge_template

_STAGE = "prod"
_CHALICE = Path(__file__).parents[2] / ".chalice/config.json"


@dataclass(frozen=True, slots=True)
class Memory:
    """The functions' memory in MB, as deployed."""

    sizes: dict[str, int]
    default: int

    @classmethod
    def read(cls) -> "Memory":
        """From Chalice's configuration."""
        config = _chalice()
        functions: dict[str, dict[str, Any]] = config["lambda_functions"]
        sizes = {
            name: settings["lambda_memory_size"]
            for name, settings in functions.items()
            if "lambda_memory_size" in settings
        }
        return cls(sizes, config["lambda_memory_size"])

    def changed(self, name: str, size: int) -> "Memory":
        """The same with another size for one function."""
        return Memory({**self.sizes, name: size}, self.default)

    def of(self, name: str) -> Function:
        """The function of that name."""
        return Function(name, self.sizes.get(name, self.default))


@dataclass(frozen=True, slots=True)
class Deployed:
    """Counts of what is billed by the month, and how many days things are kept."""

    alarm_metrics: int
    dashboards: int
    keys: int
    run_days: int
    version_days: int
    log_days: int
    workers: int
    requests_a_second: int

    @classmethod
    def read(cls) -> "Deployed":
        """From what is merged into Chalice's template."""
        resources: dict[str, dict[str, Any]] = merge_template(_STAGE, ())["Resources"]

        def of(kind: str) -> list[dict[str, Any]]:
            return [
                item.get("Properties", {})
                for item in resources.values()
                if item.get("Type") == kind
            ]

        (bucket,) = of("AWS::S3::Bucket")
        variables = _chalice()["stages"][_STAGE]["environment_variables"]
        rules = {rule["Id"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
        return cls(
            alarm_metrics=sum(map(_metrics, of("AWS::CloudWatch::Alarm"))),
            dashboards=len(of("AWS::CloudWatch::Dashboard")),
            keys=len(of("AWS::KMS::Key")),
            run_days=rules["runs"]["ExpirationInDays"],
            version_days=rules["old-versions"]["NoncurrentVersionExpiration"]["NoncurrentDays"],
            log_days=max(group["RetentionInDays"] for group in of("AWS::Logs::LogGroup")),
            workers=int(variables["TAVERN_MAX_WORKERS"]),
            requests_a_second=gateways.REQUESTS_PER_SECOND,
        )


def _metrics(alarm: dict[str, Any]) -> int:
    """An alarm on an expression is billed by the metrics that it reads."""
    read = [item for item in alarm.get("Metrics", []) if "MetricStat" in item]
    return len(read) or 1


def _chalice() -> dict[str, Any]:
    config: dict[str, Any] = json.loads(_CHALICE.read_text())
    return config
