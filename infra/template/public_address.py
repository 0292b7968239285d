"""The one public address: a CloudFront distribution in front of everything.

``/api/*`` goes to the REST API, ``/ws`` to the WebSocket API, everything else to what
lies below ``public/`` in the bucket: the web client. Why, and what the API must keep to so
that no picture is shown to the wrong person, is in ``docs/decisions/0008-one-public-address.md``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PICTURES = ("/api/users/avatar/*",)
"""Paths whose answers may be kept at the edge, if they say so themselves.

Those of characters are not among them, for they are never ``public``. Where something may
be kept CloudFront may leave out ``Authorization``, and ask for larger ranges than a client:
https://repost.aws/knowledge-center/cloudfront-authorization-header
"""

# AWS's own policies, which have the same ids everywhere:
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
ALL_VIEWER_EXCEPT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"

_FOLDER = Path(__file__).with_name("edge")
_YEAR = 365 * 24 * 3600
_EVERY_METHOD = ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"]
_READS = ["GET", "HEAD"]
# Without these, CloudFront repeats an error for ten seconds to whoever asks for the same
# path, also where it may keep nothing, and whatever the error's Cache-Control says.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/custom-error-pages-expiration.html
_ERRORS = (400, 403, 404, 405, 414, 500, 501, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class PublicAddress:
    """The parts of a template that make the address; ``url`` is a value for an output."""

    parameters: Mapping[str, Any]
    rules: Mapping[str, Any]
    conditions: Mapping[str, Any]
    resources: Mapping[str, Any]
    url: Mapping[str, Any]


def parts(stage: str) -> PublicAddress:
    """The distribution of a stage, and what belongs to it."""
    return PublicAddress(
        parameters=_PARAMETERS,
        rules=_RULES,
        conditions={"HasDomain": {"Fn::Not": [_is_empty("CertificateArn")]}},
        resources={
            "Distribution": _distribution(stage),
            "PageAccess": _page_access(stage),
            "PageHeaders": _page_headers(stage),
            "PictureCache": _picture_cache(stage),
            "PageOfPath": _function(stage, "page"),
            "ViewersHost": _function(stage, "viewers_host"),
        },
        url={
            "Fn::If": [
                "HasDomain",
                {"Fn::Sub": "https://${DomainName}"},
                {"Fn::Sub": "https://${Distribution.DomainName}"},
            ]
        },
    )


def page_readers() -> list[dict[str, Any]]:
    """The statement of the bucket's policy that lets the distribution read the pages.

    S3 says 403, not 404, of what is not there: listing the bucket is not for the edge.
    """
    return [
        {
            "Sid": "PagesForTheDistribution",
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Action": "s3:GetObject",
            "Resource": {"Fn::Sub": "${Documents.Arn}/public/*"},
            "Condition": {
                "StringEquals": {
                    "aws:SourceArn": {
                        "Fn::Sub": "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}"
                        ":distribution/${Distribution}"
                    }
                }
            },
        }
    ]


def _distribution(stage: str) -> dict[str, Any]:
    own_name = {"Fn::If": ["HasDomain", [{"Ref": "DomainName"}], {"Ref": "AWS::NoValue"}]}
    own_certificate = {
        "AcmCertificateArn": {"Ref": "CertificateArn"},
        "SslSupportMethod": "sni-only",
        "MinimumProtocolVersion": "TLSv1.2_2021",
    }
    certificate = {"Fn::If": ["HasDomain", own_certificate, {"CloudFrontDefaultCertificate": True}]}
    pictures = [_to_api("api", path, {"Ref": "PictureCache"}) for path in PICTURES]
    return {
        "Type": "AWS::CloudFront::Distribution",
        "Properties": {
            "DistributionConfig": {
                "Enabled": True,
                "Comment": f"comfytavern-{stage}",
                "HttpVersion": "http2and3",
                "IPV6Enabled": True,
                "Aliases": own_name,
                "ViewerCertificate": certificate,
                "Origins": [_pages_origin(), _api_origin("api"), _api_origin("sockets")],
                "DefaultCacheBehavior": _pages(),
                # The first that matches counts.
                "CacheBehaviors": [
                    *pictures,
                    _to_api("api", "/api/*", CACHING_DISABLED),
                    _to_api("sockets", "/ws", CACHING_DISABLED),
                ],
                "CustomErrorResponses": [
                    {"ErrorCode": status, "ErrorCachingMinTTL": 0} for status in _ERRORS
                ],
            }
        },
    }


def _pages_origin() -> dict[str, Any]:
    return {
        "Id": "pages",
        "DomainName": {"Fn::GetAtt": ["Documents", "RegionalDomainName"]},
        "OriginPath": "/public",
        "OriginAccessControlId": {"Fn::GetAtt": ["PageAccess", "Id"]},
        "S3OriginConfig": {"OriginAccessIdentity": ""},  # the access control is in its place
    }


def _api_origin(name: str) -> dict[str, Any]:
    api = {"api": "RestAPI", "sockets": "WebsocketAPI"}[name]
    origin: dict[str, Any] = {
        "Id": name,
        "DomainName": {"Fn::Sub": f"${{{api}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}"},
        "CustomOriginConfig": {
            "OriginProtocolPolicy": "https-only",
            "OriginSSLProtocols": ["TLSv1.2"],
            "OriginReadTimeout": 30,  # the functions that answer end after 29
        },
    }
    if name == "api":
        origin["OriginPath"] = "/api"  # the gateway's stage, in front of the routes' /api
    return origin


def _pages() -> dict[str, Any]:
    return {
        "TargetOriginId": "pages",
        "ViewerProtocolPolicy": "redirect-to-https",
        "Compress": True,
        "AllowedMethods": _READS,
        "CachedMethods": _READS,
        "CachePolicyId": CACHING_OPTIMIZED,
        "ResponseHeadersPolicyId": {"Ref": "PageHeaders"},
        "FunctionAssociations": _asks_first("PageOfPath"),
    }


def _to_api(origin: str, path: str, cache: str | dict[str, str]) -> dict[str, Any]:
    return {
        "PathPattern": path,
        "TargetOriginId": origin,
        "ViewerProtocolPolicy": "redirect-to-https",
        "Compress": True,
        "AllowedMethods": _EVERY_METHOD,
        "CachedMethods": _READS,
        "CachePolicyId": cache,
        "OriginRequestPolicyId": ALL_VIEWER_EXCEPT_HOST,
        "FunctionAssociations": _asks_first("ViewersHost"),
    }


def _asks_first(function: str) -> list[dict[str, Any]]:
    arn = {"Fn::GetAtt": [function, "FunctionARN"]}
    return [{"EventType": "viewer-request", "FunctionARN": arn}]


def _page_access(stage: str) -> dict[str, Any]:
    return {
        "Type": "AWS::CloudFront::OriginAccessControl",
        "Properties": {
            "OriginAccessControlConfig": {
                "Name": _name(stage, "pages"),
                "OriginAccessControlOriginType": "s3",
                "SigningBehavior": "always",
                "SigningProtocol": "sigv4",
            }
        },
    }


def _page_headers(stage: str) -> dict[str, Any]:
    """What keeps a page from being framed, or fetched without TLS.

    It says nothing about where scripts and styles may come from: that is the web
    client's to say, in its page.
    """
    policy = "base-uri 'self'; frame-ancestors 'none'; object-src 'none'"
    headers: dict[str, dict[str, Any]] = {
        "ContentSecurityPolicy": {"ContentSecurityPolicy": policy},
        "ContentTypeOptions": {},
        "FrameOptions": {"FrameOption": "DENY"},
        "ReferrerPolicy": {"ReferrerPolicy": "same-origin"},
        "StrictTransportSecurity": {"AccessControlMaxAgeSec": _YEAR},
    }
    return {
        "Type": "AWS::CloudFront::ResponseHeadersPolicy",
        "Properties": {
            "ResponseHeadersPolicyConfig": {
                "Name": _name(stage, "pages"),
                "SecurityHeadersConfig": {
                    name: {**header, "Override": True} for name, header in headers.items()
                },
            }
        },
    }


def _picture_cache(stage: str) -> dict[str, Any]:
    """Keeps what says how long it may be kept, and nothing else.

    The key has no cookie and no token, for then it would keep a copy for every user. So
    only what may be shown to whoever knows its address may say ``public``. It has the
    Origin, because the answers' CORS headers depend on that.
    """
    return {
        "Type": "AWS::CloudFront::CachePolicy",
        "Properties": {
            "CachePolicyConfig": {
                "Name": _name(stage, "pictures"),
                "MinTTL": 0,
                "DefaultTTL": 0,
                "MaxTTL": _YEAR,
                "ParametersInCacheKeyAndForwardedToOrigin": {
                    "CookiesConfig": {"CookieBehavior": "none"},
                    "HeadersConfig": {"HeaderBehavior": "whitelist", "Headers": ["Origin"]},
                    "QueryStringsConfig": {"QueryStringBehavior": "all"},
                    "EnableAcceptEncodingBrotli": False,  # pictures are compressed already
                    "EnableAcceptEncodingGzip": False,
                },
            }
        },
    }


def _function(stage: str, script: str) -> dict[str, Any]:
    name = script.replace("_", "-")
    return {
        "Type": "AWS::CloudFront::Function",
        "Properties": {
            "Name": _name(stage, name),
            "AutoPublish": True,
            "FunctionCode": (_FOLDER / f"{script}.js").read_text(),
            "FunctionConfig": {"Comment": name, "Runtime": "cloudfront-js-2.0"},
        },
    }


def _name(stage: str, part: str) -> dict[str, str]:
    """CloudFront's names are the account's, not the region's."""
    return {"Fn::Sub": f"comfytavern-{stage}-{part}-${{AWS::Region}}"}


