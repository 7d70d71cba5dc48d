"""The sender of messages that the settings choose."""

from products.messages.contract import MessagesSettings
from worker.partners.sms.africastalking import AfricasTalkingSms
from worker.partners.sms.generic import HttpSms
from worker.partners.sms.infobip import InfobipSms
from worker.partners.sms.local import ConsoleSms, FileSms
from worker.partners.sms.orange import OrangeSms
from worker.partners.sms.port import SmsSender
from worker.products import WorkerServices

PARTNER = "sms"
"""The gateway's name in metrics and in `/readyz`, whichever it is."""


def sender_of(services: WorkerServices) -> SmsSender:
    settings = services.core.settings.of(MessagesSettings)
    match settings.sms_sender:
        case "console":
            return ConsoleSms()
        case "file":
            return FileSms(services.core.settings.var_dir / "sms.log")
        case _:
            return _gateway(settings, services)


def _gateway(settings: MessagesSettings, services: WorkerServices) -> SmsSender:
    http, breaker = services.partners.connect(PARTNER, settings.sms_url, HttpSms.REASONS)
    sender, repeats = settings.sms_from, settings.sms_repeat == "again"
    match settings.sms_sender:
        case "africastalking":
            user, key = settings.sms_user, settings.sms_key
            return AfricasTalkingSms(http, breaker, user=user, key=key, sender=sender, repeats=repeats)
        case "infobip":
            return InfobipSms(http, breaker, key=settings.sms_key, sender=sender)
        case "orange":
            return OrangeSms(
                http,
                breaker,
                services.core.clock,
                client_id=settings.sms_client_id,
                client_secret=settings.sms_client_secret,
                sender=sender,
                name=settings.sms_name,
                repeats=repeats,
            )
        case _:
            return HttpSms(http, breaker)
