"""The test double behind ``BACKEND=moto``."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

from chalicelib.adapters.aws.documents import S3Documents
from chalicelib.adapters.aws.queue import SqsQueue
from infra.local import moto_backend


def test_it_names_the_bucket_in_the_environment_and_puts_that_back() -> None:
    before = dict(os.environ)
    with moto_backend.running("test") as names:
        assert os.environ["TAVERN_BUCKET"] == names.bucket
    assert dict(os.environ) == before


def test_it_forgets_everything_when_it_stops() -> None:
    with moto_backend.running("test") as names:
        S3Documents(names.bucket).put("card", b"one")
    with moto_backend.running("test") as names:
        assert list(S3Documents(names.bucket).keys("")) == []


def test_who_waits_for_a_message_does_not_hold_up_others() -> None:
    with moto_backend.running("test") as names, ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(SqsQueue(names.runs).receive, wait=3)
        started = time.monotonic()
        for number in range(5):
            S3Documents(names.bucket).put(f"card-{number}", b"one")
        assert time.monotonic() - started < 3
        SqsQueue(names.runs).send("run-1", group="ada")
        assert waiting.result(timeout=20) is not None
