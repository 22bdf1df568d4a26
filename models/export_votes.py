"""The votes of a contest as a CSV file without a trace of who cast them: accounts under pseudonyms, no evidence, no
receipt. The same ledger gives the same bytes, so that the minutes can name the file by its digest.

A pseudonym is SHA-256 of a key of the contest and the account's number, cut to 128 bits: within one contest the same
account has the same one, and without the key nothing leads back. The key reaches PostgreSQL as a setting of the
transaction, never as part of a statement, which a log may keep.
"""

import hashlib
from collections.abc import Callable

from models.database import Engine
from models.event import Proof
from models.export_cells import safe_sql
from models.export_stream import Export, Query
from models.secrets import KeyRing

KEY = "binhchon.pseudonym_key"

_PROOFS = " ".join(f"WHEN {proof.value} THEN '{proof.name.lower()}'" for proof in Proof)
_SELECT = f"""
WITH pseudonym AS MATERIALIZED (SELECT decode(current_setting('{KEY}'), 'hex') AS key)
SELECT encode(substr(sha256(pseudonym.key || int8send(v.account_id)), 1, 16), 'hex') AS "Tài khoản (ẩn danh)",
  v.entry_id AS "Mã bài dự thi",
  to_char(v.cast_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "Thời điểm (UTC)",
  CASE v.proof {_PROOFS} END AS "Cách đăng nhập",
  CASE WHEN v.voided_at IS NULL THEN 'hợp lệ' ELSE 'bị loại' END AS "Trạng thái",
  {safe_sql("v.void_reason")} AS "Lý do loại",
  CASE WHEN v.recovered_at IS NOT NULL THEN 'có' END AS "Khôi phục"
FROM votes v CROSS JOIN pseudonym
WHERE v.entry_id IN (SELECT id FROM entries WHERE contest_id = %(contest_id)s)
ORDER BY v.account_id, v.entry_id
"""  # noqa: S608 - constants of this program


def votes_query(keys: KeyRing, contest_id: int) -> Query:
    """For `Export`."""
    return _SELECT, {"contest_id": contest_id}, {KEY: keys.derived(f"pseudonym {contest_id}").hex()}


def digest_votes(
    engine: Engine, keys: KeyRing, contest_id: int, progress: Callable[[int], object] = lambda _rows: None
) -> tuple[str, int]:
    """SHA-256 of the whole file, 64 hex digits, and its number of votes. Errors: LedgerAway."""
    digest = hashlib.sha256()
    with Export(engine, votes_query(keys, contest_id)) as export:
        while chunk := export.read():
            digest.update(chunk)
            progress(export.rows)
        return digest.hexdigest(), export.rows
