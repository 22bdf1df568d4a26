"""The two lists that operators keep for the signals: throw-away domains beside the shipped ones, and networks that are
known to be honest (a school, an office, a carrier: many people behind few addresses).
"""

from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network

from sqlalchemy import Column, Connection, DateTime, Table, Text, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from models.database import metadata
from models.disposable import domains_of
from models.network import Network

MOST_DOMAINS = 5_000
MOST_NETWORKS = 200
"""Each vote's address is compared with every one of them."""

disposable_domains = Table(
    "disposable_domains",
    metadata,
    Column("domain", Text, primary_key=True, comment="in the form that addresses are normalised to"),
    Column("note", Text, nullable=False, server_default=""),
    Column("added_by", Text, nullable=False),
    Column("added_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

honest_networks = Table(
    "honest_networks",
    metadata,
    Column("network", Text, primary_key=True, comment="CIDR, host bits zero"),
    Column("note", Text, nullable=False, comment="whose it is"),
    Column("added_by", Text, nullable=False),
    Column("added_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)


class InvalidItemError(ValueError):
    """What was typed is no domain that may be on the list."""


@dataclass(frozen=True)
class Item:
    """One line of a list."""

    name: str
    note: str
    added_by: str
    added_at: datetime


def parse_domains(text: str) -> list[str]:
    """Domains one a line or with commas between. Errors: InvalidItemError, with the line that is none."""
    found: list[str] = []
    for part in text.replace("\n", ",").split(","):
        try:
            found += sorted(domains_of(part))
        except ValueError:
            raise InvalidItemError(part.strip()[:100]) from None
    return list(dict.fromkeys(found))


def domains(connection: Connection) -> list[Item]:
    rows = connection.execute(select(disposable_domains).order_by(disposable_domains.c.domain))
    return [Item(*row) for row in rows]


def networks(connection: Connection) -> list[Item]:
    return [Item(*row) for row in connection.execute(select(honest_networks).order_by(honest_networks.c.network))]


def honest(connection: Connection) -> list[Network]:
    return [ip_network(name) for name in connection.scalars(select(honest_networks.c.network))]


def add_domains(connection: Connection, names: list[str], note: str, by: str) -> int:
    """Returns how many were new."""
    if not names:
        return 0
    rows = [{"domain": name, "note": note, "added_by": by} for name in names]
    query = insert(disposable_domains).on_conflict_do_nothing().returning(disposable_domains.c.domain)
    return len(connection.scalars(query, rows).all())


def remove_domain(connection: Connection, name: str) -> bool:
    return connection.execute(delete(disposable_domains).where(disposable_domains.c.domain == name)).rowcount == 1


def add_network(connection: Connection, network: str, note: str, by: str) -> bool:
    """False where it is on the list already."""
    query = insert(honest_networks).values(network=network, note=note, added_by=by).on_conflict_do_nothing()
    return connection.scalar(query.returning(honest_networks.c.network)) is not None


def remove_network(connection: Connection, network: str) -> bool:
    return connection.execute(delete(honest_networks).where(honest_networks.c.network == network)).rowcount == 1
