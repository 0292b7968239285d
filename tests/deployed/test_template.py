"""The answers that API Gateway gives by itself."""

import json
import re
from typing import Any

import pytest

import app
from infra.template import merge_template
from infra.template.gateways import gateway_responses

PAGE = "https://pages.example"


def body(response: dict[str, Any]) -> Any:
    """What a response says, with API Gateway's own words filled in."""
    text: str = response["responseTemplates"]["application/json"]
    return json.loads(text.replace("$context.error.messageString", '"its own words"'))


def header(response: dict[str, Any], name: str) -> str | None:
    """How a response fills a header."""
    found: str | None = response["responseParameters"].get(f"gatewayresponse.header.{name}")
    return found


@pytest.mark.parametrize(
    ("kind", "status", "message"),
    [
        ("MISSING_AUTHENTICATION_TOKEN", "404", "Not found"),
        ("BAD_REQUEST_BODY", "400", "The body is not what is expected"),
        ("THROTTLED", "429", "Too many requests"),
        ("DEFAULT_4XX", None, "its own words"),
        ("DEFAULT_5XX", None, "Internal error; the server's log says more"),
    ],
)
def test_its_errors_have_our_shape(kind: str, status: str | None, message: str) -> None:
    response = gateway_responses([PAGE])[kind]
    expected = {"error": message, "success": False, "message": message}
    assert (response.get("statusCode"), body(response)) == (status, expected)


def test_who_sends_too_much_is_told_where_larger_files_go() -> None:
    response = gateway_responses([PAGE])["REQUEST_TOO_LARGE"]
    assert response["statusCode"] == "413"
    paths = re.findall(r"POST (/[a-z/]+)", body(response)["error"])
    assert len(paths) == 3
    assert all("POST" in app.routes[path] for path in paths)


def test_who_is_throttled_is_told_when_to_come_back() -> None:
    assert header(gateway_responses([])["THROTTLED"], "Retry-After") == "'1'"


def test_pages_of_the_one_origin_may_read_them() -> None:
    for response in gateway_responses([PAGE]).values():
        assert header(response, "Access-Control-Allow-Origin") == f"'{PAGE}'"
        assert header(response, "Access-Control-Allow-Credentials") == "'true'"


def test_of_several_origins_the_one_that_asks_may_read_them() -> None:
    response = gateway_responses([PAGE, "https://other.example"])["DEFAULT_4XX"]
    assert header(response, "Access-Control-Allow-Origin") == "method.request.header.Origin"
    assert header(response, "Vary") == "'Origin'"


def test_without_origins_no_other_page_may_read_them() -> None:
    response = gateway_responses([])["DEFAULT_4XX"]
    assert header(response, "Access-Control-Allow-Origin") is None


def test_a_stage_whose_bucket_could_not_be_named_is_refused() -> None:
    with pytest.raises(ValueError, match="1 to 12 lower-case letters"):
        merge_template("Production", [])
