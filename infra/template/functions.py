"""What the functions get beside what Chalice makes of ``app.py``."""

from typing import Any

from infra.template.storage import DISPOSABLE, RUN_DAYS

FUNCTIONS = (
    "APIHandler",
    "WebsocketConnect",
    "WebsocketMessage",
    "WebsocketDisconnect",
    "RunExecution",
    "DeadLetter",
    "ImportLibrary",
    "DeadImport",
    "Sweep",
    "Admin",
)
"""The functions' names in Chalice's template."""

SHORT_LOG_DAYS = 30
"""How long a disposable stage keeps its logs; others keep them as long as what a run left."""

_QUEUES = {
    "RunExecution": "Runs",
    "DeadLetter": "RunsDead",
    "ImportLibrary": "Imports",
    "DeadImport": "ImportsDead",
}


def resources(stage: str, machine: str) -> dict[str, Any]:
    """All functions for a kind of processor (``arm64``, ``x86_64``), and their logs."""
    days = SHORT_LOG_DAYS if stage in DISPOSABLE else RUN_DAYS
    made: dict[str, Any] = {}
    for name in FUNCTIONS:
        made[name] = _function(name, machine)
        made[f"{name}Log"] = {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {
                "LogGroupName": f"/comfytavern/{stage}/{name}",
                "RetentionInDays": days,
            },
        }
    return made


def _function(name: str, machine: str) -> dict[str, Any]:
    function: dict[str, Any] = {
        "Properties": {
            "Architectures": [machine],
            "Environment": {"Variables": {"TAVERN_BUCKET": {"Ref": "Documents"}}},
            "LoggingConfig": {"LogGroup": {"Ref": f"{name}Log"}},
        }
    }
    if name in _QUEUES:
        # Chalice names the queue in the event source, so CloudFormation sees no dependency.
        function["DependsOn"] = [_QUEUES[name]]
    return function
