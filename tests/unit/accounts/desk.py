"""The services of accounts over the embedded family in memory, on a clock that stands still."""

from dataclasses import dataclass

from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.index import EmbeddedIndex
from chalicelib.ports import Index
from chalicelib.services.accounts.attempts import Attempts
from chalicelib.services.accounts.invites import Invites
from chalicelib.services.accounts.sessions import Opened, Sessions
from chalicelib.services.accounts.tokens import Tokens
from chalicelib.services.accounts.users import Holdings, User, Users, name_row
from tests.clock import ManualClock

HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaA"


@dataclass(frozen=True)
class Desk:
    """Everything that accounts are made of."""

    accounts: Index
    clock: ManualClock
    users: Users
    tokens: Tokens
    sessions: Sessions
    invites: Invites
    attempts: Attempts

    def register(self, name: str, *, is_admin: bool = False) -> User:
        """A user with a name of his own."""
        user = self.users.new(name, HASH, is_admin=is_admin)
        self.sessions.open(Holdings(user, [], [], []), None, also=[name_row(user)])
        return self.users.get(user.uid)

    def sign_in(self, user: User) -> Opened:
        """One more session."""
        return self.sessions.open(self.users.holdings(user.uid), "test")


def make_desk(database: Database) -> Desk:
    """A desk on a database; the caller closes that."""
    clock = ManualClock()
    accounts = EmbeddedIndex(database, clock, "account_entries")
    users, tokens = Users(accounts, clock), Tokens(accounts, clock)
    return Desk(
        accounts=accounts,
        clock=clock,
        users=users,
        tokens=tokens,
        sessions=Sessions(accounts, users, tokens, clock),
        invites=Invites(accounts, clock),
        attempts=Attempts(accounts, clock),
    )
