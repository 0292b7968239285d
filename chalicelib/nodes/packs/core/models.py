"""Nodes that ask a language model.

Their definitions are complete, so that workflows that hold them open and save. Running
one fails with a clear message until this version has model connections.
"""

from collections.abc import Callable

from chalicelib.nodes import Context, Input, Inputs, Node, NodeError, Output, Outputs


def _without_code(kind: str) -> Callable[[Inputs, Context], Outputs]:
    def refuse(_inputs: Inputs, _context: Context) -> Outputs:
        raise NodeError(f"{kind} needs a model connection, which this version does not offer yet")

    return refuse


_CONNECTION = Input(
    "OBJECT",
    display_name="API Settings",
    description="Which service answers, from an API Settings node.",
    required=True,
    categories=("LlmConfig",),
)
_TEMPERATURE = Input(
    "FLOAT",
    display_name="Temperature",
    description="How freely the model chooses its words.",
    required=True,
    default=0.7,
    config={"min": 0, "max": 2, "step": 0.1},
)
_MAX_TOKENS = Input(
    "INTEGER",
    display_name="Max Tokens",
    description="How long the answer may be.",
    required=True,
    default=512,
    config={"min": 1, "max": 16384},
)
_STREAM = Input(
    "BOOLEAN",
    display_name="Stream",
    description="Give the answer piece by piece while it is made.",
    default=False,
)
_IMAGE = Input(
    "STRING",
    display_name="Image",
    description="A URL or data URL of a picture.",
    categories=("ImageData", "Url"),
)


def _history(name: str) -> Input:
    return Input(
        "STRING",
        display_name=name,
        description="Earlier messages as JSON text.",
        categories=("ChatHistory", "Json"),
    )


API_SETTINGS = Node(
    "APISettings",
    _without_code("APISettings"),
    category="Models",
    display_name="API Settings",
    description="Says which service and key the model nodes after it use.",
    inputs={
        "use_env_vars": Input(
            "BOOLEAN",
            display_name="Use Server Settings",
            description="Take address and key from the server instead of here.",
            required=True,
            default=False,
        ),
        "base_url": Input(
            "STRING",
            display_name="Base URL",
            description="The address of an OpenAI-compatible API.",
            required=True,
            default="https://api.openai.com/v1",
            categories=("Url",),
            config={"multiline": False},
        ),
        "api_key": Input(
            "STRING",
            display_name="API Key",
            description="The key of that service.",
            required=True,
            default="",
            config={"multiline": False},
        ),
    },
    outputs={
        "api_settings": Output("OBJECT", display_name="API Settings", categories=("LlmConfig",))
    },
    inline=True,
)

OPENAI = Node(
    "OpenAI",
    _without_code("OpenAI"),
    category="Models",
    display_name="OpenAI Completion",
    description="Asks a model of an OpenAI-compatible service.",
    inputs={
        "api_settings": _CONNECTION,
        "model": Input(
            "STRING",
            display_name="Model",
            description="The name the service knows the model by.",
            required=True,
            default="deepseek-chat",
            config={
                "suggestions": [
                    {"value": "deepseek-chat"},
                    {"value": "chatgpt-4o-latest"},
                    {"value": "claude-sonnet-4-20250514"},
                    {"value": "gemini-2.5-flash-preview-05-20"},
                ],
                "multiline": False,
            },
        ),
        "temperature": _TEMPERATURE,
        "max_tokens": _MAX_TOKENS,
        "system_prompt": Input(
            "STRING",
            display_name="System Prompt",
            description="What the model is told about its task.",
            required=True,
            default="",
            categories=("Prompt", "UiBlock"),
            config={"multiline": True},
        ),
        "prompt": Input(
            "STRING",
            display_name="Prompt",
            description="What the user says.",
            required=True,
            default="",
            categories=("Prompt", "UiBlock"),
            config={"multiline": True},
        ),
        "history": _history("History"),
        "image": _IMAGE,
        "stream": _STREAM,
    },
    outputs={
        "response": Output("STRING", display_name="Response", categories=("LlmOutput",)),
        "stream_output": Output(
            "STRING",
            display_name="Stream",
            is_stream=True,
            categories=("LlmOutput", "TextStream"),
        ),
    },
    inline=True,
)

