"""``python -m infra.deploy up|down STAGE``: bring a packaged stage to AWS, or take it away.

``make deploy`` and ``make destroy`` call it. The stage is what ``infra.package`` has
built: ``sam.json`` and ``deployment.zip``. Which account and region is said as to every
AWS tool (``AWS_PROFILE``, ``AWS_DEFAULT_REGION``, ...).
"""

import argparse
import copy
import hashlib
import json
import mimetypes
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.kept_data import KeptData, only
from infra.resources import names
from infra.stacks import SDK_CONFIG, CannotDeploy, Stacks, check_parameters

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import ObjectIdentifierTypeDef

_ARTIFACTS = Path(__file__).with_name("artifacts.json")
_ARTIFACTS_STACK = "comfytavern-artifacts"
_ASK_ANEW, _FOR_EVER = "no-cache", "public, max-age=31536000, immutable"
# What a bundler names after its content: index-BkX3f9aQ.js. A hash without a digit is
# taken for a word, and asked for anew.
_HASHED = re.compile(r"[-.](?=\w*\d)\w{8,}\.\w+$")


class Deployment:
    """One stage in one account and region."""

    def __init__(self, stage: str) -> None:
        session = boto3.Session()
        if session.region_name is None:
            raise CannotDeploy(
                "Which region? Say it with AWS_DEFAULT_REGION, or in your AWS profile"
            )
        self._stage = stage
        self._region = session.region_name
        self._account = session.client("sts", config=SDK_CONFIG).get_caller_identity()["Account"]
        # CloudFormation reads templates from S3's plain addresses alone.
        plain = SDK_CONFIG.merge(Config(use_dualstack_endpoint=False))
        self._s3: S3Client = session.client("s3", config=plain)
        self._stacks = Stacks(session.client("cloudformation", config=SDK_CONFIG))
        self._kept = KeptData(session, self._account, self._region)
        self._stack = f"comfytavern-{stage}"

    def up(
        self, built: Path, parameters: Mapping[str, str], *, web: Path | None = None
    ) -> dict[str, str]:
        """Create or update the stack; its outputs. ``web`` is a folder with the web client.

        Parameters that are not named keep their values. Data that an earlier stack of
        this stage left behind is taken up again. ``CannotDeploy``.
        """
        template = json.loads((built / "sam.json").read_text())
        code = (built / "deployment.zip").read_bytes()
        check_parameters(template, parameters)
        self._put(_ARTIFACTS_STACK, json.loads(_ARTIFACTS.read_text()), {})
        key = f"{self._stage}/{hashlib.sha256(code).hexdigest()}.zip"
        self._s3.put_object(Bucket=self._artifacts, Key=key, Body=code)
        outputs = self._put(self._stack, with_code(template, self._artifacts, key), parameters)
        if web is not None:
            self._upload(web, outputs["DocumentsBucket"])
        return outputs

    def down(self) -> list[str]:
        """Delete the stack; the names of what was kept. ``CannotDeploy``."""
        if self._stacks.find(self._stack) is None:
            raise CannotDeploy(f"There is no stack {self._stack} in {self._region}")
        kept = self._stacks.kept_by(self._stack)
        self._delete(self._stack, kept)
        return kept

    def _put(
        self, stack: str, template: Mapping[str, Any], parameters: Mapping[str, str]
    ) -> dict[str, str]:
        """Bring a stack to a template, with what exists of it and belongs to no stack."""
        if self._stacks.is_stillborn(stack):
            self._delete(stack, self._stacks.kept_by(stack))
        self._adopt_what_was_kept(stack, template)
        if stack == _ARTIFACTS_STACK:  # where templates are put
            return self._stacks.put(stack, template, parameters)
        return self._stacks.put(stack, template, parameters, address=self._address(template))

    def _adopt_what_was_kept(self, stack: str, template: Mapping[str, Any]) -> None:
        """Take up what an earlier stack left, or an update that failed after it had made it.

        An import may do nothing else, so the rest is as it was.
        """
        before: dict[str, Any] = {"Resources": {}}
        if self._stacks.living(stack) is not None:
            before = self._stacks.template(stack)
        existing = self._kept.find(template, beside=before["Resources"])
        if existing:
            together = {**before, "Resources": before["Resources"] | only(template, existing)}
            address = None if stack == _ARTIFACTS_STACK else self._address(together)
            self._stacks.adopt(stack, together, existing, address=address)

    def _address(self, template: Mapping[str, Any]) -> str:
        """Where CloudFormation finds a template, once it is there."""
        body = json.dumps(template).encode()
        key = f"{self._stage}/{hashlib.sha256(body).hexdigest()}.json"
        self._s3.put_object(Bucket=self._artifacts, Key=key, Body=body)
        return f"{self._s3.meta.endpoint_url}/{self._artifacts}/{key}"

    def _delete(self, stack: str, kept: Collection[str]) -> None:
        """Delete a stack; its bucket is emptied when nobody is left to write to it."""
        try:
            self._stacks.delete(stack)
        except CannotDeploy:
            if stack != self._stack or self._bucket in kept:
                raise
            self._empty(self._bucket)
            self._stacks.delete(stack)

    @property
    def _artifacts(self) -> str:
        return f"{_ARTIFACTS_STACK}-{self._account}-{self._region}"

    @property
    def _bucket(self) -> str:
        return names(self._stage, account=self._account, region=self._region).bucket

    def _upload(self, web: Path, bucket: str) -> None:
        """Put the web client where the distribution looks; pages last, so that they find all."""
        files = [file for file in sorted(web.rglob("*")) if file.is_file()]
        for file in sorted(files, key=_is_page):
            kind, encoding = mimetypes.guess_type(file.name)
            self._s3.put_object(
                Bucket=bucket,
                Key=f"public/{file.relative_to(web).as_posix()}",
                Body=file.read_bytes(),
                ContentType=kind if kind and not encoding else "application/octet-stream",
                CacheControl=_FOR_EVER if _HASHED.search(file.name) else _ASK_ANEW,
            )

    def _empty(self, bucket: str) -> None:
        """Remove every version of everything: CloudFormation deletes empty buckets only."""
        try:
            for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                doomed: list[ObjectIdentifierTypeDef] = [
                    {"Key": version["Key"], "VersionId": version["VersionId"]}
                    for version in versions
                ]
                if doomed:
                    answer = self._s3.delete_objects(
                        Bucket=bucket, Delete={"Objects": doomed, "Quiet": True}
                    )
                    for error in answer.get("Errors", []):
                        raise CannotDeploy(f"{error.get('Key')} cannot be deleted: {error}")
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchBucket":
                raise


