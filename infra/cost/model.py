"""All that ``docs/cost.md`` tells, as numbers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from chalicelib.services.runs import journal, runner
from infra.cost import assumptions as assumed
from infra.cost.bill import Prices
from infra.cost.deployed import Deployed
from infra.cost.runs import CHAT, KINDS, MEDIUM, WAYS, Kind, Way, count, warm_up
from infra.cost.stage import Stage, opened
from infra.cost.usage import Usage, difference, times, total
from infra.cost.users import USERS, count_actions, month

MILLION = 1_000_000
STEP_FUNCTIONS_TRANSITIONS = 20
"""Of a Standard workflow with 20 states in a row. AWS's own examples count the start, too;
it is left out here, in Step Functions' favour."""

WHAT_IF_KINDS = (MEDIUM, CHAT)
WHAT_IF_WAY: Way = "batched"
_LESS_MEMORY = 1024
_PAUSES = (0.01, 0.05, 0.1, 0.25)
_RARE_LOOKS = 2.0


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A setting other than ours: dollars a million runs of each of ``WHAT_IF_KINDS``."""

    name: str
    dollars: Mapping[Kind, float]


@dataclass(frozen=True, slots=True)
class Model:
    """What was counted."""

    prices: Prices
    deployed: Deployed
    runs: Mapping[tuple[Kind, Way], Usage]
    users: Mapping[tuple[str, Way], Usage]
    idle: Usage
    sweep: Usage
    what_ifs: list[WhatIf]
    sensitivities: list[WhatIf]

    def dollars(self, kind: Kind, way: Way) -> float:
        """Dollars for a million runs."""
        return self.prices.total(self.runs[kind, way]) * MILLION

    @property
    def goal(self) -> float:
        """A fifth of what Step Functions Standard takes for a million runs of 20 steps."""
        transitions = {"states.transitions": STEP_FUNCTIONS_TRANSITIONS * MILLION}
        return self.prices.total(transitions) / 5


def build() -> Model:
    """Count everything; takes about half a minute."""
    prices, deployed = Prices.read(), Deployed.read()
    with opened() as stage:
        warm_up(stage)
        sweep = _count_sweep(stage)
        counted = {(kind, way): count(stage, kind, way) for kind in KINDS for way in WAYS}
        what_ifs = list(_what_ifs(stage, prices, counted))
        sensitivities = list(_sensitivities(stage, prices))
        actions = count_actions(stage)
    users = {(user.name, way): month(user, actions, counted, way) for user in USERS for way in WAYS}
    idle = _idle(sweep, deployed)
    return Model(prices, deployed, counted, users, idle, sweep, what_ifs, sensitivities)


def _count_sweep(stage: Stage) -> Usage:
    stage.sweep()
    before = stage.reading()
    stage.sweep()
    return difference(stage.reading(), before)


def _idle(sweep: Usage, deployed: Deployed) -> Usage:
    """A month in which nobody comes: the schedule, the pollers, and what stands there."""
    seconds = assumed.MINUTES_A_MONTH * 60
    polls = assumed.QUEUES.value * assumed.POLLERS.value * seconds / assumed.POLL_SECONDS.value
    standing = {
        "sqs.requests": polls,
        "kms.keys": deployed.keys,
        # The sweep's role reads one table; DynamoDB asks KMS for its key now and then.
        "kms.requests": seconds / assumed.KMS_CACHE_SECONDS.value,
        "alarms": deployed.alarm_metrics,
        "dashboards": deployed.dashboards,
    }
    return total([times(sweep, assumed.MINUTES_A_MONTH), standing])


def _what_ifs(
    stage: Stage, prices: Prices, counted: Mapping[tuple[Kind, Way], Usage]
) -> Iterator[WhatIf]:
    named: Mapping[Way, str] = {"batched": "As deployed", "plain": "Every frame by itself"}
    for way, name in named.items():
        dollars = {kind: prices.total(counted[kind, way]) * MILLION for kind in WHAT_IF_KINDS}
        yield WhatIf(name, dollars)
    memory = stage.memory
    stage.memory = memory.changed("run_execution", _LESS_MEMORY)
    deployed = memory.of("run_execution").memory
    yield _what_if(stage, prices, f"Workers of {_LESS_MEMORY} MB, not {deployed}")
    stage.memory = memory
    pause, look = _journal_defaults()["pause"], runner._LOOK_SECONDS
    for seconds in (other for other in _PAUSES if other != pause):
        name = f"Group commit pauses {seconds * 1000:g} ms, not {pause * 1000:g}"
        with _pause(seconds):
            yield _what_if(stage, prices, name)
    with _look_interval(_RARE_LOOKS):
        yield _what_if(stage, prices, f"Looks every {_RARE_LOOKS:g} s, not {look:g}")


def _sensitivities(stage: Stage, prices: Prices) -> Iterator[WhatIf]:
    for factor in (0.5, 2.0):
        stage.meter.latency_factor = factor
        yield _what_if(stage, prices, f"All calls take {factor:g} times as long")
    stage.meter.latency_factor = 1.0


def _what_if(stage: Stage, prices: Prices, name: str) -> WhatIf:
    dollars = {
        kind: prices.total(count(stage, kind, WHAT_IF_WAY)) * MILLION for kind in WHAT_IF_KINDS
    }
    return WhatIf(name, dollars)


@contextmanager
def _pause(seconds: float) -> Iterator[None]:
    """The journal's pause, which nobody gives it otherwise, is another one meanwhile."""
    defaults = _journal_defaults()
    before = defaults["pause"]
    defaults["pause"] = seconds
    try:
        yield
    finally:
        defaults["pause"] = before


def _journal_defaults() -> dict[str, float]:
    defaults: dict[str, float] | None = journal.RunJournal.__init__.__kwdefaults__
    if defaults is None:
        raise RuntimeError("The journal's pause has no default any more")
    return defaults


@contextmanager
def _look_interval(seconds: float) -> Iterator[None]:
    """The runner looks so often meanwhile."""
    before = runner._LOOK_SECONDS
    runner._LOOK_SECONDS = seconds
    try:
        yield
    finally:
        runner._LOOK_SECONDS = before
