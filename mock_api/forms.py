"""The forms of the partners' calls: every field is required, no other is accepted, and each has a pattern."""

import re
from collections.abc import Mapping

ID = re.compile(r"[!-~]{1,200}")
MSISDN = re.compile(r"\+[1-9][0-9]{6,14}")
AMOUNT = re.compile(r"(?=.*[1-9])[0-9]{1,15}(\.[0-9]{1,4})?")
PRICE = re.compile(r"[0-9]{1,15}(\.[0-9]{1,4})?")
CURRENCY = re.compile(r"[A-Z]{3}")
TEXT = re.compile(r".{0,500}", re.DOTALL)
PAID = re.compile(r"PAYEE")
MESSAGE_TEXT = re.compile(r".{1,1000}", re.DOTALL)
# Without unpaired surrogates: they cannot be stored.
USERNAME = re.compile(r"[^\ud800-\udfff]{1,200}")

DEBIT = {"request_id": ID, "msisdn": MSISDN, "amount": AMOUNT, "currency": CURRENCY, "reason": TEXT}
REFUND = {"request_id": ID, "debit_request_id": ID, "msisdn": MSISDN, "amount": AMOUNT, "currency": CURRENCY}
CHARGE = {"request_id": ID, "appointment_id": ID, "amount": PRICE, "currency": CURRENCY}
CHECK = {"request_id": ID, "username": USERNAME}
MESSAGE = {"request_id": ID, "to": MSISDN, "text": MESSAGE_TEXT}
REOPENING = {"request_id": ID, "payment_id": ID}
SETTLEMENT = {"request_id": ID, "statut": PAID, "payment_id": ID, "amount": AMOUNT}


class BadForm(ValueError):
    """The body of a call cannot be used; the message says why."""


def read_form(body: object, form: Mapping[str, re.Pattern[str]]) -> dict[str, str]:
    """Returns the fields of `form` in `body`, all of them texts.

    body: the parsed JSON.
    Raises BadForm.
    """
    if not isinstance(body, dict):
        raise BadForm("send a JSON object")
    if missing := [name for name in form if name not in body]:
        raise BadForm(f"missing: {', '.join(missing)}")
    if unknown := [name for name in body if name not in form]:
        raise BadForm(f"unknown: {', '.join(unknown)}")
    for name, shape in form.items():
        if not (isinstance(body[name], str) and shape.fullmatch(body[name])):
            raise BadForm(f"{name} must match {shape.pattern}")
    return {name: body[name] for name in form}
