"""Time limits of many tasks with one timer."""

import asyncio

import pytest

from chalicelib.engine.deadlines import Deadlines, Limit


async def wait_within(deadlines: Deadlines, seconds: float) -> str:
    with deadlines.limit(seconds):
        await asyncio.Event().wait()
    return "never"


def test_a_block_that_takes_too_long_times_out() -> None:
    async def run() -> None:
        with pytest.raises(TimeoutError):
            await wait_within(Deadlines(), 0.01)

    asyncio.run(run())


def test_a_shorter_limit_that_is_set_later_ends_first() -> None:
    async def run() -> set[str]:
        deadlines = Deadlines()
        long = asyncio.create_task(wait_within(deadlines, 60), name="long")
        await asyncio.sleep(0)
        short = asyncio.create_task(wait_within(deadlines, 0.01), name="short")
        done, _ = await asyncio.wait({long, short}, return_when=asyncio.FIRST_COMPLETED)
        long.cancel()
        return {task.get_name() for task in done if isinstance(task.exception(), TimeoutError)}

    assert asyncio.run(run()) == {"short"}


def test_each_of_several_limits_is_kept() -> None:
    async def run() -> list[object]:
        deadlines = Deadlines()
        waiting = [wait_within(deadlines, seconds) for seconds in (0.03, 0.01, 0.02)]
        return list(await asyncio.gather(*waiting, return_exceptions=True))

    assert [type(found) for found in asyncio.run(run())] == [TimeoutError] * 3


def test_a_block_that_is_left_in_time_is_not_disturbed_later() -> None:
    async def run() -> str:
        deadlines = Deadlines()
        with deadlines.limit(0.01) as limit:
            pass
        with pytest.raises(TimeoutError):
            await wait_within(deadlines, 0.02)
        return "expired" if limit.expired else "kept"

    assert asyncio.run(run()) == "kept"


def test_who_is_cancelled_by_others_is_not_said_to_be_late() -> None:
    async def run() -> None:
        waiting = asyncio.create_task(wait_within(Deadlines(), 60))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(run())


def test_a_cancellation_by_others_counts_even_when_the_time_is_over() -> None:
    async def hold(limit: Limit) -> None:
        with limit:
            await asyncio.Event().wait()

    async def run() -> None:
        limit = Deadlines().limit(60)
        waiting = asyncio.create_task(hold(limit))
        await asyncio.sleep(0)
        limit.expire()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(run())
