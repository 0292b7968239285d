"""Which of AWS's limits a growing stage meets first. The rates follow from what is counted."""

from dataclasses import dataclass

from infra.cost.usage import Usage
from infra.cost.users import User


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit, how much of it a run a second takes, and whether it can be raised.

    ``shared`` tells that all users together meet it.
    """

    name: str
    limit: float
    unit: str
    a_run: float
    raised: str
    shared: bool = True

    @property
    def runs_a_second(self) -> float:
        """The rate of runs at which it is met."""
        return self.limit / self.a_run


def quotas(run: Usage, user: User) -> list[Quota]:
    """By the rate at which they are met. ``user`` tells how many runs a visit has."""

    def used(*meters: str) -> float:
        return sum(run.get(meter, 0.0) for meter in meters)

    def all_of(prefix: str) -> float:
        return sum(amount for meter, amount in run.items() if meter.startswith(prefix))

    worker = used("seconds.run_execution")
    seconds = all_of("seconds.")
    gateway = used("rest.requests", "socket.posts", "invocations.websocket_message")
    writes = used("rows.header", "rows.events")
    visits = user.visits / sum(user.runs.values())
    found = [
        Quota("Lambda, concurrency of the account", 1000, "invocations", seconds, "on request"),
        Quota("SQS event source, concurrency", 1000, "workers", worker, "no"),
        Quota("SQS, messages in flight", 120_000, "messages", worker, "on request"),
        Quota("API Gateway, requests and posts", 10_000, "a second", gateway, "on request"),
        Quota("API Gateway, new sockets", 500, "a second", visits, "on request"),
        Quota("DynamoDB, writes of table Executions", 40_000, "units/s", writes, "on request"),
        Quota(
            "DynamoDB, index entries of one user",
            1_000,
            "units/s",
            used("dynamodb.index_writes"),
            "no: his runs share a key of the index",
            shared=False,
        ),
        Quota(
            "DynamoDB, reads of one user's sockets",
            3_000,
            "units/s",
            used("reads.library"),
            "no: his sockets share a partition",
            shared=False,
        ),
        Quota(
            "S3, writes below one prefix", 3_500, "a second", used("s3.writes"), "splits by itself"
        ),
    ]
    return sorted(found, key=lambda quota: quota.runs_a_second)
