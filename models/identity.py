"""Proven identities: what a voter types → the one text that is hashed, and that the code goes to.

A code goes to the normalised address, never to the typed one: whoever reads that mailbox is the account. The rules of
aliases are in models/aliases.py. A change of them, or of what is done here, raises
`models.secrets.NORMALISATION_VERSION`: accounts would be others.
"""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email

from models.account import account_of
from models.aliases import one_mailbox
from models.event import Proof
from models.phone import looks_like_a_number, mobile_number
from models.secrets import KeyRing

Kind = Literal["email", "sms"]
"""How an identity is proven by a code."""

LONGEST = 254  # characters of an address (RFC 5321, 4.5.3.1.3)


class InvalidIdentityError(Exception):
    """What was typed is no identity of its kind."""


@dataclass(frozen=True)
class Proven:
    """An identity that was proven, and all that may be kept of it."""

    account: int
    proof: Proof
    hint: str
    """`n•••@example.vn`: enough for its owner to know it again."""
    domain: str
    """Domain of the address, first digits of the number, host of the OpenID issuer."""
    name: str = ""
    """The text before the @, for keyed n-grams; never kept itself. Empty where there is none."""


@dataclass(frozen=True)
class Identity:
    """A normalised identity. `address` is where its codes go; it is kept nowhere but in the outbox."""

    kind: Kind
    address: str

    def account(self, keys: KeyRing) -> int:
        return account_of(keys, self.kind, self.address)

    @property
    def masked(self) -> str:
        """`n•••@example.vn`, `09•• ••• 123`: enough for its owner to know it again."""
        if self.kind == "sms":
            return f"0{self.address[3]}•• ••• {self.address[-3:]}"
        local, _, domain = self.address.partition("@")
        return f"{local[0]}•••@{domain}"

    def proven(self, keys: KeyRing) -> Proven:
        """`domain` of a number: `+84` and the two digits that tell the carrier."""
        if self.kind == "sms":
            return Proven(self.account(keys), Proof.SMS, self.masked, self.address[:5])
        local, _, domain = self.address.partition("@")
        return Proven(self.account(keys), Proof.EMAIL, self.masked, domain, local)


def proven_by_oidc(keys: KeyRing, iss: str, sub: str, *, email: str, title: str) -> Proven:
    """The identity that an OpenID provider vouched for: issuer and subject (OpenID Connect Core 1.0, 2), never the
    address, which may be given to another person one day.

    `email`: one that the provider verified, or ""; `title`: what the provider is called, the hint without an address.
    The length before `iss` keeps `a` + `bc` and `ab` + `c` apart.
    """
    try:
        address = normalise("email", email).address if email else ""
    except InvalidIdentityError:
        address = ""
    local = address.partition("@")[0]
    hint = Identity("email", address).masked if address else title
    account = account_of(keys, "oidc", f"{len(iss)}:{iss}{sub}")
    return Proven(account, Proof.OIDC, hint, urlsplit(iss).hostname or "", local)


def kind_of(typed: str) -> Kind:
    """What `typed` is meant as, where a form has one field for both."""
    return "sms" if looks_like_a_number(typed) else "email"


def normalise(kind: Kind, typed: str) -> Identity:
    """The identity that `typed` means. Errors: InvalidIdentityError."""
    text = typed.strip()
    if len(text) > LONGEST:
        raise InvalidIdentityError(f"longer than {LONGEST} characters")
    if kind == "sms":
        number = mobile_number(text)
        if number is None:
            raise InvalidIdentityError("not a Vietnamese mobile number")
        return Identity("sms", number)
    return Identity("email", _mailbox(text))


def _mailbox(text: str) -> str:
    """The one spelling of an address. Errors: InvalidIdentityError."""
    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise InvalidIdentityError(str(error)) from None
    local, domain = found.local_part.lower(), found.ascii_domain.lower()
    if "=?" in local:
        raise InvalidIdentityError("an encoded word (RFC 2047): a header would decode it into another address")
    local, domain = one_mailbox(local, domain)
    if not local:
        raise InvalidIdentityError("nothing is left before the @")
    return f"{local}@{domain}"
