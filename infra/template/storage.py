"""How a stage keeps its data: what is kept at its end, for how long, and who may come near.

All of it is said of every bucket, table and queue of ``infra/resources.json``, so a new
one cannot be forgotten.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from infra import resources as stored

DISPOSABLE = frozenset({"dev"})
"""The stages whose data goes with their stack. Everybody else's is kept."""

RUN_DAYS = 90
"""How long the objects of a run are kept: payload, large values, and the archived log.

A log's batches live for 60 days, so no run in the tables refers to an object that has
gone. Three months are enough to look up what a run said; what a user wants to keep he
saves in a workflow.
"""

OLD_VERSION_DAYS = 365
OLD_VERSIONS = 100
"""A user's old versions go when they are both this old and not among the newest so many.

So the recycle bin never empties by itself: a deleted document's versions stay the newest
of their key. S3 allows at most 100 here.
"""

UPLOAD_DAYS = 1
"""How long a file waits that a client has sent to the bucket and nobody has taken over."""

IMPORT_DAYS = 30
"""How long an archive is kept whose import was lost; others go when the import has ended."""

_UNFINISHED_UPLOAD_DAYS = 1
_OLD_PAGES_DAYS = 30
_KEEPS_DATA = ("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::KMS::Alias")
_WITHOUT_TLS = {"Bool": {"aws:SecureTransport": "false"}}

Statements = Sequence[Mapping[str, Any]]


def resources(stage: str, readers: Mapping[str, Statements]) -> dict[str, Any]:
    """The bucket, tables, queues and key of a stage, with the policies that guard them.

    ``readers`` has statements for the policies of buckets, by the buckets' names.
    ``ValueError`` for a stage that cannot be one.
    """
    made: dict[str, Any] = stored.resources(stage)["Resources"]
    policies: dict[str, Any] = {}
    for name, resource in made.items():
        kind = resource["Type"]
        if kind in _KEEPS_DATA:
            resource |= _fate(stage)
        if kind == "AWS::S3::Bucket":
            resource["Properties"]["LifecycleConfiguration"] = {"Rules": _lifecycle()}
            resource["Properties"]["CorsConfiguration"] = {"CorsRules": [_files_of_pages()]}
            policies[f"{name}Policy"] = _bucket_policy(name, readers.get(name, ()))
        elif kind == "AWS::DynamoDB::Table":
            resource["Properties"]["DeletionProtectionEnabled"] = stage not in DISPOSABLE
        elif kind == "AWS::SQS::Queue":
            policies[f"{name}Policy"] = _queue_policy(name)
    return made | policies


def _fate(stage: str) -> dict[str, str]:
    fate = "Delete" if stage in DISPOSABLE else "Retain"
    return {"DeletionPolicy": fate, "UpdateReplacePolicy": fate}


def _lifecycle() -> list[dict[str, Any]]:
    """What S3 removes by itself.

    ``runs/`` has no history that anybody reads. Removing a delete marker under which
    nothing is left changes nothing that a reader could see.
    """
    return [
        {
            "Id": "runs",
            "Status": "Enabled",
            "Prefix": "runs/",
            "ExpirationInDays": RUN_DAYS,
            "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
        },
        {
            "Id": "uploads",
            "Status": "Enabled",
            "Prefix": "uploads/",
            "ExpirationInDays": UPLOAD_DAYS,
            "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
        },
        {
            "Id": "imports",
            "Status": "Enabled",
            "Prefix": "imports/",
            "ExpirationInDays": IMPORT_DAYS,
            "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
        },
        {
            "Id": "old-versions",
            "Status": "Enabled",
            "Prefix": "users/",
            "NoncurrentVersionExpiration": {
                "NoncurrentDays": OLD_VERSION_DAYS,
                "NewerNoncurrentVersions": OLD_VERSIONS,
            },
        },
        {
            "Id": "old-pages",
            "Status": "Enabled",
            "Prefix": "public/",
            "NoncurrentVersionExpiration": {"NoncurrentDays": _OLD_PAGES_DAYS},
        },
        {
            "Id": "leftovers",
            "Status": "Enabled",
            "ExpiredObjectDeleteMarker": True,
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _UNFINISHED_UPLOAD_DAYS},
        },
    ]


def _files_of_pages() -> dict[str, Any]:
    """Lets pages send the forms that they were offered, and read what a link gives.

    Pages of any origin: the distribution's address cannot be here, since it needs the
    bucket first. What may be written or read is in the signature alone; a bucket knows no
    cookies that a page could use behind its reader's back.
    """
    return {
        "AllowedOrigins": ["*"],
        "AllowedMethods": ["GET", "POST"],
        "AllowedHeaders": ["content-type"],
        "MaxAge": 3600,
    }


def _bucket_policy(bucket: str, readers: Statements) -> dict[str, Any]:
    arn = {"Fn::GetAtt": [bucket, "Arn"]}
    objects = {"Fn::Sub": f"${{{bucket}.Arn}}/*"}
    statements = [_tls_only("s3:*", [arn, objects]), *readers]
    return {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {"Bucket": {"Ref": bucket}, "PolicyDocument": _document(statements)},
    }


def _queue_policy(queue: str) -> dict[str, Any]:
    statements = [_tls_only("sqs:*", {"Fn::GetAtt": [queue, "Arn"]})]
    return {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {"Queues": [{"Ref": queue}], "PolicyDocument": _document(statements)},
    }


def _tls_only(action: str, resource: object) -> dict[str, Any]:
    return {
        "Sid": "EncryptedConnectionsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resource,
        "Condition": _WITHOUT_TLS,
    }


def _document(statements: Statements) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}
