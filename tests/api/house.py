"""A product with accounts, and the time that passes in it."""

from dataclasses import dataclass
from typing import Any

from tests.api.people import bearer, login
from tests.api.product import Tavern
from tests.clock import ManualClock


@dataclass(frozen=True)
class House:
    """A product with the accounts of ada and eve, and the time that passes in it."""

    tavern: Tavern
    clock: ManualClock

    def ask(self, method: str, target: str, shown: str, json: Any = None) -> Any:
        """A request that must succeed; the answer's JSON."""
        answer = self.tavern.ask(method, target, json=json, headers=bearer(shown))
        assert answer.status in (200, 201, 204), answer.body
        return answer.json() if answer.body else None

    def session(self, name: str = "ada") -> str:
        """The token of a new session."""
        return str(login(self.tavern, name).json()["token"])

    def key(self, shown: str, **draft: object) -> dict[str, Any]:
        """A new service key."""
        made: dict[str, Any] = self.ask("POST", "/api/users/me/service-keys", shown, draft)
        return made

    def ticket(self, shown: str) -> str:
        """A new ticket."""
        return str(self.ask("POST", "/api/auth/ws-ticket", shown)["ticket"])

    def connect(self, name: str, shown: str) -> None:
        """Open a socket with a token."""
        assert self.tavern.connect(name, **bearer(shown)) == 200

    def enter(self, name: str, ticket: str, **headers: str) -> int:
        """Ask for a socket with a ticket; the status."""
        return self.tavern.connect(name, query=f"ticket={ticket}", **headers)
