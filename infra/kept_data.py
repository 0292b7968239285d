"""What a destroyed stage left behind: its bucket, tables and key, for the next stack to take up.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-manually.html
"""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infra.stacks import SDK_CONFIG

if TYPE_CHECKING:
    import boto3
    from types_boto3_cloudformation.type_defs import ResourceToImportTypeDef
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_kms import KMSClient
    from types_boto3_s3 import S3Client

_ABSENT = {"404", "NoSuchBucket", "NotFound", "NotFoundException", "ResourceNotFoundException"}


class KeptData:
    """Finds what exists of a template's retained resources."""

    def __init__(self, session: "boto3.Session", account: str, region: str) -> None:
        self._s3: S3Client = session.client("s3", config=SDK_CONFIG)
        self._dynamodb: DynamoDBClient = session.client("dynamodb", config=SDK_CONFIG)
        self._kms: KMSClient = session.client("kms", config=SDK_CONFIG)
        self._account = account
        self._region = region

    def find(
        self, template: Mapping[str, Any], *, beside: Collection[str] = ()
    ) -> "list[ResourceToImportTypeDef]":
        """The retained resources that exist, as CloudFormation wants to hear of them.

        Those named in ``beside`` belong to the stack already. A key has no name of its
        own: its alias, which is retained with it, tells which.
        """
        found: list[ResourceToImportTypeDef] = []
        for name, resource in template["Resources"].items():
            if name in beside or resource.get("DeletionPolicy") != "Retain":
                continue
            identity = self._identity(resource["Type"], resource["Properties"])
            if resource["Type"] == "AWS::KMS::Key":
                identity = self._key_of_alias(template, name)
            if identity is not None:
                found.append(
                    {
                        "LogicalResourceId": name,
                        "ResourceType": resource["Type"],
                        "ResourceIdentifier": identity,
                    }
                )
        return found

    def _identity(self, kind: str, properties: Mapping[str, Any]) -> dict[str, str] | None:
        """How a resource is identified, if it exists."""
        try:
            if kind == "AWS::S3::Bucket":
                bucket = self._literal(properties["BucketName"])
                self._s3.head_bucket(Bucket=bucket)
                return {"BucketName": bucket}
            if kind == "AWS::DynamoDB::Table":
                self._dynamodb.describe_table(TableName=properties["TableName"])
                return {"TableName": properties["TableName"]}
            if kind == "AWS::KMS::Alias":
                self._kms.describe_key(KeyId=properties["AliasName"])
                return {"AliasName": properties["AliasName"]}
        except ClientError as error:
            if error.response["Error"]["Code"] not in _ABSENT:
                raise
        return None

    def _key_of_alias(self, template: Mapping[str, Any], key: str) -> dict[str, str] | None:
        for resource in template["Resources"].values():
            properties = resource.get("Properties", {})
            if resource["Type"] == "AWS::KMS::Alias" and properties["TargetKeyId"] == {"Ref": key}:
                identity = self._identity("AWS::KMS::Alias", properties)
                if identity is None:
                    return None
                found = self._kms.describe_key(KeyId=identity["AliasName"])
                return {"KeyId": found["KeyMetadata"]["KeyId"]}
        return None

    def _literal(self, name: str | Mapping[str, str]) -> str:
        text = name if isinstance(name, str) else name["Fn::Sub"]
        text = text.replace("${AWS::AccountId}", self._account)
        return text.replace("${AWS::Region}", self._region)


def only(
    template: Mapping[str, Any], existing: "Sequence[ResourceToImportTypeDef]"
) -> dict[str, Any]:
    """The part of a template that exists, by its resources' names."""
    names = {item["LogicalResourceId"] for item in existing}
    resources = template["Resources"].items()
    return {name: resource for name, resource in resources if name in names}
