"""The core pack: the nodes of the namespace ``core``, in the order the editor lists them."""

from chalicelib.nodes import Pack
from chalicelib.nodes.packs.core import (
    groups,
    library,
    math,
    matrix,
    messages,
    models,
    random_number,
    regex_rules,
    streams,
    text,
    widgets,
)

pack = Pack(
    "core",
    [
        models.API_SETTINGS,
        models.OPENAI,
        models.OPENAI_CHAT,
        models.GENERIC_LLM_REQUEST,
        messages.CREATE_MESSAGE,
        messages.MERGE_MESSAGES,
        messages.HISTORY,
        messages.MERGE_HISTORY,
        text.TEXT_MERGE,
        regex_rules.APPLY_REGEX,
        math.MATH_OPERATION,
        matrix.MATRIX_OPERATION,
        random_number.RANDOM_NUMBER,
        streams.STREAM_LOGGER,
        streams.STREAM_SUFFIX_RELAY,
        library.CHARACTER_CARD_LOADER,
        library.WORLD_BOOK_LOADER,
        library.PRESET_LOADER,
        library.HISTORY_LOADER,
        library.REGEX_RULE_LOADER,
        library.CONTEXT_BUILDER,
        groups.GROUP_INPUT,
        groups.GROUP_OUTPUT,
        groups.NODE_GROUP,
        widgets.TEST_WIDGETS,
    ],
)
