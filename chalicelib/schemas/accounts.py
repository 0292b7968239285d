"""What a client says to sign in. Unknown fields are ignored: nobody makes himself anything."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictStr
from pydantic.alias_generators import to_camel

from chalicelib.schemas import usernames

MIN_PASSWORD_LENGTH = 8
MAX_PASSWORD_LENGTH = 1024  # characters; at most four times as many bytes to hash

Username = Annotated[StrictStr, AfterValidator(usernames.cleaned)]
NewPassword = Annotated[
    StrictStr, Field(min_length=MIN_PASSWORD_LENGTH, max_length=MAX_PASSWORD_LENGTH)
]
GivenPassword = Annotated[StrictStr, Field(max_length=MAX_PASSWORD_LENGTH)]
"""One that may have been made by other rules."""


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")


class Login(_Body):
    """``POST /api/auth/login``; the name is left out where there is one user."""

    username: Annotated[StrictStr, Field(max_length=400)] | None = None
    password: GivenPassword


class Registration(_Body):
    """``POST /api/auth/register``."""

    username: Username
    password: NewPassword
    invite_code: Annotated[StrictStr, Field(max_length=200)] | None = None


class PasswordChange(_Body):
    """``PUT /api/auth/password``."""

    current_password: GivenPassword
    new_password: NewPassword


class UsernameChange(_Body):
    """``PUT /api/users/me/username``."""

    username: Username
