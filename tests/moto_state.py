"""Moto with nothing in it again: to start it anew, with its clients, takes longer."""

from chalicelib.adapters.aws import clients
from infra.resources import ResourceNames


def empty(names: ResourceNames) -> None:
    """Remove every document, row and message that can be received now."""
    s3, dynamodb, sqs = clients.s3(), clients.dynamodb(), clients.sqs()
    history = s3.list_object_versions(Bucket=names.bucket)
    for entry in [*history.get("Versions", []), *history.get("DeleteMarkers", [])]:
        s3.delete_object(Bucket=names.bucket, Key=entry["Key"], VersionId=entry["VersionId"])
    for table in (names.library, names.executions, names.accounts):
        for page in dynamodb.get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                key = {"pk": item["pk"], "sk": item["sk"]}
                dynamodb.delete_item(TableName=table, Key=key)
    for queue in (names.runs, names.runs_dead, names.imports, names.imports_dead):
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        while received := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in received:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