def with_code(template: Mapping[str, Any], bucket: str, key: str) -> dict[str, Any]:
    """The template with its functions' code at a place in S3."""
    rendered = copy.deepcopy(dict(template))
    for resource in rendered["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key}
    return rendered


def _is_page(file: Path) -> bool:
    return file.suffix in (".html", ".webmanifest") or file.name in ("sw.js", "service-worker.js")


def _parameters(texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise CannotDeploy(f"A parameter is Name=value, not {text!r}")
        yield name, value


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.deploy", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="create or update a stage")
    up.add_argument("stage")
    up.add_argument("--built", type=Path, required=True, help="the folder that was packaged into")
    up.add_argument("--web", type=Path, help="a folder with the built web client")
    up.add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE")
    down = commands.add_parser("down", help="take a stage away")
    down.add_argument("stage")
    down.add_argument("--confirm", default="", help="the stage's name again")
    return parser.parse_args(arguments)


def _run(options: argparse.Namespace) -> None:
    if options.command == "up":
        parameters = dict(_parameters(options.parameter))
        if options.web is not None and not (options.web / "index.html").is_file():
            raise CannotDeploy(f"{options.web} has no index.html: it is not a built web client")
        outputs = Deployment(options.stage).up(
            options.built / options.stage, parameters, web=options.web
        )
        for name, value in sorted(outputs.items()):
            print(f"{name:24} {value}")
        return
    if options.confirm != options.stage:
        raise CannotDeploy(
            f"This takes the stage {options.stage} away. Say that you mean it: "
            f"make destroy STAGE={options.stage} CONFIRM={options.stage}"
        )
    kept = Deployment(options.stage).down()
    print(f"The stage {options.stage} is gone." + (" Kept:" if kept else ""))
    for name in kept:
        print(f"  {name}")


def main(arguments: Sequence[str]) -> int:
    """Deploy or destroy; the exit code."""
    options = _arguments(arguments)
    try:
        _run(options)
    except (CannotDeploy, BotoCoreError, ClientError, OSError) as error:
        print(
            f"Cannot {'deploy' if options.command == 'up' else 'destroy'}: {error}", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
