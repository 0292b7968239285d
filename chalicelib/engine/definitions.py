"""What the engine must know of a node type: its slots, its modes and its code."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Outputs = Mapping[str, Any]
Inputs = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Slot:
    """An input or an output. ``default`` counts only where ``has_default``."""

    data_type: str
    required: bool = False
    multi: bool = False
    is_stream: bool = False
    categories: frozenset[str] = frozenset()
    has_default: bool = False
    default: Any = None


Slots = Mapping[str, Slot]


@dataclass(frozen=True, slots=True)
class Bypass:
    """How a bypassed node answers: "mute", or these pass-throughs and defaults.

    ``pass_through`` maps an output to the input whose value it repeats.
    """

    mute: bool = False
    pass_through: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)


class Context(Protocol):
    """What a node's code may ask of its run."""

    @property
    def node_id(self) -> str:
        """The id of the node in the workflow."""
        ...

    @property
    def owner(self) -> str:
        """The uid of the user whose run it is."""
        ...

    @property
    def config(self) -> Mapping[str, Any]:
        """The node's ``configValues``."""
        ...

    @property
    def mode(self) -> str | None:
        """The active mode, for a node that has modes."""
        ...

    @property
    def interface_inputs(self) -> Mapping[str, Any]:
        """The workflow's ``interfaceInputs``, as submitted."""
        ...

    def credential(self, credential_id: str) -> str:
        """The text of one of the owner's external credentials; ``NodeError`` if he has it not.

        It may take a while: an ``async def`` awaits ``asyncio.to_thread(context.credential, id)``,
        and calling it on the event loop is a ``RuntimeError``. Wherever the text turns up in what
        the run shows, stores or logs, ``[credential]`` stands for it.
        """
        ...

    def progress(self, value: float, maximum: float) -> None:
        """Tell the watchers how far it is (NODE_PROGRESS); may be called from any thread."""
        ...

    def log(self, message: str) -> None:
        """Write to the server's log, with the run and the node named."""
        ...


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a stream.

    ``type`` is one of text_chunk, tool_call_chunk, finish_reason_chunk,
    usage_chunk, error_chunk, custom.
    """

    type: str
    content: Any


@dataclass(frozen=True, slots=True)
class BatchOutputs:
    """What a stream node yields last, to give its batch outputs."""

    values: Outputs


NodeCode = (
    Callable[[Inputs, Context], Outputs | None]
    | Callable[[Inputs, Context], Awaitable[Outputs | None]]
    | Callable[[Inputs, Context], AsyncIterator[Chunk | BatchOutputs]]
)


@dataclass(frozen=True, slots=True)
class NodeType:
    """A node type as the engine runs it.

    ``code`` is a plain function (run in a thread, or with ``inline`` on the
    event loop: only for work of well under a millisecond), a coroutine
    function, or an async generator function (a stream node). ``timeout`` is in
    seconds. ``repeatable`` False means that running it twice does harm: it
    commits its start first and is not run again after a crash. ``modes`` maps a mode to
    the inputs and outputs that replace the node's own.
    """

    full_type: str
    code: NodeCode
    inputs: Slots = field(default_factory=dict)
    outputs: Slots = field(default_factory=dict)
    modes: Mapping[str, tuple[Slots, Slots]] = field(default_factory=dict)
    mode_key: str | None = None
    default_mode: str | None = None
    dynamic_slots: bool = False
    bypass: Bypass | None = None
    inline: bool = False
    repeatable: bool = True
    timeout: float = 600.0
    retries: int = 0

    def mode_of(self, config: Mapping[str, Any]) -> str | None:
        """The mode that a node's ``configValues`` pick; unknown ones mean the default."""
        if not self.modes:
            return None
        picked = config.get(self.mode_key) if self.mode_key else None
        if isinstance(picked, str) and picked in self.modes:
            return picked
        return self.default_mode if self.default_mode in self.modes else None

    def slots(self, config: Mapping[str, Any]) -> tuple[Slots, Slots]:
        """The inputs and outputs that hold under these ``configValues``."""
        mode = self.mode_of(config)
        return (self.inputs, self.outputs) if mode is None else self.modes[mode]


class NodeTypes(Protocol):
    """Where the engine finds node types."""

    def find(self, full_type: str) -> NodeType | None:
        """The node type of that name, or None."""
        ...


class NodeError(Exception):
    """Raised by a node's code: its message is shown to the user as it is."""
