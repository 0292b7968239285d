"""The arithmetic of the benchmarks, and that they run."""

import asyncio
from pathlib import Path

import pytest

from benchmarks import coldstart, engine, library, peer, report, workflows
from benchmarks.__main__ import main
from benchmarks.client import Run, RunFailed
from benchmarks.front import content_length
from benchmarks.measure import Goal, Result, Samples, interleaved, paired_ratios
from chalicelib.nodes.registry import Registry
from tests.builders import Types, outcome, run


def test_samples_know_their_least_middle_and_most() -> None:
    samples = Samples([3.0, 1.0, 2.0, 10.0])
    assert (samples.least, samples.median, samples.most) == (1.0, 2.5, 10.0)


def test_no_samples_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="At least one"):
        Samples([])


def test_the_ratio_is_the_median_of_those_of_neighbours() -> None:
    result = Result("chain", "ms", Samples([2.0, 30.0, 8.0]), Samples([1.0, 10.0, 4.0]))
    assert result.ratio == 2.0


def test_subject_and_peer_must_have_been_measured_in_turn() -> None:
    with pytest.raises(ValueError, match="shorter"):
        paired_ratios(Samples([1.0, 2.0]), Samples([1.0]))


@pytest.mark.parametrize(
    ("goal", "value", "met"),
    [
        (Goal(4.0), 4.0, True),
        (Goal(4.0), 4.01, False),
        (Goal(0.25, at_least=True), 0.25, True),
        (Goal(0.25, at_least=True), 0.24, False),
    ],
)
def test_a_goal_is_a_bound(goal: Goal, value: float, met: bool) -> None:
    assert goal.met(value) is met


def test_without_a_peer_the_goal_is_for_the_median_itself() -> None:
    assert Result("start", "s", Samples([1.0, 6.0, 9.0]), goal=Goal(5.0, unit="s")).met is False


def test_given_ratios_stand_for_those_of_neighbours() -> None:
    peer_samples, given = Samples([1.0]), Samples([1.05])
    result = Result("sleep", "ms", Samples([220.0]), peer_samples, given, Goal(1.1))
    assert (result.ratio, result.met) == (1.05, True)


def test_every_other_turn_goes_backwards_and_the_warm_up_does_not_count() -> None:
    order: list[str] = []

    async def measure() -> list[Samples]:
        async def sample(name: str) -> float:
            order.append(name)
            return float(len(order))

        return await interleaved([lambda: sample("a"), lambda: sample("b")], repeat=2, warm_up=1)

    taken = asyncio.run(measure())
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert [samples.values for samples in taken] == [[4.0, 5.0], [3.0, 6.0]]


def test_the_table_says_what_is_met_and_what_is_not() -> None:
    results = [
        Result("fast", "ms", Samples([1.0]), Samples([1.0]), goal=Goal(2.0)),
        Result("slow", "ms", Samples([5.0]), Samples([1.0]), goal=Goal(2.0), note="on purpose"),
        Result("figure", "s", Samples([123.4, 0.123, 12.34])),
    ]
    assert report.table(results).splitlines()[2:] == [
        "| fast | ms | 1 / 1 / 1 | 1 / 1 / 1 | 1.00 | ≤ 2x | yes |",
        "| slow | ms | 5 / 5 / 5 | 1 / 1 / 1 | 5.00 | ≤ 2x | **no** |",
        "| figure | s | 0.12 / 12.3 / 123 |  |  |  |  |",
        "",
        "slow: on purpose.",
    ]


def test_the_machine_is_named_without_its_host(tmp_path: Path) -> None:
    cpu_info = tmp_path / "cpuinfo"
    cpu_info.write_text("processor\t: 0\nmodel name\t: Fast CPU\nprocessor\t: 1\n")
    assert ", Fast CPU, " in report.machine(cpu_info)


def test_a_machine_that_tells_nothing_of_its_processor_is_no_failure(tmp_path: Path) -> None:
    assert "cores, " in report.machine(tmp_path / "none")


def test_the_length_of_an_answer_is_found_whatever_its_header_is_called() -> None:
    assert content_length(b"HTTP/1.1 200 OK\r\nA: 1\r\nCONTENT-LENGTH: 42") == 42


