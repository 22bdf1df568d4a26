"""The ways that login codes go, as an installation has them set."""

from typing import NamedTuple

from models.identity import Kind
from models.mail import MailServer
from models.sms import SmsGateway


class Channels(NamedTuple):
    """`shown`: a demo without any, which shows its mails on a page instead of sending them."""

    mail: MailServer | None
    sms: SmsGateway | None
    shown: bool

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What a code can be sent to; empty where voters log in with OpenID Connect alone."""
        by_mail: tuple[Kind, ...] = ("email",) if self.mail or self.shown else ()
        return (*by_mail, "sms") if self.sms else by_mail
