"""What a client says about a project (ProjectMetadata, or part of it).

``id``, ``createdAt`` and ``updatedAt`` are the server's, and unknown fields are
ignored. null stands for "left out" where a field is optional.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictStr
from pydantic.alias_generators import to_camel

from chalicelib.schemas.names import Name

MAX_METADATA_BYTES = 256 * 1024


def _not_only_dots(name: str) -> str:
    if not name.strip("."):
        raise ValueError("must not consist of dots only")
    return name


def _array_or_object(value: Any) -> Any:
    if value is not None and not isinstance(value, (list, dict)):
        raise ValueError("must be an array or an object")
    return value


ProjectName = Annotated[Name, AfterValidator(_not_only_dots)]
Text = Annotated[StrictStr, Field(max_length=200)]


class _Metadata(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")

    description: StrictStr | None = None
    version: Text | None = None
    template_used: Text | None = None
    preferred_view: Literal["editor", "custom"] | None = None
    schema_version: Text | None = None
    panels: Annotated[Any, AfterValidator(_array_or_object)] = None
    enable_chat_page: StrictBool | None = None
    custom_metadata: dict[str, Any] | None = None


class ProjectDraft(_Metadata):
    """A new project. Its id is its name made safe."""

    name: ProjectName


class ProjectChanges(_Metadata):
    """Part of a project's metadata: a field that is not there keeps its value."""

    name: ProjectName = ""
