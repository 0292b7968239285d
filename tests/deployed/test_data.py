"""What is stored: encrypted, reached over TLS alone, kept, and not for ever.

Every test goes over all resources of a type, so that a new one cannot escape it.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.adapters.aws.run_log import BATCH_LIFETIME
from chalicelib.services.imports.jobs import KEPT_DAYS
from infra.template import storage
from infra.template.storage import DISPOSABLE, OLD_VERSIONS, RUN_DAYS, UPLOAD_DAYS
from tests.deployed.conftest import Built

DAY = 24 * 3600
KEPT = ("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key")
# Types that hold nothing of anybody, and those that a test of this file looks at.
HOLDS_NOTHING = {
    *("AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Deployment", "AWS::ApiGatewayV2::Integration"),
    *("AWS::ApiGatewayV2::Route", "AWS::ApiGatewayV2::Stage", "AWS::Serverless::Api"),
    *("AWS::CloudFront::CachePolicy", "AWS::CloudFront::Function"),
    *("AWS::CloudFront::OriginAccessControl", "AWS::CloudFront::ResponseHeadersPolicy"),
    *("AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::IAM::Role"),
    *("AWS::KMS::Alias", "AWS::Lambda::Permission", "AWS::Serverless::Function"),
    *("AWS::SNS::Subscription", "AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy"),
    *("AWS::SNS::TopicPolicy", "AWS::CloudFront::Distribution"),
}
LOOKED_AT = {*KEPT, "AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::Logs::LogGroup"}
POLICIES = {
    "AWS::S3::Bucket": ("AWS::S3::BucketPolicy", "Bucket", "s3:*"),
    "AWS::SQS::Queue": ("AWS::SQS::QueuePolicy", "Queues", "sqs:*"),
    "AWS::SNS::Topic": ("AWS::SNS::TopicPolicy", "Topics", "sns:Publish"),
}


def named(value: object) -> Iterator[str]:
    """The resources of the template that a value refers to, wherever in it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "Ref":
                yield str(inner)
            elif key == "Fn::GetAtt":
                yield str(inner[0])
            elif key == "Fn::Sub":
                yield from re.findall(r"\$\{(\w+)", str(inner))
            else:
                yield from named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from named(inner)


def statements(built: Built) -> Iterator[tuple[str, dict[str, Any]]]:
    """All statements of policies at resources, with the policy's name."""
    for kind, _, _ in POLICIES.values():
        for name, policy in built.resources(kind).items():
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                yield name, statement


def test_a_type_that_may_hold_something_is_looked_at_here(built: Built) -> None:
    types = {resource["Type"] for resource in built.template["Resources"].values()}
    assert types == HOLDS_NOTHING | LOOKED_AT


@pytest.mark.parametrize("kind", KEPT)
def test_a_disposable_stage_leaves_nothing_and_others_keep_all(built: Built, kind: str) -> None:
    fate = "Delete" if built.stage in DISPOSABLE else "Retain"
    found = built.resources(kind)
    assert found
    for resource in found.values():
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == (fate, fate)


def test_who_runs_in_production_loses_nothing_with_the_stack() -> None:
    assert "prod" not in DISPOSABLE
    unheard_of = storage.resources("other", {})
    assert unheard_of["Documents"]["DeletionPolicy"] == "Retain"


def test_buckets_are_private_encrypted_and_versioned(built: Built) -> None:
    found = built.resources("AWS::S3::Bucket")
    assert found
    for bucket in found.values():
        properties = bucket["Properties"]
        block = properties["PublicAccessBlockConfiguration"]
        assert set(block) == {
            *("BlockPublicAcls", "BlockPublicPolicy"),
            *("IgnorePublicAcls", "RestrictPublicBuckets"),
        }
        assert set(block.values()) == {True}
        assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
        assert properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        (ownership,) = properties["OwnershipControls"]["Rules"]
        assert ownership == {"ObjectOwnership": "BucketOwnerEnforced"}


