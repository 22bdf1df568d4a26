"""The identity of an OpenID provider that an operator has linked: a keyed digest of issuer and subject."""

import hashlib

from sqlalchemy import Connection, select, update

from models.operator import Operator, find_operator, operators
from models.secrets import KeyRing


def openid_digest(keys: KeyRing, iss: str, sub: str) -> str:
    """What is kept of the identity. The length before `iss` keeps `a` + `bc` and `ab` + `c` apart."""
    key = keys.derived("operator openid")
    return hashlib.blake2b(f"{len(iss)}:{iss}{sub}".encode(), key=key, digest_size=16).hexdigest()


def operator_with_openid(connection: Connection, digest: str) -> Operator | None:
    """Who has linked the identity."""
    found = connection.scalar(select(operators.c.id).where(operators.c.openid == digest))
    return find_operator(connection, found) if found is not None else None


def set_openid(connection: Connection, operator_id: int, digest: str | None) -> bool:
    """Links the identity, in place of one that there was; None links none. Returns False for one that another has."""
    taken = select(operators.c.id).where(operators.c.openid == digest, operators.c.id != operator_id)
    if digest is not None and connection.execute(taken).first() is not None:
        return False
    connection.execute(update(operators).where(operators.c.id == operator_id).values(openid=digest))
    return True
