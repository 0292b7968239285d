"""What a stage's CloudFormation template has beside what Chalice makes of ``app.py``.

Chalice merges it into its own template: dictionaries merge, everything else is
replaced. It holds the stage's resources, what watches over them, the one public
address, and what the functions and the two APIs need to know of all that.
"""

from collections.abc import Sequence
from typing import Any

from infra.template import alarms, dashboard, functions, gateways, public_address, storage

# Chalice says this one too, with the REST API's stage in it.
_SOCKET_URL = f"wss://${{WebsocketAPI}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{gateways.SOCKET_STAGE}"
_API_URL = "https://${RestAPI}.execute-api.${AWS::Region}.${AWS::URLSuffix}/api"


def merge_template(stage: str, origins: Sequence[str], *, machine: str = "arm64") -> dict[str, Any]:
    """The template to merge for a stage whose pages may come from ``origins``.

    ``machine`` is the kind of processor that the zip was made for. ``ValueError`` for a
    stage that cannot be one.
    """
    address = public_address.parts(stage)
    watch = alarms.parts(stage)
    return {
        "Parameters": {**address.parameters, **watch.parameters},
        "Rules": address.rules,
        "Conditions": {**address.conditions, **watch.conditions},
        "Resources": {
            **storage.resources(stage, {"Documents": public_address.page_readers()}),
            **functions.resources(stage, machine),
            **gateways.resources(stage, origins),
            **address.resources,
            **watch.resources,
            "Dashboard": dashboard.resource(stage),
        },
        "Outputs": {
            "PublicUrl": {"Value": address.url},
            "ApiUrl": {"Value": {"Fn::Sub": _API_URL}},
            "SocketUrl": {"Value": {"Fn::Sub": _SOCKET_URL}},
            "WebsocketConnectEndpointURL": {"Value": {"Fn::Sub": _SOCKET_URL}},
            "DocumentsBucket": {"Value": {"Ref": "Documents"}},
            "DistributionId": {"Value": {"Ref": "Distribution"}},
            "AdminFunction": {"Value": {"Ref": "Admin"}},
            "DistributionDomain": {"Value": {"Fn::GetAtt": ["Distribution", "DomainName"]}},
        },
    }
