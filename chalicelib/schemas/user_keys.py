"""What a client says about service keys and external credentials.

null stands for "left out" where a field is optional.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, StrictStr
from pydantic.alias_generators import to_camel

MAX_NAME_LENGTH = 100
Scope = Literal["read", "write", "run", "admin"]


def _trimmed(text: str) -> str:
    name = text.strip()
    if not 1 <= len(name) <= MAX_NAME_LENGTH:
        raise ValueError(f"must have 1 to {MAX_NAME_LENGTH} characters")
    return name


def _some(scopes: list[Scope]) -> list[Scope]:
    if not scopes:
        raise ValueError("must name at least one; leave it out for the default ones")
    return scopes


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


Name = Annotated[StrictStr, AfterValidator(_trimmed)]


class _Draft(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", hide_input_in_errors=True)


class ServiceKeyDraft(_Draft):
    """A new service key; without scopes it has the default ones."""

    name: Name | None = None
    scopes: Annotated[list[Scope], AfterValidator(_some)] | None = None
    expires_at: StrictStr | None = None


class CredentialDraft(_Draft):
    """A new external credential. Its content is taken as it is, blanks around it included."""

    service_name: Name
    credential: Annotated[StrictStr, AfterValidator(_not_blank)]
    display_name: Name | None = None
