"""The own password, asked for again in the middle of a session: an unlocked screen must not be enough."""

import time

from api.operators.access import Acting
from api.operators.console import Console
from api.operators.language import N_
from api.operators.login import SHUT
from models.operator_secrets import password_hash
from models.password import fits
from models.scratch import operator_attempts as attempts

_MISSING = N_("Hãy nhập mật khẩu hiện tại của bạn.")
_WRONG = N_("Mật khẩu hiện tại không đúng.")


def password_fault(console: Console, acting: Acting) -> str:
    """What is wrong with the form's field `password`; "" if it is the operator's. To be called in `a_place()`.

    Tries are counted for the operator, apart from those at login: nobody outside can use them up.
    """
    typed, who = acting.secret("password"), str(acting.operator.operator_id)
    if not typed:
        return acting.say(_MISSING)
    tried = attempts.take(console.scratch, console.keys, attempts.OWN, who, time.time())
    if tried.wait_s:
        return acting.say(SHUT, seconds=tried.wait_s)
    with console.ledger() as connection:
        kept = password_hash(connection, acting.operator.operator_id)
    if not fits(kept, typed):
        return acting.say(_WRONG)
    attempts.clear(console.scratch, console.keys, attempts.OWN, who)
    return ""
