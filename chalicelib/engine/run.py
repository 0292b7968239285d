"""The scheduler: a node starts when the last thing it depends on has ended."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from functools import partial
from typing import Any

from chalicelib.engine import bypass, events, inputs, values
from chalicelib.engine.deadlines import Deadlines
from chalicelib.engine.definitions import Chunk, Inputs, NodeError, NodeType, Outputs
from chalicelib.engine.events import RunState
from chalicelib.engine.journal import Journal
from chalicelib.engine.node_run import (
    Collected,
    Kind,
    NodeContext,
    Settings,
    as_outputs,
    backoff,
    chunk_events,
    kind_of,
    run_stream,
)
from chalicelib.engine.plan import Link, Plan, Step
from chalicelib.engine.streams import Channel, Network
from chalicelib.engine.values import ABSENT

_logger = logging.getLogger(__name__)
_YIELD_EVERY = 32
_MAY_HAVE_RUN = "It may already have run before the worker was lost, and is not safe to repeat"


class Execution:
    """One attempt at running a plan, from the state that its log folds to.

    Events come in an order in which every cause stands before its effects.
    ``run`` returns when the terminal event is in the journal; cancelling it
    cancels the nodes that run, and no event comes after.
    """

    def __init__(
        self, plan: Plan, state: RunState, journal: Journal, threads: Executor, settings: Settings
    ) -> None:
        self._plan = plan
        self._state = state
        self._journal = journal
        self._threads = threads
        self._settings = settings
        self._network = Network()
        self._deadlines = Deadlines()
        self._kinds: dict[int, Kind] = {}
        self._outputs: dict[str, Outputs] = {}
        self._failures: dict[str, str] = {}
        self._settled: set[str] = set()
        self._started: set[str] = set()
        self._waiting: dict[str, int] = {}
        self._ready: deque[Step] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._no_tasks = asyncio.Event()
        self._stopping = False
        self._crash: Exception | None = None
        self._starts = 0
        self._channels: dict[tuple[str, str, Link], Channel] = {}
        self._consumers: dict[str, list[Channel]] = {}
        self._interface_streams: dict[str, list[tuple[str, str | None]]] = {}

    async def run(self) -> None:
        """Run what is left of the plan and append the terminal event."""
        self._open_streams()
        self._restore()
        try:
            await self._start_ready()
            while self._tasks and self._crash is None:
                self._no_tasks.clear()
                await self._no_tasks.wait()
            if self._crash is not None:
                raise self._crash
        finally:
            self._stopping = True
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks)
            self._deadlines.close()
        self._finish()

    async def _start_ready(self) -> None:
        """Start what may start now. A node that has ended starts those behind it itself:
        waking a scheduler would cost as much again as the task."""
        while self._ready and not self._stopping:
            self._start(self._ready.popleft())
            self._starts += 1
            if self._starts % _YIELD_EVERY == 0:
                await self._journal.room()

    # What is there before the first node starts.

    def _open_streams(self) -> None:
        for step in self._plan.steps.values():
            for key, links in step.links.items():
                for link in links:
                    if link.stream:
                        self._open_channel(step, key, link)
        for key, link in self._plan.interface.items():
            if link.stream:
                described = self._plan.workflow.interface_outputs.get(key)
                name = described.get("displayName") if isinstance(described, Mapping) else None
                streams = self._interface_streams.setdefault(link.source, [])
                streams.append((key, name if isinstance(name, str) else None))

    def _open_channel(self, step: Step, key: str, link: Link) -> None:
        source = self._state.nodes.get(link.source)
        if source is not None and source.status in ("complete", "error"):
            chunks = [Chunk(item["type"], item["content"]) for item in source.chunks]
            failure = Chunk("error_chunk", source.error) if source.status == "error" else None
            channel = Channel.replay(self._network, chunks, failure)
        else:
            channel = Channel(self._network)
            self._consumers.setdefault(link.source, []).append(channel)
        self._channels[(step.node.id, key, link)] = channel

    def _restore(self) -> None:
        """Take over what the log says has ended; the rest waits for its turn."""
        steps = self._plan.steps
        self._waiting = {key: len(step.awaits) + len(step.streams) for key, step in steps.items()}
        roots = [step for key, step in steps.items() if not self._waiting[key]]
        known = {key: state for key, state in self._state.nodes.items() if key in steps}
        for node_id, state in known.items():
            if state.status == "complete" or state.bypassed:
                self._outputs[node_id] = state.output or {}
                self._settle(node_id)
        for node_id, state in known.items():
            if state.status == "error":
                self._failures[node_id] = state.error or "It failed"
                self._settle(node_id)
        for node_id in self._failures:
            self._skip_dependents(node_id)
        self._ready.extendleft(reversed(roots))

    # One node.

    def _start(self, step: Step) -> None:
        node = step.node
        if node.id in self._settled:
            return
        node_type = step.type
        if node_type is None:
            self._fail(step, f"Unknown node type {node.full_type}")
            return
        if node.bypassed:
            self._pass_by(step)
            return
        if not node_type.repeatable and self._was_running(node.id):
            self._fail(step, _MAY_HAVE_RUN)
            return
        given, missing = inputs.resolve(step, partial(self._connected, step))
        if missing:
            self._fail(step, f"Required input missing: {', '.join(missing)}")
            return
        context = NodeContext(step, self._plan.workflow, self._settings, self._journal)
        if node_type.inline and node_type.repeatable:
            self._run_inline(step, node_type, given, context)
            return
        running = self._run_task(step, node_type, given, context)
        task = asyncio.get_running_loop().create_task(running)
        self._tasks.add(task)
        self._network.node_started()
        if node_type.repeatable:
            self._journal.append(events.executing(node.id))
            self._mark_started(node.id)

    def _pass_by(self, step: Step) -> None:
        outputs = bypass.pseudo_outputs(step, partial(self._connected, step))
        self._journal.append(events.bypassed(step.node.id, outputs))
        self._outputs[step.node.id] = outputs
        self._settle(step.node.id)

    def _run_inline(
        self, step: Step, node_type: NodeType, given: Inputs, context: NodeContext
    ) -> None:
        self._journal.append(events.executing(step.node.id))
        try:
            outputs = self._outputs_of(node_type.code(given, context))
        except (Exception, SystemExit) as error:  # noqa: BLE001 (a node's failure is its own)
            self._fail(step, _message(step, error))
            return
        self._complete(step, outputs)

    async def _run_task(
        self, step: Step, node_type: NodeType, given: Inputs, context: NodeContext
    ) -> None:
        try:
            await self._run_node(step, node_type, given, context)
            await self._start_ready()
        except Exception as error:  # noqa: BLE001 (it is raised where the run is waited for)
            self._crash = self._crash or error
        finally:
            current = asyncio.current_task()
            if current is not None:
                self._tasks.discard(current)
            if self._crash is not None or not self._tasks:
                self._no_tasks.set()

    async def _run_node(
        self, step: Step, node_type: NodeType, given: Inputs, context: NodeContext
    ) -> None:
        try:
            outputs = await self._attempts(step, node_type, given, context)
            self._complete(step, outputs)
        except (Exception, SystemExit) as error:  # noqa: BLE001 (a node's failure is its own)
            self._fail(step, _message(step, error))
        finally:
            context.close()
            for key, links in step.links.items():
                for link in links:
                    if link.stream:
                        self._channels[(step.node.id, key, link)].detach()
            self._network.node_ended()

    async def _attempts(
        self, step: Step, node_type: NodeType, given: Inputs, context: NodeContext
    ) -> Outputs:
        if not node_type.repeatable:
            # All it depends on, then its own start, must outlive a crash first.
            await self._journal.durable(self._journal.append())
            await self._journal.durable(self._journal.append(events.executing(step.node.id)))
            self._mark_started(step.node.id)
            await self._start_ready()
        attempt = 0
        while True:
            collected = Collected()
            try:
                with self._deadlines.limit(node_type.timeout) as limit:
                    return await self._call(step, node_type.code, given, context, collected)
            except (Exception, SystemExit) as error:
                # What consumers have seen of a stream cannot be taken back.
                if attempt >= node_type.retries or collected.chunks:
                    if limit.expired:
                        seconds = f"{node_type.timeout:g}"
                        raise NodeError(f"Timed out after {seconds} seconds") from error
                    raise
            await asyncio.sleep(backoff(attempt))
            attempt += 1

    async def _call(
        self,
        step: Step,
        code: Callable[..., Any],
        given: Inputs,
        context: NodeContext,
        collected: Collected,
    ) -> Outputs:
        kind = self._kind_of(code)
        if kind is Kind.STREAM:
            publish = partial(self._yield, step)
            redaction = self._settings.redaction
            outputs = await run_stream(code(given, context), publish, collected, redaction)
            text = values.collected_text(collected.chunks)
            streams = {key: text for key, slot in step.outputs.items() if slot.is_stream}
            return self._outputs_of({**outputs, **streams})
        if kind is Kind.COROUTINE:
            outputs = self._outputs_of(await code(given, context))
        else:
            loop = asyncio.get_running_loop()
            running = loop.run_in_executor(self._threads, code, given, context)
            outputs = self._outputs_of(await running)
        for key, slot in step.outputs.items():
            if slot.is_stream and isinstance(outputs.get(key), str):
                await self._yield(step, Chunk("text_chunk", outputs[key]))
        return outputs

    def _outputs_of(self, returned: Any) -> Outputs:
        """What a node's code returned, as its outputs, without secrets; ``NodeError``."""
        outputs: Outputs = self._settings.redaction.value(as_outputs(returned))
        return outputs

    def _kind_of(self, code: Callable[..., Any]) -> Kind:
        """What to do with a node's code; looked at once a run, since it takes a while."""
        kind = self._kinds.get(id(code))
        if kind is None:
            kind = self._kinds[id(code)] = kind_of(code)
        return kind

    async def _yield(self, step: Step, chunk: Chunk) -> None:
        """Journal a chunk and hand it to everyone who listens."""
        node_id = step.node.id
        listeners = self._interface_streams.get(node_id, ())
        for event in chunk_events(node_id, chunk):
            content = event.payload["yieldedContent"]
            shown = (events.interface_chunk(key, name, content) for key, name in listeners)
            self._journal.append(event, *shown)
        for channel in self._consumers.get(node_id, ()):
            await channel.put(chunk)
        await self._journal.room()

    # What follows from a node's end.

    def _complete(self, step: Step, outputs: Outputs) -> None:
        node_id = step.node.id
        endings = self._interface_endings(node_id, events.STREAM_ENDED)
        try:
            self._journal.append(
                events.complete(node_id, outputs),
                events.chunk(node_id, events.STREAM_ENDED, last=True),
                *endings,
            )
        except NodeError as error:
            self._fail(step, str(error))
            return
        self._outputs[node_id] = outputs
        for channel in self._consumers.get(node_id, ()):
            channel.close()
        self._settle(node_id)

    def _fail(self, step: Step, message: str) -> None:
        node_id = step.node.id
        message = self._settings.redaction.text(message)
        message = message.encode("utf-8", "replace").decode()  # or no log could hold it
        content = {"type": "error_chunk", "content": message}
        self._journal.append(
            events.failed(node_id, message), *self._interface_endings(node_id, content)
        )
        self._failures[node_id] = message
        for channel in self._consumers.get(node_id, ()):
            channel.close(Chunk("error_chunk", message))
        self._skip_dependents(node_id)
        self._settle(node_id)

    def _interface_endings(self, node_id: str, content: Mapping[str, Any]) -> list[events.Event]:
        if not self._interface_streams:
            return []
        listeners = self._interface_streams.get(node_id, ())
        return [events.interface_chunk(key, name, content, last=True) for key, name in listeners]

    def _skip_dependents(self, node_id: str) -> None:
        """Descendants of a failure that have not started, in this attempt or before, never will."""
        behind = [node_id]
        while behind:
            for target in self._plan.dependents[behind.pop()]:
                if not (
                    target in self._started or target in self._settled or self._was_running(target)
                ):
                    self._settled.add(target)
                    behind.append(target)
                    for channel in self._consumers.get(target, ()):
                        channel.close()

    def _mark_started(self, node_id: str) -> None:
        """Let those go on that wait for the node's stream."""
        self._started.add(node_id)
        for target in self._plan.dependents[node_id]:
            if node_id in self._plan.steps[target].streams:
                self._release(target)

    def _settle(self, node_id: str) -> None:
        """Let those go on that wait for the node's end, or still for its stream."""
        was_started = node_id in self._started
        self._started.add(node_id)
        self._settled.add(node_id)
        for target in self._plan.dependents[node_id]:
            if not was_started or node_id not in self._plan.steps[target].streams:
                self._release(target)

    def _release(self, target: str) -> None:
        self._waiting[target] -= 1
        if self._waiting[target] == 0 and target not in self._settled:
            self._ready.append(self._plan.steps[target])

    def _finish(self) -> None:
        ending = []
        if self._plan.workflow.mappings:
            ending.append(events.complete(events.INTERFACE_NODE, self._interface_outputs()))
        if self._failures:
            ending.append(events.status("error", self._failure_message()))
        else:
            ending.append(events.status("complete"))
        self._journal.append(*ending)

    def _interface_outputs(self) -> dict[str, Any]:
        found = {}
        for key, link in self._plan.interface.items():
            outputs = self._outputs.get(link.source, {})
            if link.output in outputs:
                found[key] = bypass.STREAM_PLACEHOLDER if link.stream else outputs[link.output]
        return found

    def _failure_message(self) -> str:
        (node_id, message), *others = self._failures.items()
        full_type = self._plan.steps[node_id].node.full_type
        more = f" (and {len(others)} more failed)" if others else ""
        return f"Node {node_id} ({full_type}) failed: {message}{more}"

    def _connected(self, step: Step, key: str, link: Link) -> Any:
        if link.stream:
            if step.node.bypassed:
                return bypass.STREAM_PLACEHOLDER
            return self._channels[(step.node.id, key, link)]
        return self._outputs.get(link.source, {}).get(link.output, ABSENT)

    def _was_running(self, node_id: str) -> bool:
        known = self._state.nodes.get(node_id)
        return known is not None and known.status == "running"


def _message(step: Step, error: BaseException) -> str:
    if isinstance(error, NodeError):
        return str(error)
    # The text of an unforeseen exception may hold what users must not see.
    _logger.error("Node %s (%s) failed", step.node.id, step.node.full_type, exc_info=error)
    return f"It failed unexpectedly ({type(error).__name__}); the server's log says more"