def _is_empty(parameter: str) -> dict[str, Any]:
    return {"Fn::Equals": [{"Ref": parameter}, ""]}


_PARAMETERS = {
    "DomainName": {
        "Type": "String",
        "Default": "",
        "AllowedPattern": r"^$|^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$",
        "ConstraintDescription": "a name such as tavern.example.org, or empty",
        "Description": "The address of your own; empty for one of cloudfront.net",
    },
    "CertificateArn": {
        "Type": "String",
        "Default": "",
        "AllowedPattern": r"^$|^arn:aws[a-z-]*:acm:us-east-1:[0-9]{12}:certificate/[0-9a-f-]+$",
        "ConstraintDescription": "the ARN of a certificate of ACM in us-east-1, or empty",
        "Description": "The certificate for DomainName: CloudFront takes those of us-east-1 alone",
    },
}
_RULES = {
    "DomainWithCertificate": {
        "Assertions": [
            {
                "Assert": {
                    "Fn::Or": [
                        {"Fn::And": [_is_empty("DomainName"), _is_empty("CertificateArn")]},
                        {
                            "Fn::And": [
                                {"Fn::Not": [_is_empty("DomainName")]},
                                {"Fn::Not": [_is_empty("CertificateArn")]},
                            ]
                        },
                    ]
                },
                "AssertDescription": "DomainName and CertificateArn go together",
            }
        ]
    }
}
