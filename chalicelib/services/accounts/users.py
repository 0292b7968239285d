"""Users: their profiles, their names, and all that belongs to one in a single query."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.errors import ConditionFailed, Conflict, NotFound, NotSignedIn
from chalicelib.moments import timestamp
from chalicelib.ports import Change, Clock, Entry, Index, Put, Remove
from chalicelib.schemas.usernames import folded
from chalicelib.services.accounts import audit, avatars, credentials, rows, service_keys

if TYPE_CHECKING:
    from chalicelib.services.callers import Caller

DEFAULT_USER = "default_user"
DEFAULT_USERNAME = "User"
_TRIES = 10
_NOBODY = "nobody"
_ENDED = "This session or key has ended"
_LONG_AGO = "1970-01-01T00:00:00.000Z"
_DEFAULT_PROFILE: Mapping[str, Any] = {
    "uid": DEFAULT_USER,
    "username": DEFAULT_USERNAME,
    "isAdmin": True,
    "createdAt": _LONG_AGO,
    "passwordHash": None,
    "disabled": False,
}

Row = Mapping[str, Any]
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class User:
    """A user as the profile's row has it; ``stored`` None where there is none yet."""

    value: Mapping[str, Any]
    stored: Mapping[str, Any] | None

    @property
    def uid(self) -> str:
        """What names all that belongs to the user."""
        return str(self.value["uid"])

    @property
    def username(self) -> str:
        """As the user writes it."""
        return str(self.value["username"])

    @property
    def is_admin(self) -> bool:
        """May act as an administrator."""
        return bool(self.value["isAdmin"])

    @property
    def is_disabled(self) -> bool:
        """May not sign in."""
        return bool(self.value.get("disabled"))

    @property
    def password_hash(self) -> str | None:
        """A PHC string; None for who cannot sign in with a password."""
        found: str | None = self.value.get("passwordHash")
        return found

    def changed(self, **fields: Any) -> Put:
        """The change of some fields of the profile, unless somebody else changes it first."""
        entry = Entry(rows.of_user(self.uid), rows.PROFILE, {**self.value, **fields})
        return Put(entry, if_absent=self.stored is None, replacing=self.stored)

    def one_more(self, count: str) -> int:
        """A count in the profile, one higher: with it no value of the row comes again."""
        return int(self.value.get(count, 0)) + 1


@dataclass(frozen=True, slots=True)
class Holdings:
    """All that belongs to a user; of each the row's value, with its last use."""

    user: User
    sessions: Sequence[Mapping[str, Any]]
    keys: Sequence[Mapping[str, Any]]
    credentials: Sequence[Mapping[str, Any]]

    def includes(self, caller: "Caller") -> bool:
        """Whether the session or key that a caller has shown is there still."""
        if caller.kind == "open":
            return True
        identities = self.sessions if caller.kind == "session" else self.keys
        return any(each["id"] == caller.identity for each in identities)

    def current_user(self) -> dict[str, Any]:
        """``currentUser`` of a UserContext."""
        picture = avatars.url_of(self.user.value)
        return {
            "uid": self.user.uid,
            "username": self.user.username,
            "isAdmin": self.user.is_admin,
            "createdAt": self.user.value["createdAt"],
            **({} if picture is None else {"avatarUrl": picture}),
            "serviceApiKeys": [service_keys.metadata(key) for key in self.keys],
            "externalCredentials": [credentials.metadata(each) for each in self.credentials],
        }


