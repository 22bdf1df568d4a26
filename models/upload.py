"""Uploads: files that operators hand in for a task (a spreadsheet), kept in the ledger so that any machine's worker can
read them. They are erased when the task no longer needs them, at the latest after KEEP.
"""

from datetime import timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Identity,
    LargeBinary,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
)

from models.database import metadata

KEEP = timedelta(days=1)
MOST_BYTES = 500 * 1024**2
"""All that is kept at once: votes share the ledger's disk."""

uploads = Table(
    "uploads",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False, comment="as the operator's machine called it"),
    Column("content", LargeBinary, nullable=False),
    Column("uploaded_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)


def keep_upload(connection: Connection, name: str, content: bytes) -> int:
    """Returns its id. What is older than KEEP goes."""
    connection.execute(delete(uploads).where(uploads.c.uploaded_at < func.now() - KEEP))
    upload_id: int = connection.execute(
        insert(uploads).values(name=name, content=content).returning(uploads.c.id)
    ).scalar_one()
    return upload_id


def is_full(connection: Connection) -> bool:
    """Whether as much is kept as may be."""
    sizes = select(func.sum(func.octet_length(uploads.c.content)))  # for which no content is read
    return int(connection.scalar(sizes.where(uploads.c.uploaded_at >= func.now() - KEEP)) or 0) >= MOST_BYTES


def read_upload(connection: Connection, upload_id: int) -> tuple[str, bytes] | None:
    """(name, content); None for one that is not there any more."""
    row = connection.execute(select(uploads.c.name, uploads.c.content).where(uploads.c.id == upload_id)).first()
    return (row.name, row.content) if row else None


def drop_upload(connection: Connection, upload_id: int) -> None:
    connection.execute(delete(uploads).where(uploads.c.id == upload_id))
