"""Sending e-mail to operators. Each is an operation, so none is lost, and nobody waits for the server."""

from collections.abc import Sequence
from typing import Protocol

from core.operation import Operation
from products.messages.contract import EMAIL, SEND_STEP, MailSettings
from worker.partners.breaker import Breaker
from worker.partners.mail import WITHIN_S, SmtpMail
from worker.partners.port import Declined, Reply
from worker.process import AFTER_MONEY_S, REPEATABLE, REQUIRED, Process, Step
from worker.products import WorkerServices

PARTNER = "mail"
"""The server's name in metrics and in `/readyz`."""
SPARE_S = 1
AT_ONCE = 2


def email_of(services: WorkerServices) -> Process:
    """The process of e-mails, through the server that the settings name."""
    core = services.core
    settings = core.settings.of(MailSettings)
    mail = SmtpMail(settings.smtp_url, settings.mail_from, core.clock) if settings.smtp_url else None
    return email(mail, Breaker(PARTNER, core.clock, AT_ONCE, core.partner_health.report))


class Mail(Protocol):
    """Sends e-mail."""

    def send(self, reference: str, to: Sequence[str], subject: str, text: str) -> Reply: ...


def email(mail: Mail | None, breaker: Breaker) -> Process:
    """mail: None where no server is configured any more."""

    def send(operation: Operation) -> Reply:
        request = EMAIL.read(operation)
        if mail is None:
            return Declined("no_mail_server", called=False)
        return mail.send(operation.reference(SEND_STEP), request.to, request.subject, request.text)

    # Repeatable: an operator who reads a notice twice is better off than one who does not get it.
    sending = Step(
        SEND_STEP,
        "sending the e-mail",
        submit=send,
        recovery=REPEATABLE,
        breaker=breaker,
        obligation=REQUIRED.within(AFTER_MONEY_S),
    )
    return Process(EMAIL.kind, lambda _: ((sending,),), WITHIN_S + SPARE_S)
