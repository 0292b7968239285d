"""The limits of one user, as an administrator sets them."""

from pydantic import BaseModel, ConfigDict, StrictInt


class QuotaChanges(BaseModel):
    """Some quotas by name, null for the limit of all."""

    model_config = ConfigDict(extra="forbid")

    quotas: dict[str, StrictInt | None]
