"""What is not counted but assumed, each with where it comes from; ``docs/cost.md`` has it all."""

from collections.abc import Mapping
from dataclasses import dataclass

MILLISECOND = 0.001
MINUTES_A_MONTH = 365 * 24 * 60 / 12
DAYS_A_MONTH = 365 / 12
GB = 10**9  # AWS's pages say GB for both 10**9 and 2**30; the smaller one is the dearer one


@dataclass(frozen=True, slots=True)
class Assumption:
    """A number with its unit, what it stands for, and its source."""

    value: float
    unit: str
    what: str
    source: str


LATENCY: Mapping[str, Assumption] = {
    "dynamodb.read": Assumption(
        4, "ms", "a DynamoDB read, as its caller sees it", "single-digit milliseconds, by AWS"
    ),
    "dynamodb.write": Assumption(
        6, "ms", "a DynamoDB write of one item", "single-digit milliseconds, by AWS"
    ),
    "dynamodb.transaction": Assumption(
        15, "ms", "a DynamoDB transaction", "two phases: a few writes long"
    ),
    "s3.read": Assumption(25, "ms", "an S3 GET of a small object", "commonly 10 to 40 ms"),
    "s3.write": Assumption(40, "ms", "an S3 PUT of a small object", "commonly 20 to 60 ms"),
    "sqs": Assumption(12, "ms", "an SQS call", "commonly 5 to 20 ms"),
    "socket": Assumption(12, "ms", "a message to a socket", "commonly 5 to 25 ms"),
    "kms": Assumption(8, "ms", "a KMS call", "commonly 5 to 15 ms"),
}

SDK_CPU = Assumption(
    1.5,
    "ms",
    "our CPU time for one call of AWS's API, at one vCPU",
    "0.8 to 1.1 ms measured with an answer at hand, on a machine that is likely faster",
)
HANDLER_CPU = Assumption(
    4, "ms", "our CPU time for an invocation, at one vCPU", "0.7 ms measured for a cheap route; TLS"
)
NODE_CPU = Assumption(
    0.2,
    "ms",
    "our CPU time for a cheap node with its three events",
    "0.12 ms measured by `make bench`: a chain of 1,000 takes the whole stack 125 ms",
)
VCPU_MEMORY = Assumption(
    1769, "MB", "memory that comes with one vCPU", "Lambda's guide, configuring memory"
)
COLD_STARTS = Assumption(
    0.01, "", "share of invocations that start a new environment", "under 1 %, by AWS's blog"
)
INIT_SECONDS = Assumption(
    0.8, "s", "the start of an environment, billed since August 2025", "import of app and SDK"
)
PLATFORM_LOG_BYTES = Assumption(
    400, "B", "Lambda's own START, END and REPORT lines of an invocation", "typical lines"
)
LOG_LINE_BYTES = Assumption(
    26, "B", "what CloudWatch adds to the size of a line", "PutLogEvents, API reference"
)
HTTP_BYTES = Assumption(
    300, "B", "headers that API Gateway, CloudFront and the client add", "typical headers"
)
POLLERS = Assumption(
    5, "", "Lambda's pollers of a queue that is idle", "Lambda's guide, scaling of SQS sources"
)
POLL_SECONDS = Assumption(20, "s", "a long poll", "the longest that SQS knows")
QUEUES = Assumption(4, "", "queues that are polled: runs, imports, dead ones of each", "`app.py`")
KMS_CACHE_SECONDS = Assumption(
    300,
    "s",
    "how long DynamoDB keeps a table's key for one caller",
    "DynamoDB's guide, encryption at rest",
)
METRICS = Assumption(
    14, "", "metrics of a stage in use: eleven names, and `RunsEnded` by three statuses", "the code"
)
WEB_CLIENT_BYTES = Assumption(
    2_000_000, "B", "the web client's files, for one visit in four", "a built single-page client"
)
WEB_CLIENT_FILES = Assumption(40, "", "how many files those are", "likewise")


def all_assumptions() -> list[Assumption]:
    """Every one, in the order above."""
    single = [item for item in globals().values() if isinstance(item, Assumption)]
    return [*LATENCY.values(), *single]
