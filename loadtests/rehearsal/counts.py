"""The names of what is counted in each second, and times in buckets, so that those of all processes can be added.

| name                   | what                                                                                   |
|------------------------|----------------------------------------------------------------------------------------|
| `sent.<what>`          | requests; what: `vote`, `page`, `asset`, `api`, `login`, `bot`                         |
| `status.<what>.<n>`    | answers by status; 0: the connection broke, or no answer came within 10 s              |
| `ms.<what>.<bucket>`   | answers below 500 by how long they took                                                |
| `code.<code>`          | refusals of votes by their code                                                        |
| `ack`                  | votes acknowledged for the first time in this process                                  |
| `wait.<bucket>`        | from the first press until the receipt, repeats included                               |
| `late.<bucket>`        | how much later than its moment a voter came: the generator was busy                    |
| `come.<kind>`          | who came                                                                               |
| `login.done`, `login.failed` | real logins                                                                      |
| `error`                | a fault of the rehearsal's own programs                                                |
"""

import math
from collections import Counter
from collections.abc import Iterable

_LEAST_MS, _STEP = 0.1, 1.05
_LOG_STEP = math.log(_STEP)


def bucket(ms: float) -> int:
    """The bucket of a time; each is 5 % wider than the one before."""
    return max(0, math.ceil(math.log(max(ms, _LEAST_MS) / _LEAST_MS) / _LOG_STEP))


def upper_ms(number: int) -> float:
    """The longest time in a bucket."""
    return float(_LEAST_MS * _STEP**number)


def total(counts: Counter[str], *prefixes: str) -> int:
    return sum(number for name, number in counts.items() if name.startswith(prefixes))


def percentile(counts: Counter[str], prefix: str, share: float) -> float | None:
    """The time, in ms, within which `share` of what begins with `prefix` was; to 5 %. None where there is nothing."""
    buckets = sorted((int(name[len(prefix) :]), n) for name, n in counts.items() if name.startswith(prefix))
    left = share * sum(number for _, number in buckets)
    for number, found in buckets:
        left -= found
        if left <= 0:
            return upper_ms(number)
    return None


def merged(seconds: Iterable[Counter[str]]) -> Counter[str]:
    together: Counter[str] = Counter()
    for counts in seconds:
        together.update(counts)
    return together