class Users:
    """The rows of users."""

    def __init__(self, accounts: Index, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock

    def get(self, uid: str) -> User:
        """A user; ``NotFound``. The one user of the single-user modes is always there."""
        entry = self._accounts.get(rows.of_user(uid), rows.PROFILE)
        return _user(uid, None if entry is None else entry.value)

    def holdings(self, uid: str) -> Holdings:
        """A user and all that belongs to it, in one query; ``NotFound``."""
        found = {entry.key: entry.value for entry in self._entries(rows.of_user(uid))}
        return Holdings(
            user=_user(uid, found.get(rows.PROFILE)),
            sessions=self._of_kind(found, "session"),
            keys=self._of_kind(found, "key"),
            credentials=self._of_kind(found, "credential"),
        )

    def by_name(self, username: str) -> Holdings | None:
        """The user of that name; it takes as many reads to find that there is none."""
        entry = self._accounts.get(rows.of_username(folded(username)), rows.USERNAME)
        uid = _NOBODY if entry is None else str(entry.value["uid"])
        try:
            return self.holdings(uid)
        except NotFound:
            return None

    def has_administrator(self) -> bool:
        """Whether the first account is there."""
        return self._accounts.get(*rows.ADMINISTRATOR) is not None

    def new(self, username: str, password_hash: str, *, is_admin: bool) -> User:
        """A user who is in no row yet."""
        value = {
            "uid": rows.new_id(),
            "username": username,
            "isAdmin": is_admin,
            "createdAt": timestamp(self._clock.now()),
            "passwordHash": password_hash,
            "disabled": False,
        }
        return User(value, None)

    def rename(self, uid: str, username: str) -> User:
        """Give a user another name; ``Conflict`` if it is somebody else's, ``NotFound``.

        In the single-user modes there is nobody else.
        """
        for _ in range(_TRIES):
            user = self.get(uid)
            change = user.changed(username=username)
            others: list[Change] = [audit.entry(uid, "renamed", self._clock.now())]
            if uid != DEFAULT_USER:
                others = [*_renaming(user, username), *others, listing(change.entry.value)]
            try:
                self._accounts.write(change, *others)
            except ConditionFailed as lost:
                if 0 not in lost.positions:
                    raise taken(username) from lost
            else:
                return User(change.entry.value, change.entry.value)
        raise Conflict("Too many requests change this user at once")

    def add(
        self, caller: "Caller", make: Callable[[Holdings], tuple[Made, Sequence[Change]]]
    ) -> Made:
        """Write what is to belong to the caller's user; the first that ``make`` returns.

        ``make`` is told what there is, and may refuse. Every addition counts up in the
        profile in the same write. So one that is overtaken by another, by a sign-in or
        by the operator is made again, from what there is then; and who was locked out
        since he was known, even if he was let in again, adds nothing: ``NotSignedIn``.
        ``Conflict`` if there is no end of others.
        """
        for _ in range(_TRIES):
            holdings = self._of_caller(caller)
            made, changes = make(holdings)
            counted = holdings.user.changed(additions=holdings.user.one_more("additions"))
            try:
                self._accounts.write(counted, *changes)
            except ConditionFailed:
                continue
            return made
        raise Conflict("Too many requests change this user at once")

    def page(self, limit: int, after: str | None = None) -> tuple[Sequence[Row], str | None]:
        """Some of all users, by uid: their listed rows, and after which to go on; one query."""
        found = self._accounts.query(rows.USERS, limit=limit, after=after or None)
        return [each.value for each in found.entries], found.after

    def registered(self, user: User) -> Put:
        """The change that notes that a user came in."""
        return audit.entry(user.uid, "registered", self._clock.now(), {"admin": user.is_admin})

    def note_failure(self, uid: str | None) -> None:
        """Note a sign-in that failed; with as much work for a name that is nobody's (None)."""
        now = self._clock.now()
        if uid is None:
            self._accounts.write(audit.entry_of_nobody("sign-in-failed", now))
        else:
            self._accounts.write(audit.entry(uid, "sign-in-failed", now))

    def _of_caller(self, caller: "Caller") -> Holdings:
        try:
            holdings = self.holdings(caller.uid)
        except NotFound as error:  # erased
            raise NotSignedIn(_ENDED) from error
        if holdings.user.is_disabled or not holdings.includes(caller):
            raise NotSignedIn(_ENDED)
        return holdings

    def _entries(self, partition: str) -> Sequence[Entry]:
        return self._accounts.query(partition).entries

    def _of_kind(
        self, found: Mapping[str, Mapping[str, Any]], kind: str
    ) -> list[Mapping[str, Any]]:
        """The rows of a kind with their last use, without those that have lapsed since."""
        now = timestamp(self._clock.now())
        merged = (
            {**value, **found.get(rows.used(value["id"]), {})}
            for key, value in found.items()
            if key.startswith(f"{kind}#")
        )
        return [value for value in merged if not value.get("expiresAt") or value["expiresAt"] > now]


def name_row(user: User) -> Put:
    """The row that makes a name this user's alone."""
    return Put(
        Entry(rows.of_username(folded(user.username)), rows.USERNAME, {"uid": user.uid}),
        if_absent=True,
    )


def taken(username: str) -> Conflict:
    """The answer to who asks for a name that is somebody else's."""
    return Conflict(f"The name {username!r} is taken", {"username": ["is taken"]})


def _renaming(user: User, username: str) -> list[Change]:
    old, new = folded(user.username), folded(username)
    if old == new:
        return []
    return [
        Put(Entry(rows.of_username(new), rows.USERNAME, {"uid": user.uid}), if_absent=True),
        Remove(rows.of_username(old), rows.USERNAME),
    ]


def listing(profile: Mapping[str, Any]) -> Put:
    """The row by which a user is in the list of all, as the profile will be."""
    fields = ("uid", "username", "isAdmin", "disabled", "createdAt")
    value = {field: profile[field] for field in fields}
    return Put(Entry(rows.USERS, str(profile["uid"]), value))


def _user(uid: str, stored: Mapping[str, Any] | None) -> User:
    if stored is None and uid == DEFAULT_USER:
        return User(_DEFAULT_PROFILE, None)
    if stored is None:
        raise NotFound("No such user")
    return User(stored, stored)
