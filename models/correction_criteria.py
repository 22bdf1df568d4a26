"""What a correction is about, and as SQL: which votes fulfil every criterion.

A network address alone says nothing about a person: carriers and schools share one. It counts only beside a criterion
that is about accounts, devices or a moment (`NARROWING`); an entry or a way of logging in is none of these.
"""

from datetime import datetime
from ipaddress import ip_network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from models.event import DEVICE_BYTES, MAX_ACCOUNT, MAX_ENTRY, MAX_RECEIPT, Proof
from models.network import parse_network, range_of

MOST_LISTED = 5_000
"""Accounts, receipts or entries that one correction may list."""
EVIDENCE = ("device", "network")
"""Criteria that tell of votes' evidence: erased when that is, and never in the audit log, which nothing erases."""

NARROWING = ("cluster", "accounts", "receipts", "cast_from", "cast_until", "device", "recovered", "minted")
"""Criteria beside which a network may stand."""


def _device(text: str) -> str:
    packed = bytes.fromhex(text.strip())
    if len(packed) != DEVICE_BYTES:
        raise ValueError(f"a device signature has {DEVICE_BYTES} bytes")
    return packed.hex()


Accounts = Annotated[list[Annotated[int, Field(ge=0, le=MAX_ACCOUNT)]], Field(max_length=MOST_LISTED)]
ReceiptNumbers = Annotated[list[Annotated[int, Field(ge=0, le=MAX_RECEIPT)]], Field(max_length=MOST_LISTED)]
Entries = Annotated[list[Annotated[int, Field(ge=1, le=MAX_ENTRY)]], Field(max_length=MOST_LISTED)]


class Criteria(BaseModel):
    """All that are given must hold. `receipts`: numbers of genuine ones; `device`: 16 hex digits; `network`: CIDR;
    `erased`: which of EVIDENCE was given and is no longer kept: the votes are known, what they had in common is not.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cluster: int | None = None
    accounts: Accounts = []
    receipts: ReceiptNumbers = []
    entries: Entries = []
    cast_from: datetime | None = None
    cast_until: datetime | None = None
    """The first moment that is too late."""
    proofs: list[Proof] = []
    device: Annotated[str, AfterValidator(_device)] | None = None
    network: Annotated[str, AfterValidator(parse_network)] | None = None
    recovered: bool = False
    minted: bool = False
    erased: list[Literal["device", "network"]] = []

    @property
    def given(self) -> set[str]:
        """Names of the criteria that say something."""
        return {name for name in type(self).model_fields if getattr(self, name) not in (None, [], False)}

    @property
    def network_alone(self) -> bool:
        """Whether a network stands without a criterion that narrows it."""
        return self.network is not None and not self.given & set(NARROWING)

    def stored(self) -> dict[str, Any]:
        """JSON, with nothing that was not given. Account numbers are text: JavaScript's numbers are too short."""
        found = self.model_dump(mode="json", include=self.given)
        return found | ({"accounts": [str(account) for account in self.accounts]} if self.accounts else {})


def without_evidence(stored: dict[str, Any]) -> dict[str, Any]:
    """Stored criteria as the audit log has them: of EVIDENCE only that it was given."""
    return {name: True if name in EVIDENCE else value for name, value in stored.items()}


_SQL = {
    "cluster": "(v.account_id, v.entry_id) IN (SELECT m.account_id, c.entry_id FROM cluster_accounts m"
    " JOIN clusters c ON c.id = m.cluster_id WHERE c.id = :cluster)",
    "accounts": "v.account_id = ANY(CAST(:accounts AS bigint[]))",
    "receipts": "v.receipt = ANY(CAST(:receipts AS bigint[]))",
    "entries": "v.entry_id = ANY(CAST(:entries AS integer[]))",
    "cast_from": "v.cast_at >= :cast_from",
    "cast_until": "v.cast_at < :cast_until",
    "proofs": "v.proof = ANY(CAST(:proofs AS smallint[]))",
    "device": "substring(v.evidence FROM 1 FOR 8) = :device",
    "network": "octet_length(v.evidence) = :octets AND substring(v.evidence FROM 9) BETWEEN :low AND :high",
    "recovered": "v.recovered_at IS NOT NULL",
    "minted": "v.proof = :minted",
}


def where(criteria: Criteria) -> tuple[str, dict[str, Any]]:
    """The criteria as SQL about a row `v` of `votes`, and its parameters. No vote fulfils what is half erased."""
    given = criteria.given
    if criteria.erased:
        return "false", {}
    values: dict[str, Any] = {name: getattr(criteria, name) for name in given}
    if "proofs" in given:
        values["proofs"] = [int(proof) for proof in criteria.proofs]
    if criteria.device is not None:
        values["device"] = bytes.fromhex(criteria.device)
    if criteria.network is not None:
        values |= range_of(ip_network(values.pop("network")))._asdict()
    if criteria.minted:
        values["minted"] = int(Proof.MINTED)
    values.pop("recovered", None)
    return " AND ".join(_SQL[name] for name in _SQL if name in given) or "false", values
