"""The formats of USSD gateways, a file for each. `/ussd/`."""

from api.ussd.gateways import africastalking, hubtel, infobip, nalo, plain
from api.ussd.gateways.common import blueprint

__all__ = ["africastalking", "blueprint", "hubtel", "infobip", "nalo", "plain"]
