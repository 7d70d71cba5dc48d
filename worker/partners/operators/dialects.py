"""The adapter of each dialect, by name."""

from collections.abc import Callable, Mapping

from core.clock import Clock
from core.operators import OperatorSettings
from worker.partners.http import PartnerHttp
from worker.partners.operators.airtel import Airtel
from worker.partners.operators.daraja import Daraja
from worker.partners.operators.generic import Generic
from worker.partners.operators.gsma import Gsma
from worker.partners.operators.mtn import Mtn
from worker.partners.operators.mvola import Mvola
from worker.partners.operators.orange_cm import OrangeCm
from worker.partners.operators.orange_webpay import OrangeWebPay
from worker.partners.operators.port import Dialect
from worker.partners.operators.wave import Wave

Adapter = Callable[[OperatorSettings, PartnerHttp, Clock], Dialect]

ADAPTERS: Mapping[str, Adapter] = {
    "generic": lambda operator, http, clock: Generic(http),
    "mtn": Mtn,
    "gsma": Gsma,
    "mvola": Mvola,
    "airtel": Airtel,
    "orange-cm": OrangeCm,
    "orange-webpay": OrangeWebPay,
    "daraja": Daraja,
    "wave": Wave,
}
