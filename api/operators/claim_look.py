"""Whose vote a claim is about, and what is known of it: by what came with the claim, or by what an operator types.

What is typed is hashed at once; it stands in no address, no log and no table.
"""

from dataclasses import dataclass

from api.operators.console import Console
from api.operators.language import N_
from api.voters.personal import LETTERS, tidy
from models.claim_inbox import Filed
from models.contest import Contest
from models.finding import Finding, account_of_receipt, find_account
from models.identity import InvalidIdentityError, kind_of, normalise
from models.receipt import Receipts


@dataclass(frozen=True)
class Looked:
    """What was found for a claim. `by`: how the account is known; empty where it is not."""

    finding: Finding | None
    by: str = ""
    entry_id: int | None = None
    receipt: bool = False
    sure: bool = True


def look_at(console: Console, contest: Contest, claim: Filed) -> Looked:
    """By what came with the claim: the receipt first, then the session's account."""
    receipts = Receipts(console.keys, contest.id)
    if claim.receipt is not None:
        by_receipt = _by_receipt(console, contest, receipts, claim.receipt)
        if by_receipt.finding or claim.account_id is None:
            return by_receipt
    if claim.account_id is not None:
        finding = find_account(console.engine, console.box, contest, receipts, claim.account_id)
        return Looked(finding, "session", claim.entry_id)
    return Looked(None)


def _by_receipt(console: Console, contest: Contest, receipts: Receipts, number: int) -> Looked:
    owner, sure = account_of_receipt(console.engine, console.box, contest, receipts, number)
    if owner is None:
        return Looked(None, "receipt", receipt=True, sure=sure)
    account, entry = owner
    finding = find_account(console.engine, console.box, contest, receipts, account)
    return Looked(finding, "receipt", entry, receipt=True)


def receipt_in(typed: str) -> str:
    """The letters of what looks like a receipt, also with words before it; empty for an identity or a number."""
    letters = "" if "@" in typed else tidy(typed)
    return letters if len(letters) == LETTERS else ""


def look_for(console: Console, contest: Contest, claim: Filed, typed: str) -> tuple[Looked | None, str]:
    """By what the operator typed: a receipt, an address or a number; else the fault, marked."""
    receipts = Receipts(console.keys, contest.id)
    letters = receipt_in(typed)
    if letters:
        number = receipts.parse(letters)
        if number is None:
            return None, N_("Đây không phải mã phiếu của cuộc thi này: có ký tự sai, hoặc mã được bịa ra.")
        return _by_receipt(console, contest, receipts, number), ""
    try:
        identity = normalise(kind_of(typed), typed)
    except InvalidIdentityError:
        return None, N_("Hãy nhập mã phiếu (20 ký tự), địa chỉ email, hoặc số điện thoại di động Việt Nam.")
    account = identity.account(console.keys)
    finding = find_account(console.engine, console.box, contest, receipts, account)
    return Looked(finding, identity.kind, claim.entry_id), ""
