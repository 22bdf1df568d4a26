"""Every key of the ballot box, spelled here and nowhere else. None expires and none may be evicted.

| key              | type   | what                                                              |
|------------------|--------|-------------------------------------------------------------------|
| `contests`       | hash   | slug → contest id, so that an API finds its contest without a ledger |
| `{c}:site`       | string | the published contest and entries, one versioned JSON document    |
| `{c.s}:contest`  | hash   | see below; missing = not ready: no function does anything         |
| `{c.s}:shut`     | hash   | the contest hash while a repair has it away; `repair`: its token  |
| `{c.s}:entries`  | set    | ids of the entries that may be voted for                          |
| `{c.s}:ballot:A` | set    | ids of the entries that account A voted for: the deduplication    |
| `{c.s}:tally`    | hash   | entry id → votes counted                                          |
| `{c.s}:voided`   | set    | `A:E`, votes taken out of the count                               |
| `{c.s}:blocked`  | set    | accounts that may not vote                                        |
| `{c.s}:log`      | stream | every event in order, packed (`models/event.py`), one field `e`   |

`c` is the contest's id, `s` the shard: `account % S`. The braces are a hash tag: the keys of one shard stay together
on a cluster, and one function call may touch them all.

| field of `contest`      | what                                                                         |
|-------------------------|------------------------------------------------------------------------------|
| `state`                 | `open`, `paused`, `closed`, `final`                                          |
| `opens_at`, `closes_at` | ms since 1970, UTC; `closes_at` is the first moment that is too late         |
| `version`               | of the operators' decisions; only a greater one is taken                     |
| `epoch`                 | which life of the box and its log this is; a repair begins a new one         |
| `shards`                | S                                                                            |
| `key`                   | fingerprint of the identity key and the normalisation rules                  |
| `sessions_from`         | ms since 1970: sessions issued before it are over                            |
| `stops`                 | how often voting was stopped on the box alone                                |
| `turn`                  | of the latest run of a correction: an earlier one voids and restores no more |
"""

from dataclasses import dataclass
from functools import lru_cache

CONTESTS = "contests"


@dataclass(frozen=True)
class ShardKeys:
    """The keys of one shard of one contest."""

    contest: str
    shut: str
    entries: str
    ballot: str
    """Prefix of the accounts' ballots."""
    tally: str
    voided: str
    blocked: str
    log: str

    def all(self) -> tuple[str, ...]:
        """KEYS of every function of `ballot_box.lua`, in its order."""
        return (
            self.contest,
            self.shut,
            self.entries,
            self.ballot,
            self.tally,
            self.voided,
            self.blocked,
            self.log,
        )


@lru_cache(maxsize=1024)
def shard_keys(contest_id: int, shard: int) -> ShardKeys:
    tag = f"{{{contest_id}.{shard}}}:"
    return ShardKeys(
        contest=tag + "contest",
        shut=tag + "shut",
        entries=tag + "entries",
        ballot=tag + "ballot:",
        tally=tag + "tally",
        voided=tag + "voided",
        blocked=tag + "blocked",
        log=tag + "log",
    )


def site_key(contest_id: int) -> str:
    return f"{{{contest_id}}}:site"
