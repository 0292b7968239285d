"""``docs/cost.md``, whole: ``page.md`` with its numbers and tables."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from infra.cost import assumptions as assumed
from infra.cost.deployed import Memory
from infra.cost.model import MILLION, STEP_FUNCTIONS_TRANSITIONS, WHAT_IF_KINDS, Model, WhatIf
from infra.cost.quotas import quotas
from infra.cost.runs import CHAT, KINDS, MEDIUM, WAYS, Way
from infra.cost.usage import times
from infra.cost.users import REGULAR, USERS

_PAGE = Path(__file__).with_name("page.md")
_NAMES: Mapping[Way, str] = {
    "http": "No socket",
    "batched": "Batched frames",
    "plain": "Plain frames",
}
_WATCHED: tuple[Way, ...] = ("batched", "plain")
_COUNTED = {
    "lambda.requests": "Lambda invocations",
    "lambda.gb_seconds": "Lambda GB-seconds (computed)",
    "rest.requests": "REST requests",
    "socket.messages": "WebSocket messages",
    "sqs.requests": "SQS requests",
    "dynamodb.writes": "DynamoDB write units",
    "rows.header": "of them for the header",
    "rows.events": "of them for events",
    "dynamodb.index_writes": "DynamoDB index write units",
    "dynamodb.reads": "DynamoDB read units",
    "s3.writes": "S3 PUTs",
    "s3.reads": "S3 GETs",
    "logs.bytes": "Log bytes",
    "cloudfront.out_bytes": "Bytes to the client",
    "stored.runs": "Bytes kept in S3",
}
_HEADER_WRITES = 5
"""Put, dispatched, leased, ended, archived."""
_SHORT_BATCH_DAYS, _BATCH_DAYS = 8, 60
_SHORT_RUN_DAYS = 30
_TIMES = 1000
_PEAK = 5
_NOTHING = "–"


def render(model: Model) -> str:
    """The page."""
    return _PAGE.read_text().format(**_numbers(model), **_tables(model))


def _numbers(model: Model) -> dict[str, str]:
    run = model.runs[MEDIUM, "batched"]
    average = _TIMES * MILLION / (assumed.MINUTES_A_MONTH * 60)
    shared = [item for item in quotas(run, REGULAR) if item.shared]
    met = [item.name for item in shared if item.runs_a_second < average * _PEAK]
    reply = model.runs[CHAT, "batched"]
    first = next(item for item in quotas(reply, REGULAR) if item.shared)
    deployed, metrics = model.deployed, assumed.METRICS.value
    regular = {way: model.prices.total(model.users[REGULAR.name, way]) for way in WAYS}
    return {
        **{f"medium_{way}": _usd(model.dollars(MEDIUM, way)) for way in WAYS},
        **{f"regular_{way}": _usd(dollars) for way, dollars in regular.items()},
        "idle": _usd(model.prices.total(model.idle)),
        "region": model.prices.region,
        "known": model.prices.known,
        "run_days": str(deployed.run_days),
        "version_days": str(deployed.version_days),
        "alarm_metrics": str(deployed.alarm_metrics),
        "pollers": f"{assumed.POLLERS.value:g}",
        "metrics": f"{metrics:g}",
        "metrics_dollars": _usd(model.prices.total({"metrics": metrics})),
        "transitions": str(STEP_FUNCTIONS_TRANSITIONS),
        "step_functions": _usd(5 * model.goal),
        "goal": _usd(model.goal),
        "many_runs": f"{_TIMES * MILLION:,}",
        "many_dollars": _usd(model.dollars(MEDIUM, "batched") * _TIMES),
        "average": f"{average:,.0f}",
        "peak": f"{average * _PEAK:,.0f}",
        "peak_factor": str(_PEAK),
        "workers": str(deployed.workers),
        "workers_rate": f"{deployed.workers / run['seconds.run_execution']:,.0f}",
        "first_quota": shared[0].name,
        "first_rate": f"{shared[0].runs_a_second:,.0f}",
        "met_at_peak": f"these must have been raised: {', '.join(met)}" if met else "all suffice",
        "throttle": f"{deployed.requests_a_second:,}",
        "reply_quota": first.name,
        "reply_rate": f"{first.runs_a_second:,.0f}",
        "reply_workers_rate": f"{1000 / reply['seconds.run_execution']:,.0f}",
        "memory": _memory(),
    }


def _tables(model: Model) -> dict[str, str]:
    return {
        "runs": _runs(model),
        "ways": "\n".join(f"- {_NAMES[way]}: {text}." for way, text in WAYS.items()),
        "services": _services(model),
        "comparison": _comparison(model),
        "users": _users(model),
        "standing": _standing(model),
        "knobs": _what_ifs(model, model.what_ifs),
        "counted_knobs": _counted_knobs(model),
        "latencies": _what_ifs(model, model.sensitivities),
        "quotas": _quotas(model),
        "counted": _counted(model),
        "assumptions": _assumptions(),
        "prices": _prices(model),
        "notes": _notes(model),
    }


def _runs(model: Model) -> str:
    rows = [[kind.name, *(_usd(model.dollars(kind, way)) for way in WAYS)] for kind in KINDS]
    return _table(["A run of", *_NAMES.values()], rows)


def _services(model: Model) -> str:
    bills = [model.prices.bill(times(model.runs[MEDIUM, way], MILLION)) for way in WAYS]
    rows = [
        [service, *(_usd(bill.get(service, 0.0)) for bill in bills)]
        for service in model.prices.services()
        if any(bill.get(service) for bill in bills)
    ]
    return _table(["Service", *_NAMES.values()], rows)


def _comparison(model: Model) -> str:
    rows = []
    for way, name in _NAMES.items():
        dollars = model.dollars(MEDIUM, way)
        met = "yes" if dollars <= model.goal else "no"
        rows.append([name, _usd(dollars), f"1/{5 * model.goal / dollars:.1f}", met])
    return _table(["A million runs", "Ours, all in", "Of Step Functions", "Goal met"], rows)


def _users(model: Model) -> str:
    rows = [
        [
            user.name,
            f"{user.visits} of {user.minutes_a_visit} minutes",
            f"{user.saves}",
            f"{user.workflows_run:,}",
            f"{user.replies:,}",
            *(_usd(model.prices.total(model.users[user.name, way])) for way in _WATCHED),
        ]
        for user in USERS
    ]
    watched = [_NAMES[way] for way in _WATCHED]
    return _table(["User", "Visits", "Saves", "Runs of 20 nodes", "Replies", *watched], rows)


def _standing(model: Model) -> str:
    bill = model.prices.bill(model.idle)
    rows = [
        [service, _usd(bill[service])] for service in model.prices.services() if bill.get(service)
    ]
    return _table(
        ["Service", "A month"], [*rows, ["**Together**", f"**{_usd(sum(bill.values()))}**"]]
    )


def _what_ifs(model: Model, items: Sequence[WhatIf]) -> str:
    base = model.what_ifs[0]
    rows = [
        [item.name, *(_change(item.dollars[kind], base.dollars[kind]) for kind in WHAT_IF_KINDS)]
        for item in items
    ]
    return _table(["Setting", *(kind.name for kind in WHAT_IF_KINDS)], rows)


def _counted_knobs(model: Model) -> str:
    """Settings whose effect follows from what was counted."""
    used, prices = model.runs[MEDIUM, "batched"], model.prices
    bill = prices.bill(times(used, MILLION))
    batches = bill["DynamoDB, storage"] + bill["DynamoDB, point-in-time recovery"]
    header = used["rows.header"]
    apart = header / _HEADER_WRITES + _HEADER_WRITES
    days = model.deployed.run_days
    sweeps = prices.total(model.sweep) * assumed.MINUTES_A_MONTH
    rows = [
        (
            f"Events are kept for {_BATCH_DAYS} days",
            f"{_SHORT_BATCH_DAYS} days",
            batches * (1 - _SHORT_BATCH_DAYS / _BATCH_DAYS),
        ),
        (
            f"Archives are kept for {days} days",
            f"{_SHORT_RUN_DAYS} days",
            bill["S3, storage"] * (1 - _SHORT_RUN_DAYS / days),
        ),
        (
            f"The header's row has the payload: {_HEADER_WRITES} writes, {header:g} units",
            f"a row of its own: about {apart:g} units",
            prices.total({"dynamodb.writes": header - apart}) * MILLION,
        ),
        ("The sweep runs every minute", "every five, in a month", sweeps * 4 / 5),
    ]
    return _table(
        ["As deployed", "Instead", "Saves"],
        [[name, other, _usd(dollars)] for name, other, dollars in rows],
    )


def _quotas(model: Model) -> str:
    rows = [
        [
            quota.name,
            f"{quota.limit:,.0f} {quota.unit}",
            f"{quota.a_run:.3g}",
            f"{quota.runs_a_second:,.0f}",
            quota.raised,
        ]
        for quota in quotas(model.runs[MEDIUM, "batched"], REGULAR)
    ]
    return _table(["Quota", "Default", "A run takes", "Met at runs/s", "Can be raised"], rows)


def _counted(model: Model) -> str:
    columns = [(kind, way) for kind in KINDS for way in WAYS if kind == MEDIUM or way == "batched"]
    rows = [
        [name, *(_amount(model.runs[column].get(meter, 0.0)) for column in columns)]
        for meter, name in _COUNTED.items()
    ]
    head = [f"{kind.short}, {way}" for kind, way in columns]
    return _table(["One run", *head], rows)


def _memory() -> str:
    memory = Memory.read()
    sizes = [f"`{name}` {size:,}" for name, size in memory.sizes.items()]
    return ", ".join([*sizes, f"others {memory.default:,}"])


def _assumptions() -> str:
    rows = [
        [item.what, f"{_plain(item.value)} {item.unit}".strip(), item.source]
        for item in assumed.all_assumptions()
    ]
    return _table(["Assumption", "Value", "Source"], rows)


def _prices(model: Model) -> str:
    rows = [
        [
            price.service,
            f"${_plain(price.dollars)}",
            price.unit if price.per in (1, assumed.GB) else f"{price.per:,.0f} {price.unit}",
            f"[list]({price.source})",
        ]
        for price in model.prices.by_meter.values()
    ]
    return _table(["Service", "Price", "For", "Source"], rows)


def _notes(model: Model) -> str:
    return "\n".join(
        f"- {price.service}: {text}"
        for price in model.prices.by_meter.values()
        for text in (price.unsure, price.note)
        if text
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _usd(dollars: float) -> str:
    if not dollars:
        return _NOTHING
    if dollars >= MILLION / 1000:
        return f"${dollars:,.0f}"
    return f"${dollars:.2f}" if dollars >= 0.01 else "under $0.01"


def _change(dollars: float, base: float) -> str:
    percent = round((dollars / base - 1) * 100)
    return f"{_usd(dollars)} ({percent:+d} %)" if percent else _usd(dollars)


def _amount(amount: float) -> str:
    if not amount:
        return _NOTHING
    return f"{amount:,.0f}" if amount == round(amount) else f"{amount:.3f}"


def _plain(number: float) -> str:
    return f"{number:,.10f}".rstrip("0").rstrip(".")