def test_an_answer_without_a_length_is_refused() -> None:
    with pytest.raises(ValueError, match="no Content-Length"):
        content_length(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("sequences", "status", "reason"),
    [([1, 3], "complete", "has gaps"), ([1, 1], "complete", "has gaps"), ([1], "error", "ended")],
)
def test_a_run_with_gaps_or_without_success_is_no_measurement(
    sequences: list[int], status: str, reason: str
) -> None:
    frames = [{"sequence": sequence} for sequence in sequences]
    with pytest.raises(RunFailed, match=reason):
        Run("run-1", status, frames).check()


@pytest.mark.parametrize(
    ("upstream", "last"), [(peer.chain(5), 5.0), (peer.fan_out(3), 7.0)], ids=["chain", "fan-out"]
)
def test_the_peer_computes_what_the_graph_says(upstream: peer.Upstream, last: float) -> None:
    outputs = asyncio.run(peer.run(upstream, peer.adding(upstream)))
    assert outputs[len(upstream) - 1] == last


def test_the_engine_is_measured_with_each_kind_of_node() -> None:
    results = asyncio.run(engine.results(1, lengths=(3,), width=2))
    assert [result.name for result in results] == [
        f"engine: {shape}, {kind} nodes"
        for kind in ("inline", "coroutine", "threaded")
        for shape in ("chain of 3", "fan-out of 2 and join")
    ]


@pytest.mark.parametrize(
    ("payload", "ended"),
    [
        (workflows.empty(), 0),
        (workflows.sums(3), 3),
        (workflows.sleeping(2, 0.0), 2),
        (workflows.streaming(5), 3),
    ],
    ids=["empty", "sums", "sleeping", "streaming"],
)
def test_the_workflows_run_with_the_pack_beside_them(
    payload: workflows.Payload, ended: int
) -> None:
    registry = Registry([Path(engine.__file__).parent / "pack"], installed=False)
    names = [node["fullType"] for node in payload["nodes"]]
    types = Types({name: found for name in names if (found := registry.find(name))})
    state = outcome(run(payload, types))
    assert state.status == "complete"
    assert [node.status for node in state.nodes.values()] == ["complete"] * ended


def test_a_smaller_library_is_the_beginning_of_the_larger(tmp_path: Path) -> None:
    files = [(2, tmp_path / "small.db"), (5, tmp_path / "large.db")]
    library.fill(files)
    small, large = (library.names(file) for _, file in files)
    assert (len(small), len(large)) == (2, 5)
    assert set(small) < set(large)


def test_a_cold_start_is_measured_by_what_a_process_imports() -> None:
    results = asyncio.run(coldstart.results(1))
    assert [result.goal for result in results] == [Goal(1.5), None, None]
    assert all(result.ours.least > 0 and result.ratio is not None for result in results)


async def _some(_repeat: int) -> list[Result]:
    return [Result("slow", "ms", Samples([5.0]), Samples([1.0]), goal=Goal(2.0))]


async def _none(_repeat: int) -> list[Result]:
    raise RunFailed("A run ended")


def test_a_goal_that_is_missed_is_written_down_and_is_no_failure(tmp_path: Path) -> None:
    written = tmp_path / "RESULTS.md"
    assert main(["--repeat", "1"], parts={"some": _some}, results_file=written) == 0
    assert "| slow | ms | 5 / 5 / 5 | 1 / 1 / 1 | 5.00 | ≤ 2x | **no** |" in written.read_text()


def test_a_run_that_fails_is_a_failure_and_nothing_is_written(tmp_path: Path) -> None:
    written = tmp_path / "RESULTS.md"
    assert main([], parts={"some": _some, "none": _none}, results_file=written) == 1
    assert not written.exists()


def test_one_part_alone_is_shown_and_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "RESULTS.md"
    parts = {"some": _some, "none": _none}
    assert main(["--only", "some"], parts=parts, results_file=written) == 0
    assert "| slow |" in capsys.readouterr().out
    assert not written.exists()


def test_no_turns_at_all_are_refused() -> None:
    with pytest.raises(SystemExit):
        main(["--repeat", "0"], parts={"some": _some})
