"""How a run reaches a worker."""

import pytest

from chalicelib.adapters.embedded.database import Database
from chalicelib.engine.definitions import Context, Inputs, Outputs
from chalicelib.ports import Depth, Message
from chalicelib.services.runs.dispatch import Dispatch, message_body, prompt_id_of, published_of
from chalicelib.services.runs.executions import Executions, Limits
from tests.builders import Types, node, node_type, payload
from tests.world import ADA, World, make_world


def give(_inputs: Inputs, _context: Context) -> Outputs:
    return {"out": 1}


class EagerQueue:
    """A queue whose worker is done before ``send`` returns."""

    def __init__(self, world: World) -> None:
        self._world = world

    def send(self, body: str, *, group: str, delay: int = 0) -> None:
        self._world.queue.send(body, group=group, delay=delay)
        self._world.work()

    def receive(self, *, wait: float = 0.0) -> Message | None:
        return self._world.queue.receive(wait=wait)

    def extend(self, receipt: str, seconds: int) -> None:
        self._world.queue.extend(receipt, seconds)

    def delete(self, receipt: str) -> None:
        self._world.queue.delete(receipt)

    def depth(self) -> Depth:
        return self._world.queue.depth()


def test_a_worker_that_is_faster_than_the_note_of_the_dispatch_shows_nothing_twice(
    database: Database,
) -> None:
    world = make_world(Types(give=node_type("give", give)), database, concurrent_runs=1)
    executions = Executions(
        log=world.log,
        documents=world.documents,
        dispatch=Dispatch(EagerQueue(world), world.log),
        connections=world.connections,
        archive=world.archive,
        ending=world.ending,
        clock=world.clock,
        metrics=world.metrics,
        limits=Limits(concurrent_runs=1),
    )
    world.connect("socket")
    world.submit(payload([node("n", "give")]))
    waiting = executions.submit(ADA, payload([node("n", "give")]))
    frames = [
        frame
        for frame in world.sockets.frames("socket")
        if "sequence" in frame and frame["payload"]["promptId"] == waiting
    ]
    assert frames[0]["payload"]["status"] == "queued"
    assert [frame["sequence"] for frame in frames] == list(range(1, len(frames) + 1))


@pytest.mark.parametrize("published", [0, 1])
def test_a_message_names_the_run_and_what_its_sockets_have_got(published: int) -> None:
    body = message_body("run-1", published)
    assert (prompt_id_of(body), published_of(body)) == ("run-1", published)


def test_a_message_that_does_not_say_has_published_nothing() -> None:
    assert published_of('{"promptId":"run-1"}') == 0
