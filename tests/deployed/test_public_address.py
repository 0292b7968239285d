"""The one public address: what goes where, what is kept at the edge, and over what."""

import json
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import dukpy
import pytest

from chalicelib.api.cors import cors_headers
from chalicelib.api.http import METHODS
from infra.template import public_address
from infra.template.public_address import (
    ALL_VIEWER_EXCEPT_HOST,
    CACHING_DISABLED,
    CACHING_OPTIMIZED,
    PICTURES,
)
from tests.deployed.conftest import Built

SCRIPTS = Path(public_address.__file__).with_name("edge")


def distribution(built: Built) -> dict[str, Any]:
    """The distribution's configuration."""
    found: dict[str, Any] = built.properties("Distribution")["DistributionConfig"]
    return found


def behaviours(built: Built) -> dict[str, dict[str, Any]]:
    """What is done with paths, by pattern; ``*`` is what no other matches."""
    config = distribution(built)
    others = {behaviour["PathPattern"]: behaviour for behaviour in config["CacheBehaviors"]}
    return {**others, "*": config["DefaultCacheBehavior"]}


def origin(built: Built, pattern: str) -> dict[str, Any]:
    """Where the requests of a pattern go."""
    wanted = behaviours(built)[pattern]["TargetOriginId"]
    (found,) = (each for each in distribution(built)["Origins"] if each["Id"] == wanted)
    return dict(found)


def asked(script: str, uri: str = "/", **headers: str) -> dict[str, Any]:
    """A request after a script of the edge has seen it, in an engine of ES5.1 and more.

    The event is https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html
    """
    named = {name.replace("_", "-"): {"value": value} for name, value in headers.items()}
    event = {
        "version": "1.0",
        "context": {"eventType": "viewer-request"},
        "viewer": {"ip": "192.0.2.1"},
        "request": {
            "method": "GET",
            "uri": uri,
            "querystring": {},
            "headers": named,
            "cookies": {},
        },
    }
    code = (SCRIPTS / f"{script}.js").read_text()
    changed: dict[str, Any] = dukpy.evaljs([code, "handler(dukpy['event'])"], event=event)
    return changed


def test_the_api_the_sockets_and_the_pages_have_one_address(built: Built) -> None:
    targets = {pattern: each["TargetOriginId"] for pattern, each in behaviours(built).items()}
    assert targets == {
        **dict.fromkeys(PICTURES, "api"),
        "/api/*": "api",
        "/ws": "sockets",
        "*": "pages",
    }


def test_pictures_come_before_the_rest_of_the_api(built: Built) -> None:
    patterns = [each["PathPattern"] for each in distribution(built)["CacheBehaviors"]]
    assert patterns.index("/api/*") > max(patterns.index(picture) for picture in PICTURES)


def test_a_path_reaches_the_route_of_the_same_path(built: Built) -> None:
    """A gateway takes its stage's name off the path before it looks for the route."""
    rest = built.properties("RestAPI")
    assert origin(built, "/api/*")["OriginPath"] == f"/{rest['StageName']}"
    assert all(path.startswith("/api/") for path in rest["DefinitionBody"]["paths"])
    assert "OriginPath" not in origin(built, "/ws")
    assert built.properties("WebsocketAPIStage")["StageName"] == "ws"


