"""Users, and how they are known."""

from typing import TYPE_CHECKING

from chalicelib.container.parts import clock, part, settings
from chalicelib.container.sockets import connections
from chalicelib.container.stores import accounts, documents, index, vault
from chalicelib.container.uploads import offered_uploads
from chalicelib.services.accounts.revocations import Revocations
from chalicelib.services.accounts.tokens import Tokens
from chalicelib.services.accounts.users import Users
from chalicelib.services.callers import Callers
from chalicelib.services.cookies import Cookies

if TYPE_CHECKING:
    from chalicelib.services.accounts.audit import Audit
    from chalicelib.services.accounts.credentials import Credentials
    from chalicelib.services.accounts.invites import Invites
    from chalicelib.services.accounts.profile import Profile
    from chalicelib.services.accounts.quotas import Limits as QuotaLimits
    from chalicelib.services.accounts.quotas import Quotas
    from chalicelib.services.accounts.request_rate import RequestRate
    from chalicelib.services.accounts.service_keys import ServiceKeys
    from chalicelib.services.accounts.sessions import Sessions
    from chalicelib.services.accounts.sign_in import SignIn
    from chalicelib.services.accounts.tickets import Tickets


@part
def users() -> Users:
    """The profiles and names of users."""
    return Users(accounts(), clock())


@part
def tokens() -> Tokens:
    """What requests show to say whose they are."""
    return Tokens(accounts(), clock())


@part
def callers() -> Callers:
    """Who is calling."""
    return Callers(
        mode=settings().mode,
        tokens=tokens(),
        users=users(),
        access_password=settings().access_password,
        names=settings().names,
        cookies=Cookies(settings().cookie_suffix),
    )


@part
def tickets() -> "Tickets":
    """What opens one socket."""
    from chalicelib.services.accounts.tickets import Tickets

    return Tickets(index(), callers(), clock(), settings().access_password)


@part
def revocations() -> Revocations:
    """What closes the sockets of who is nobody any more."""
    return Revocations(accounts(), connections(), clock())


@part
def sessions() -> "Sessions":
    """What signing in opens."""
    from chalicelib.services.accounts.sessions import Sessions

    return Sessions(accounts(), users(), tokens(), clock())


@part
def invites() -> "Invites":
    """Invitations to register."""
    from chalicelib.services.accounts.invites import Invites

    return Invites(accounts(), clock())


@part
def sign_in() -> "SignIn":
    """How people come in."""
    from chalicelib.services.accounts.attempts import Attempts
    from chalicelib.services.accounts.sign_in import Rules, SignIn

    return SignIn(
        rules=Rules(
            mode=settings().mode,
            access_password=settings().access_password,
            registration=settings().registration,
            first_needs_code=settings().first_account_needs_code,
        ),
        users=users(),
        sessions=sessions(),
        invites=invites(),
        attempts=Attempts(accounts(), clock()),
    )


def limits() -> "QuotaLimits":
    """What users may have and ask for who have no limits of their own."""
    from chalicelib.services.accounts.quotas import MANY_USERS, ONE_USER

    return MANY_USERS if settings().mode == "accounts" else ONE_USER


@part
def quotas() -> "Quotas":
    """What each user may have and ask for."""
    from chalicelib.services.accounts.quotas import Quotas
    from chalicelib.services.library.usage import Usage

    usage = Usage(documents(), index(), limits().storage())
    return Quotas(accounts(), users(), usage, clock(), limits())


@part
def request_rate() -> "RequestRate":
    """How much users ask for."""
    from chalicelib.services.accounts.request_rate import RequestRate

    return RequestRate(accounts(), quotas(), clock(), limits().requests_a_minute)


@part
def audit() -> "Audit":
    """What was done in accounts."""
    from chalicelib.services.accounts.audit import Audit

    return Audit(accounts(), clock())


@part
def service_keys() -> "ServiceKeys":
    """What programs show instead of a user."""
    from chalicelib.services.accounts.service_keys import ServiceKeys

    return ServiceKeys(accounts(), users(), tokens(), clock())


@part
def credentials() -> "Credentials":
    """What nodes need for services elsewhere."""
    from chalicelib.services.accounts.credentials import Credentials

    return Credentials(accounts(), users(), vault(), clock())


@part
def profile() -> "Profile":
    """Users' names and pictures."""
    from chalicelib.services.accounts.profile import Profile

    return Profile(
        accounts=accounts(),
        users=users(),
        documents=documents(),
        uploads=offered_uploads(),
        clock=clock(),
    )