def test_tables_are_encrypted_recoverable_and_let_rows_expire(built: Built) -> None:
    found = built.resources("AWS::DynamoDB::Table")
    assert found
    for table in found.values():
        properties = table["Properties"]
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
        assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
        assert properties["SSESpecification"]["SSEEnabled"] is True
        assert properties["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}


def test_tables_that_are_kept_cannot_be_deleted_by_mistake(built: Built) -> None:
    for table in built.resources("AWS::DynamoDB::Table").values():
        protected = table["Properties"]["DeletionProtectionEnabled"]
        assert protected is (built.stage not in DISPOSABLE)


def test_queues_are_encrypted(built: Built) -> None:
    found = built.resources("AWS::SQS::Queue").values()
    assert {queue["Properties"]["SqsManagedSseEnabled"] for queue in found} == {True}


def test_queues_keep_messages_as_long_as_they_can(built: Built) -> None:
    found = built.resources("AWS::SQS::Queue").values()
    assert {queue["Properties"]["MessageRetentionPeriod"] for queue in found} == {14 * DAY}


def test_dead_letters_come_from_the_queue_that_sends_them_here_alone(built: Built) -> None:
    queues = built.resources("AWS::SQS::Queue")
    for name, queue in queues.items():
        target = queue["Properties"].get("RedrivePolicy", {}).get("deadLetterTargetArn")
        if target is None:
            continue
        allowed = queues[target["Fn::GetAtt"][0]]["Properties"]["RedriveAllowPolicy"]
        (source,) = allowed["sourceQueueArns"]
        assert allowed["redrivePermission"] == "byQueue"
        assert source["Fn::Sub"].endswith(f":{built.properties(name)['QueueName']}")


def test_topics_are_encrypted_with_the_stages_key(built: Built) -> None:
    found = built.resources("AWS::SNS::Topic").values()
    assert [topic["Properties"]["KmsMasterKeyId"] for topic in found] == [{"Ref": "Key"}]


def test_keys_change_every_year(built: Built) -> None:
    found = built.resources("AWS::KMS::Key").values()
    assert [key["Properties"]["EnableKeyRotation"] for key in found] == [True]


def test_a_key_is_used_by_its_account_alone(built: Built) -> None:
    """In a key's policy, ``*`` is the key itself."""
    for key in built.resources("AWS::KMS::Key").values():
        account, *services = key["Properties"]["KeyPolicy"]["Statement"]
        assert account["Principal"]["AWS"]["Fn::Sub"].endswith("::${AWS::AccountId}:root")
        for statement in services:
            same = {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
            assert statement["Condition"] == {"StringEquals": same}


def test_logs_end(built: Built) -> None:
    expected = 30 if built.stage in DISPOSABLE else 90
    found = built.resources("AWS::Logs::LogGroup").values()
    assert {group["Properties"]["RetentionInDays"] for group in found} == {expected}


@pytest.mark.parametrize("kind", POLICIES)
def test_nothing_is_reached_without_tls(built: Built, kind: str) -> None:
    policy_kind, subject, action = POLICIES[kind]
    denied = set()
    for policy in built.resources(policy_kind).values():
        properties = policy["Properties"]
        first_denied = [
            statement
            for statement in properties["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Deny" and statement["Action"] == action
        ]
        (statement,) = first_denied
        assert statement["Principal"] == "*"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert set(named(statement["Resource"])) == set(named(properties[subject]))
        denied |= set(named(properties[subject]))
    assert denied == set(built.resources(kind))


def test_a_buckets_objects_are_not_reached_without_tls_either(built: Built) -> None:
    for policy in built.resources("AWS::S3::BucketPolicy").values():
        statement, *_ = policy["Properties"]["PolicyDocument"]["Statement"]
        bucket, objects = statement["Resource"]
        (name,) = named(bucket)
        assert objects == {"Fn::Sub": f"${{{name}.Arn}}/*"}


def test_policies_let_in_services_only_that_act_for_this_account(built: Built) -> None:
    for name, statement in statements(built):
        if statement["Effect"] == "Allow":
            assert set(statement["Principal"]) == {"Service"}, name
            conditions = str(statement["Condition"]["StringEquals"])
            assert "aws:Source" in conditions, name
            assert "AWS::AccountId" in conditions, name


def test_no_policy_at_a_resource_speaks_of_all_resources(built: Built) -> None:
    assert not [name for name, statement in statements(built) if statement["Resource"] == "*"]


def rule(built: Built, name: str) -> dict[str, Any]:
    """A rule of the bucket's lifecycle."""
    rules = built.properties("Documents")["LifecycleConfiguration"]["Rules"]
    (found,) = (each for each in rules if each["Id"] == name)
    assert found["Status"] == "Enabled"
    return dict(found)


def test_what_a_run_left_goes_but_not_before_its_log(built: Built) -> None:
    found = rule(built, "runs")
    assert (found["Prefix"], found["ExpirationInDays"]) == ("runs/", RUN_DAYS)
    assert RUN_DAYS * DAY > BATCH_LIFETIME


def test_uploads_that_nobody_took_over_go_with_all_their_versions(built: Built) -> None:
    found = rule(built, "uploads")
    assert (found["Prefix"], found["ExpirationInDays"]) == ("uploads/", UPLOAD_DAYS)
    assert found["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}


def test_archives_of_lost_imports_go_when_the_rows_of_imports_have_gone(built: Built) -> None:
    found = rule(built, "imports")
    assert (found["Prefix"], found["ExpirationInDays"]) == ("imports/", KEPT_DAYS)
    assert found["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}


def test_only_runs_uploads_and_imports_expire_by_themselves(built: Built) -> None:
    rules = built.properties("Documents")["LifecycleConfiguration"]["Rules"]
    expiring = [each["Id"] for each in rules if "ExpirationInDays" in each]
    assert expiring == ["runs", "uploads", "imports"]


def test_a_page_may_send_forms_to_a_bucket_and_follow_its_links_and_nothing_else(
    built: Built,
) -> None:
    for bucket in built.resources("AWS::S3::Bucket").values():
        (cors,) = bucket["Properties"]["CorsConfiguration"]["CorsRules"]
        assert cors["AllowedMethods"] == ["GET", "POST"]
        assert "ExposedHeaders" not in cors


def test_a_documents_latest_versions_stay_however_old_they_are(built: Built) -> None:
    """The version that the recycle bin would bring back is among them."""
    rules = built.properties("Documents")["LifecycleConfiguration"]["Rules"]
    concerned = [
        each["NoncurrentVersionExpiration"]
        for each in rules
        if "NoncurrentVersionExpiration" in each and "users/".startswith(each.get("Prefix", ""))
    ]
    kept = {"NoncurrentDays": 365, "NewerNoncurrentVersions": OLD_VERSIONS}
    assert concerned == [kept]


def test_unfinished_uploads_and_empty_delete_markers_are_cleared_away(built: Built) -> None:
    found = rule(built, "leftovers")
    assert found["ExpiredObjectDeleteMarker"] is True
    assert found["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert "Prefix" not in found
