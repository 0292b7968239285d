"""``docs/cost.md`` and the numbers in it; and how AWS's meters are read."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Coroutine
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from infra.cost import units
from infra.cost.bill import Prices
from infra.cost.virtual_time import VirtualClock, VirtualLoop

# Half a minute of work, on a machine that may have others to do.
pytestmark = pytest.mark.timeout(300)
_COUNTING_SECONDS = 280

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/cost.md"
Result = TypeVar("Result")
INDEX = units.Projection(("activeOwner", "submittedAt"), frozenset({"status"}))


NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def numbers(text: str) -> list[float]:
    """All numbers of a page, in order."""
    return [float(found.replace(",", "")) for found in NUMBER.findall(text)]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page as it is counted now, in a process of its own: moto and the clock are global."""
    written = tmp_path_factory.mktemp("cost") / "cost.md"
    command = [sys.executable, "-m", "infra.cost", str(written)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=_COUNTING_SECONDS)
    return written.read_text()


def test_the_page_has_what_is_counted_now(page: str) -> None:
    """To a hundredth: on a busy machine a call more or less may be made."""
    kept, counted = PAGE.read_text(), page
    anew = "make cost writes docs/cost.md anew"
    assert NUMBER.split(kept) == NUMBER.split(counted), anew
    assert numbers(kept) == pytest.approx(numbers(counted), rel=0.01, abs=0.011), anew


@pytest.mark.parametrize("way", ["No socket", "Batched frames"])
def test_twenty_cheap_nodes_cost_at_most_a_fifth_of_step_functions(page: str, way: str) -> None:
    (dollars,) = re.findall(rf"^\| {way} \| \$([\d.]+) \| 1/[\d.]+ \| yes \|$", page, re.MULTILINE)
    step_functions = 20 * 1_000_000 * Prices.read().by_meter["states.transitions"].dollars / 1000
    assert float(dollars) <= step_functions / 5


def test_an_item_is_as_large_as_its_names_and_values() -> None:
    item: units.Item = {
        "pk": {"S": "né"},
        "count": {"N": "1234"},
        "on": {"BOOL": True},
        "raw": {"B": b"abc"},
    }
    assert units.item_bytes(item) == (2 + 3) + (5 + 3) + (2 + 1) + (3 + 3)


def test_numbers_of_one_kind_have_one_size() -> None:
    whole = [{"at": {"N": text}} for text in ("1764000000000", "1764000000123")]
    fractions = [{"at": {"N": text}} for text in ("1764000000.5", "1764000000.1234567")]
    assert len({units.item_bytes(item) for item in whole}) == 1
    assert len({units.item_bytes(item) for item in fractions}) == 1


def test_nested_values_have_an_overhead() -> None:
    assert units.item_bytes({"l": {"L": [{"S": "ab"}]}}) == 1 + 3 + 1 + 2
    assert units.item_bytes({"m": {"M": {"k": {"S": "ab"}}}}) == 1 + 3 + 1 + 1 + 2


@pytest.mark.parametrize(("size", "expected"), [(0, 1), (1020, 1), (1021, 2), (2044, 2)])
def test_a_write_is_metered_by_the_kilobyte(size: int, expected: int) -> None:
    assert units.write_units(None, {"text": {"S": "x" * size}}) == expected


def test_an_update_costs_the_larger_of_what_was_and_what_is() -> None:
    small, large = {"v": {"S": "x"}}, {"v": {"S": "x" * 5000}}
    assert units.write_units(large, small) == units.write_units(small, large) == 5


@pytest.mark.parametrize(
    ("count", "consistent", "expected"),
    [(0, True, 1), (0, False, 0.5), (3, True, 2), (3, False, 1)],
)
def test_a_query_is_metered_by_the_sum_of_what_it_reads(
    count: int, consistent: bool, expected: float
) -> None:
    items = [{"v": {"S": "x" * 2000}}] * count
    assert units.read_units(items, consistent=consistent) == expected


def _header(status: str, owner: str | None, payload: str = "") -> dict[str, dict[str, str]]:
    item = {
        "pk": {"S": "run#1"},
        "sk": {"S": "header"},
        "status": {"S": status},
        "submittedAt": {"N": "1"},
        "payload": {"S": payload},
    }
    return item if owner is None else {**item, "activeOwner": {"S": owner}}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, _header("queued", "ada"), 1),
        (_header("queued", "ada"), _header("running", "ada"), 1),
        (_header("queued", "ada"), _header("queued", "ada", "x" * 9000), 0),
        (_header("running", "ada"), _header("running", "bob"), 2),
        (_header("running", "ada"), _header("complete", None), 1),
        (_header("complete", None), _header("complete", None, "x"), 0),
    ],
    ids=["enters", "changes", "changes beside it", "moves", "leaves", "is not there"],
)
def test_an_index_is_written_when_its_entry_changes(
    before: units.Item | None, after: units.Item, expected: int
) -> None:
    assert units.index_write_units(INDEX, before, after) == expected


def test_messages_are_metered_in_chunks() -> None:
    assert [units.sqs_requests(size) for size in (0, 65_536, 65_537)] == [1, 1, 2]
    assert [units.socket_messages(size) for size in (0, 32_768, 32_769)] == [1, 1, 2]


def test_a_bill_adds_what_one_service_takes() -> None:
    bill = Prices.read().bill({"s3.writes": 1000, "s3.reads": 1000, "stored.runs": 5})
    assert bill == {"S3, requests": pytest.approx(0.0054)}


def test_what_has_no_price_is_refused() -> None:
    with pytest.raises(KeyError, match="unheard"):
        Prices.read().bill({"unheard": 1})


def test_time_passes_for_what_sleeps_and_for_jobs_only() -> None:
    clock = VirtualClock()

    async def wait() -> float:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(3600)
        await loop.run_in_executor(None, clock.spend, 60.0)
        return loop.time()

    assert _run(clock, wait()) == pytest.approx(3660)


def test_an_executor_does_one_job_after_the_other_and_two_work_side_by_side() -> None:
    clock = VirtualClock()

    async def work(*executors: Executor) -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.gather(
            *(loop.run_in_executor(executor, clock.spend, 1.0) for executor in executors)
        )
        return loop.time() - began

    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        assert _run(clock, work(one, one)) == pytest.approx(2)
        assert _run(clock, work(one, other)) == pytest.approx(1)


def test_a_job_that_fails_tells_who_waits() -> None:
    async def fail() -> None:
        await asyncio.get_running_loop().run_in_executor(None, int, "x")

    with pytest.raises(ValueError, match="invalid literal"):
        _run(VirtualClock(), fail())


def test_waiting_for_nothing_is_an_error() -> None:
    async def wait() -> None:
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="nothing is left"):
        _run(VirtualClock(), wait())


def _run(clock: VirtualClock, work: Coroutine[None, None, Result]) -> Result:
    loop = VirtualLoop(clock)
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()
