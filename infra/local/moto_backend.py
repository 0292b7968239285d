"""AWS in this process, by moto: a test double that keeps nothing.

moto is not thread-safe: eight threads break its transactions, its conditional
puts and its SQS receipts. So one lock lets one request in at a time. It is held
where moto does its work: around moto's own handler of botocore's ``before-send``
event, in the list from which botocore builds every session. Nothing of botocore
is replaced, requests that moto does not answer (to sockets) are sent without the
lock, and signing and parsing stay outside it. It must be in place before the
first client is made; clients made earlier are not moto's, either.

A long poll would hold the lock for its whole time. So a second handler makes
every receive of SQS a short one; ``SqsQueue`` asks again by itself.
"""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from botocore.handlers import BUILTIN_HANDLERS
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.models import botocore_stubber

from chalicelib.adapters.aws import clients
from infra.resources import ResourceNames, names, resources

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

REGION = "us-east-1"
_BUCKET = "TAVERN_BUCKET"
_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "moto",
    "AWS_SECRET_ACCESS_KEY": "moto",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
}
_lock = threading.Lock()
_mock = mock_aws()


def start(stage: str | None = None) -> ResourceNames:
    """Answer all AWS calls of this process from now on, and make a stage's resources.

    ``stage`` None takes ``TAVERN_STAGE``, else ``local``. The environment gets
    credentials that no AWS account accepts, and the bucket's name in
    ``TAVERN_BUCKET``. Nothing is kept at the process's end.
    """
    stage = stage or os.environ.get("TAVERN_STAGE") or "local"
    made = names(stage, account=DEFAULT_ACCOUNT_ID, region=REGION)
    os.environ.update({**_ENVIRONMENT, _BUCKET: made.bucket})
    _guard()
    clients.forget()
    _mock.start()
    _create(resources(stage), made)
    return made


def stop() -> None:
    """Forget everything that was stored, and answer no more calls."""
    clients.forget()
    _mock.stop()


@contextmanager
def running(stage: str) -> Iterator[ResourceNames]:
    """``start`` and ``stop``; what it set in the environment is put back."""
    before = {name: os.environ.get(name) for name in (*_ENVIRONMENT, _BUCKET)}
    made = start(stage)
    try:
        yield made
    finally:
        stop()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _guard() -> None:
    """Put our handlers into the list that botocore gives every new session."""
    unguarded = ("before-send", botocore_stubber)
    if unguarded in BUILTIN_HANDLERS:
        BUILTIN_HANDLERS[BUILTIN_HANDLERS.index(unguarded)] = ("before-send", _answer)
        BUILTIN_HANDLERS.append(("before-parameter-build.sqs.ReceiveMessage", _poll_shortly))


def _answer(event_name: str, request: "AWSPreparedRequest", **kwargs: Any) -> "AWSResponse | None":
    with _lock:
        response: AWSResponse | None = botocore_stubber(event_name, request, **kwargs)
    return response


def _poll_shortly(params: dict[str, Any], **_kwargs: Any) -> None:
    params["WaitTimeSeconds"] = 0


def _create(template: dict[str, Any], made: ResourceNames) -> None:
    """Create what the template says by moto's CloudFormation.

    That leaves out the bucket's versioning, without which documents have no
    history. It also leaves out what moto would not act on: TTL, backups and the
    block of public access.
    """
    with closing(clients.session().client("cloudformation")) as cloudformation:
        cloudformation.create_stack(StackName="comfytavern", TemplateBody=json.dumps(template))
    status = template["Resources"]["Documents"]["Properties"]["VersioningConfiguration"]
    clients.s3().put_bucket_versioning(Bucket=made.bucket, VersioningConfiguration=status)
