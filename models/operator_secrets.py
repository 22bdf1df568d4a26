"""What only the operator knows or has: queries on the secret columns of `operators`. None of them leaves with an
`Operator`.
"""

from sqlalchemy import Connection, any_, func, literal, select, text, update

from models.operator import operators


def password_hash(connection: Connection, operator_id: int) -> str | None:
    """None where there is no such operator."""
    found: str | None = connection.scalar(select(operators.c.password_hash).where(operators.c.id == operator_id))
    return found


def set_password(connection: Connection, operator_id: int, hashed: str, *, given: bool) -> None:
    """`given`: somebody else knows it, so that it must be changed at the next login."""
    connection.execute(
        update(operators).where(operators.c.id == operator_id).values(password_hash=hashed, password_is_new=given)
    )


def keep_rehashed(connection: Connection, operator_id: int, old: str, new: str) -> None:
    """The same password under newer parameters; nothing where it was changed meanwhile."""
    connection.execute(
        update(operators)
        .where(operators.c.id == operator_id, operators.c.password_hash == old)
        .values(password_hash=new)
    )


def totp_secret(connection: Connection, operator_id: int) -> bytes | None:
    """Sealed (`models/second_factor.py`); None: not set up."""
    found: bytes | None = connection.scalar(select(operators.c.totp_secret).where(operators.c.id == operator_id))
    return found


def set_totp(connection: Connection, operator_id: int, sealed: bytes, step: int, digests: list[str]) -> None:
    """A second factor, in place of one that there was. `step`: of the code that confirmed it, which is used."""
    connection.execute(
        update(operators)
        .where(operators.c.id == operator_id)
        .values(totp_secret=sealed, totp_step=step, recovery_codes=digests)
    )


def remove_totp(connection: Connection, operator_id: int) -> None:
    """The second factor is taken away, its recovery codes too."""
    connection.execute(
        update(operators)
        .where(operators.c.id == operator_id)
        .values(totp_secret=None, totp_step=0, recovery_codes=text("'{}'"))
    )


def use_step(connection: Connection, operator_id: int, step: int) -> bool:
    """Whether no code of this step, or of a later one, has been used; then it is now."""
    result = connection.execute(
        update(operators)
        .where(operators.c.id == operator_id, operators.c.totp_secret.is_not(None), operators.c.totp_step < step)
        .values(totp_step=step)
    )
    return result.rowcount == 1


def set_recovery_codes(connection: Connection, operator_id: int, digests: list[str]) -> None:
    """In place of all that there were."""
    connection.execute(update(operators).where(operators.c.id == operator_id).values(recovery_codes=digests))


def use_recovery_code(connection: Connection, operator_id: int, digest: str) -> bool:
    """Whether the code was unused; then it is used."""
    result = connection.execute(
        update(operators)
        .where(operators.c.id == operator_id, literal(digest) == any_(operators.c.recovery_codes))
        .values(recovery_codes=func.array_remove(operators.c.recovery_codes, digest))
    )
    return result.rowcount == 1


def note_login(connection: Connection, operator_id: int) -> None:
    connection.execute(update(operators).where(operators.c.id == operator_id).values(logged_in_at=func.now()))