OPENAI_CHAT = Node(
    "OpenAIChat",
    _without_code("OpenAIChat"),
    category="Models",
    display_name="OpenAI Chat",
    description="Talks with a model of an OpenAI-compatible service and remembers the talk.",
    inputs={
        "api_settings": _CONNECTION,
        "model": Input(
            "STRING",
            display_name="Model",
            description="The name the service knows the model by.",
            required=True,
            default="gpt-4o",
        ),
        "temperature": _TEMPERATURE,
        "max_tokens": _MAX_TOKENS,
        "system_prompt": Input(
            "STRING",
            display_name="System Prompt",
            description="What the model is told about its task.",
            required=True,
            categories=("Prompt",),
            config={"multiline": True},
        ),
        "clear_history": Input(
            "BOOLEAN",
            display_name="Clear History",
            description="Start the conversation anew.",
            required=True,
            default=False,
        ),
        "user_input": Input(
            "STRING",
            display_name="User Input",
            description="What the user says.",
            required=True,
            categories=("Prompt",),
            config={"multiline": True},
        ),
        "external_history": _history("External History"),
        "image": _IMAGE,
    },
    outputs={
        "full_conversation": Output(
            "STRING", display_name="Conversation", categories=("ChatHistory",)
        ),
        "current_output": Output("STRING", display_name="Answer", categories=("LlmOutput",)),
        "history": Output("STRING", display_name="History", categories=("ChatHistory", "Json")),
    },
    inline=True,
)

GENERIC_LLM_REQUEST = Node(
    "GenericLlmRequest",
    _without_code("GenericLlmRequest"),
    category="Models",
    display_name="Model Request",
    description="Asks one of the user's activated models.",
    inputs={
        "messages": Input(
            "STRING",
            display_name="Messages",
            description="The messages, as JSON text.",
            default="[]",
            categories=("Json", "ChatHistory", "NoDefaultEdit", "UiBlock"),
            config={"multiline": True},
        ),
        "parameters": Input(
            "STRING",
            display_name="Parameters",
            description="More parameters of the request, as JSON text.",
            default="{}",
            categories=("Json", "LlmConfig", "NoDefaultEdit"),
        ),
        "activated_model_id": Input(
            "STRING", display_name="Model", description="The id of an activated model."
        ),
        "temperature": Input(
            "FLOAT",
            display_name="Temperature",
            description="How freely the model chooses its words.",
            default=0.7,
            config={"min": 0, "max": 2, "step": 0.01},
        ),
        "max_tokens": Input(
            "INTEGER",
            display_name="Max Tokens",
            description="How long the answer may be.",
            default=2048,
            config={"min": 1, "max": 65536, "step": 64},
        ),
        "top_p": Input(
            "FLOAT",
            display_name="Top P",
            description="The share of likely words the model chooses from.",
            default=1,
            config={"min": 0, "max": 1, "step": 0.01},
        ),
        "seed": Input(
            "INTEGER",
            display_name="Seed",
            description="The same seed asks for the same answer.",
            default=0,
            config={"min": 0, "step": 1},
        ),
        "stream": _STREAM,
    },
    outputs={
        "response": Output("OBJECT", display_name="Response", categories=("LlmOutput",)),
        "responseText": Output("STRING", display_name="Text", categories=("LlmOutput",)),
        "usage": Output("OBJECT", display_name="Usage", categories=("LlmOutput",)),
        "stream_output": Output(
            "STRING", display_name="Stream", is_stream=True, categories=("StreamChunk",)
        ),
    },
    width=350,
    inline=True,
)