def test_pages_come_from_the_public_folder_and_nothing_else_does(built: Built) -> None:
    pages = origin(built, "*")
    assert pages["DomainName"] == {"Fn::GetAtt": ["Documents", "RegionalDomainName"]}
    assert pages["OriginPath"] == "/public"
    (allowed,) = (
        statement
        for statement in built.properties("DocumentsPolicy")["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    )
    assert allowed["Action"] == "s3:GetObject"
    assert allowed["Resource"] == {"Fn::Sub": "${Documents.Arn}/public/*"}
    asking = allowed["Condition"]["StringEquals"]["aws:SourceArn"]["Fn::Sub"]
    assert asking.endswith(":distribution/${Distribution}")


def test_the_bucket_is_asked_in_the_distributions_own_name(built: Built) -> None:
    access = origin(built, "*")["OriginAccessControlId"]["Fn::GetAtt"][0]
    config = built.properties(access)["OriginAccessControlConfig"]
    assert (config["SigningBehavior"], config["SigningProtocol"]) == ("always", "sigv4")


def test_everybody_gets_tls(built: Built) -> None:
    assert {each["ViewerProtocolPolicy"] for each in behaviours(built).values()} == {
        "redirect-to-https"
    }
    for each in distribution(built)["Origins"]:
        custom = each.get("CustomOriginConfig")
        if custom is not None:
            assert custom["OriginProtocolPolicy"] == "https-only"
            assert custom["OriginSSLProtocols"] == ["TLSv1.2"]


def test_an_address_of_ones_own_takes_modern_tls_alone(built: Built) -> None:
    condition, own, default = distribution(built)["ViewerCertificate"]["Fn::If"]
    assert condition == "HasDomain"
    assert own["MinimumProtocolVersion"] == "TLSv1.2_2021"
    assert own["AcmCertificateArn"] == {"Ref": "CertificateArn"}
    assert default == {"CloudFrontDefaultCertificate": True}


def test_a_domain_and_its_certificate_go_together(built: Built) -> None:
    (rule,) = built.template["Rules"].values()
    (assertion,) = rule["Assertions"]
    neither, both = assertion["Assert"]["Fn::Or"]
    empty = [{"Fn::Equals": [{"Ref": name}, ""]} for name in ("DomainName", "CertificateArn")]
    assert neither == {"Fn::And": empty}
    assert both == {"Fn::And": [{"Fn::Not": [each]} for each in empty]}


def test_the_api_and_the_sockets_are_never_kept(built: Built) -> None:
    for pattern in ("/api/*", "/ws"):
        assert behaviours(built)[pattern]["CachePolicyId"] == CACHING_DISABLED


def test_pages_are_kept_and_compressed(built: Built) -> None:
    pages = behaviours(built)["*"]
    assert (pages["CachePolicyId"], pages["Compress"]) == (CACHING_OPTIMIZED, True)


def test_no_error_is_told_to_the_next_who_asks(built: Built) -> None:
    kept = {
        each["ErrorCode"]: each["ErrorCachingMinTTL"]
        for each in distribution(built)["CustomErrorResponses"]
    }
    # All that CloudFront would keep.
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HTTPStatusCodes.html
    errors = (400, 403, 404, 405, 414, 500, 501, 502, 503, 504)
    assert kept == dict.fromkeys(errors, 0)
    assert all(
        set(each) == {"ErrorCode", "ErrorCachingMinTTL"}
        for each in distribution(built)["CustomErrorResponses"]
    )


@pytest.mark.parametrize("pattern", PICTURES)
def test_a_picture_is_kept_only_as_long_as_it_says(built: Built, pattern: str) -> None:
    policy = behaviours(built)[pattern]["CachePolicyId"]["Ref"]
    config = built.properties(policy)["CachePolicyConfig"]
    assert (config["MinTTL"], config["DefaultTTL"], config["MaxTTL"]) == (0, 0, 365 * 24 * 3600)


def test_pictures_of_characters_are_asked_for_as_the_rest_of_the_api_is(built: Built) -> None:
    """They are never public; their readers' tokens and ranges have to arrive as they are."""
    path = "/api/characters/image/Ada.png"
    pattern = next(each for each in behaviours(built) if fnmatch(path, each))
    assert behaviours(built)[pattern]["CachePolicyId"] == CACHING_DISABLED


def test_a_picture_is_found_by_its_whole_address(built: Built) -> None:
    config = built.properties("PictureCache")["CachePolicyConfig"]
    key = config["ParametersInCacheKeyAndForwardedToOrigin"]
    assert key["QueryStringsConfig"] == {"QueryStringBehavior": "all"}


def test_the_key_of_a_picture_has_what_the_answer_varies_by(built: Built) -> None:
    config = built.properties("PictureCache")["CachePolicyConfig"]
    key = config["ParametersInCacheKeyAndForwardedToOrigin"]
    assert key["HeadersConfig"]["Headers"] == [cors_headers("https://pages.example")["Vary"]]


def test_the_api_gets_every_method_and_all_that_the_viewer_sent_but_the_host(built: Built) -> None:
    for pattern in (*PICTURES, "/api/*", "/ws"):
        behaviour = behaviours(built)[pattern]
        assert set(behaviour["AllowedMethods"]) == {*METHODS, "OPTIONS"}
        assert behaviour["OriginRequestPolicyId"] == ALL_VIEWER_EXCEPT_HOST


def test_every_path_has_the_script_that_it_needs(built: Built) -> None:
    scripts = {}
    for pattern, behaviour in behaviours(built).items():
        (association,) = behaviour["FunctionAssociations"]
        assert association["EventType"] == "viewer-request"
        scripts[pattern] = association["FunctionARN"]["Fn::GetAtt"][0]
    to_the_api = dict.fromkeys((*PICTURES, "/api/*", "/ws"), "ViewersHost")
    assert scripts == {**to_the_api, "*": "PageOfPath"}


def test_scripts_are_published_and_small_enough(built: Built) -> None:
    """https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html"""
    for script in built.resources("AWS::CloudFront::Function").values():
        assert script["Properties"]["AutoPublish"] is True
        assert len(script["Properties"]["FunctionCode"].encode()) < 10 * 1024


@pytest.mark.parametrize(
    "path", ["/", "/projects", "/projects/Tales/editor/one", "/editor/v1.2/", "/%E5%A4%9C"]
)
def test_a_path_of_the_web_client_gets_its_page(path: str) -> None:
    assert asked("page", path)["uri"] == "/index.html"


@pytest.mark.parametrize("path", ["/index.html", "/assets/app-1a2b.js", "/favicon.ico"])
def test_a_file_is_a_file(path: str) -> None:
    assert asked("page", path, sec_fetch_dest="script")["uri"] == path


def test_a_page_of_a_thing_whose_name_has_a_dot_gets_the_page() -> None:
    opened = asked("page", "/projects/v1.2", sec_fetch_dest="document")
    assert opened["uri"] == "/index.html"


def test_a_file_at_the_top_can_be_opened() -> None:
    assert asked("page", "/robots.txt", sec_fetch_dest="document")["uri"] == "/robots.txt"


def test_the_api_learns_by_what_name_it_was_asked() -> None:
    request = asked("viewers_host", "/api/projects", host="tavern.example")
    assert request["headers"]["x-forwarded-host"] == {"value": "tavern.example"}
    assert request["uri"] == "/api/projects"


def test_the_name_that_a_viewer_makes_up_does_not_get_through() -> None:
    request = asked("viewers_host", host="tavern.example", x_forwarded_host="other.example")
    assert request["headers"]["x-forwarded-host"] == {"value": "tavern.example"}


def test_pages_cannot_be_framed_sniffed_or_fetched_without_tls(built: Built) -> None:
    policy = behaviours(built)["*"]["ResponseHeadersPolicyId"]["Ref"]
    headers = built.properties(policy)["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    assert all(header["Override"] is True for header in headers.values())
    assert headers["FrameOptions"]["FrameOption"] == "DENY"
    assert headers["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 365 * 24 * 3600
    assert "ContentTypeOptions" in headers
    policy_text = headers["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    assert "frame-ancestors 'none'" in policy_text


def test_no_function_waits_for_the_distribution(built: Built) -> None:
    """It takes minutes, and depends on the APIs, which depend on the functions."""
    for name in built.functions():
        assert "Distribution" not in json.dumps(built.template["Resources"][name])


def test_the_outputs_say_where_everything_is(built: Built) -> None:
    outputs = built.template["Outputs"]
    assert {
        *("PublicUrl", "ApiUrl", "SocketUrl", "DocumentsBucket"),
        *("DistributionId", "DistributionDomain", "AdminFunction"),
    } <= set(outputs)
    condition, own, default = outputs["PublicUrl"]["Value"]["Fn::If"]
    assert (condition, own) == ("HasDomain", {"Fn::Sub": "https://${DomainName}"})
    assert default == {"Fn::Sub": "https://${Distribution.DomainName}"}
    for name in ("SocketUrl", "WebsocketConnectEndpointURL"):
        assert outputs[name]["Value"]["Fn::Sub"].endswith("/ws")
