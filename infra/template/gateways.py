"""The REST and the WebSocket API: what they say by themselves, and how much they take."""

import json
from collections.abc import Sequence
from typing import Any

from infra.larger_files import ELSEWHERE

SOCKET_STAGE = "ws"
REQUESTS_PER_SECOND = 200
"""What a stage takes of requests, and again of socket messages. An account has 10,000 for
all its APIs in a region: no stage can take them from another, and a flood costs at most
this."""

REQUESTS_AT_ONCE = 400
"""The burst above it."""

# A function takes 6 MB, in which a body is base64:
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_TOO_LARGE = f"The request is too large: at most 4 MB are sure to get through. {ELSEWHERE}"
# https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
_REFUSALS = {
    "BAD_REQUEST_BODY": (400, "The body is not what is expected"),
    "BAD_REQUEST_PARAMETERS": (400, "A parameter is not what is expected"),
    "MISSING_AUTHENTICATION_TOKEN": (404, "Not found"),  # what an unknown path is told
    "RESOURCE_NOT_FOUND": (404, "Not found"),
    "REQUEST_TOO_LARGE": (413, _TOO_LARGE),
    "UNSUPPORTED_MEDIA_TYPE": (415, "This media type is not supported"),
    "THROTTLED": (429, "Too many requests"),
    "QUOTA_EXCEEDED": (429, "Too many requests"),
    "INTEGRATION_TIMEOUT": (504, "The answer took too long"),
}
_GATEWAYS_OWN_WORDS = "$context.error.messageString"  # with its quotation marks
_INTERNAL = "Internal error; the server's log says more"


def resources(stage: str, origins: Sequence[str]) -> dict[str, Any]:
    """What Chalice's two APIs get in addition."""
    limits = {
        "ThrottlingRateLimit": REQUESTS_PER_SECOND,
        "ThrottlingBurstLimit": REQUESTS_AT_ONCE,
    }
    rest = {
        "Name": f"comfytavern-{stage}",
        # Without it SAM adds a second stage, "Stage", which nothing throttles or watches:
        # https://github.com/aws/serverless-application-model/issues/191
        "OpenApiVersion": "2.0",
        "MethodSettings": [{"ResourcePath": "/*", "HttpMethod": "*", **limits}],
        "DefinitionBody": {
            "info": {"title": f"comfytavern-{stage}"},  # the name that an import takes
            # The app keeps its own list: there, */* would break requests without Accept.
            "x-amazon-apigateway-binary-media-types": ["*/*"],
            "x-amazon-apigateway-gateway-responses": gateway_responses(origins),
        },
    }
    # The stage's name is the path of the socket, which CloudFront cannot change.
    sockets = {"StageName": SOCKET_STAGE, "DefaultRouteSettings": limits}
    return {"RestAPI": {"Properties": rest}, "WebsocketAPIStage": {"Properties": sockets}}


def gateway_responses(origins: Sequence[str]) -> dict[str, Any]:
    """What API Gateway says where no function is asked, in the shape of our own errors.

    It cannot tell paths apart, so all have what clients of some of them expect.
    """
    refusals = {
        kind: _response(json.dumps(message), origins, status)
        for kind, (status, message) in _REFUSALS.items()
    }
    for kind in ("THROTTLED", "QUOTA_EXCEEDED"):
        refusals[kind]["responseParameters"]["gatewayresponse.header.Retry-After"] = "'1'"
    defaults = {
        "DEFAULT_4XX": _response(_GATEWAYS_OWN_WORDS, origins),
        "DEFAULT_5XX": _response(json.dumps(_INTERNAL), origins),
    }
    return refusals | defaults


def _response(message: str, origins: Sequence[str], status: int | None = None) -> dict[str, Any]:
    """One of them; ``message`` is a string as JSON."""
    headers = {
        "X-Request-Id": "context.requestId",
        "Cache-Control": "'no-store'",
        **_cors(origins),
    }
    response: dict[str, Any] = {
        "responseParameters": {
            f"gatewayresponse.header.{name}": value for name, value in headers.items()
        },
        "responseTemplates": {
            "application/json": f'{{"error": {message}, "success": false, "message": {message}}}'
        },
    }
    if status is not None:
        response["statusCode"] = str(status)
    return response


def _cors(origins: Sequence[str]) -> dict[str, str]:
    """CORS headers, as the gateway can give them: one origin, or whichever asks.

    A list of origins cannot be compared there. These answers are the same for
    everyone, so that any page may read them.
    """
    if not origins:
        return {}
    only = f"'{origins[0]}'" if len(origins) == 1 else "method.request.header.Origin"
    return {
        "Vary": "'Origin'",
        "Access-Control-Allow-Origin": only,
        "Access-Control-Allow-Credentials": "'true'",
        "Access-Control-Expose-Headers": "'Retry-After, X-Request-Id'",
    }
