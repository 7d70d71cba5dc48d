"""The names of calls and of scripted answers: which call can get which answer."""

DEFERRABLE = ("debit", "refund", "settle", "reopen", "charge", "sms", "payout")
"""Calls with an effect."""
MONEY = ("debit", "refund", "payout")
READS = ("request", "lookup", "fine", "verify", "blacklist", "token", "account", "expire")
CALLBACK = "callback"
CALLS = (*DEFERRABLE, *READS, CALLBACK)
WITHOUT_ID = ("lookup", "verify", "blacklist", "token", "account", "expire")

TIMEOUTS = ("504-lost", "504-done", "504-late")
STATUSES = ("400", "404", "409", "429", "500", "503")
GARBLED = ("html", "truncated", "wrong-id", "reset", "hang")
OUTCOMES = ("ok", "pending", "failed")
TOKEN_EXPIRED = "token-expired"
EXPIRED, STATUS_LAGS = "expired", "status-lags"
AMBIGUOUS, UNREACHABLE, REASON_OBJECT = "ambiguous", "unreachable", "reason-object"
POLL_LIMIT, SYNCHRONOUS = "poll-limit", "synchronous"

OF_CALLS = {
    "pending": DEFERRABLE,
    "failed": DEFERRABLE,
    EXPIRED: MONEY,
    STATUS_LAGS: MONEY,
    AMBIGUOUS: ("debit",),
    UNREACHABLE: ("debit",),
    POLL_LIMIT: ("debit",),
    SYNCHRONOUS: MONEY,
    REASON_OBJECT: ("request",),
}
"""Answers to some calls only."""
OF_DIALECTS = {
    AMBIGUOUS: ("airtel",),
    UNREACHABLE: ("daraja",),
    POLL_LIMIT: ("gsma",),
    SYNCHRONOUS: ("gsma",),
    REASON_OBJECT: ("mtn",),
}
"""Answers that one dialect has; the others treat them as "ok"."""
ANSWERS = (
    *OUTCOMES,
    *TIMEOUTS,
    *STATUSES,
    *GARBLED,
    TOKEN_EXPIRED,
    *(name for name in OF_CALLS if name not in OUTCOMES),
)

EARLY, FORGED = "early", "forged"
AT_ONCE = (EARLY, FORGED)
"""Faults of callbacks that are decided when the order is accepted."""
SENDING = ("twice", "late", "never", "wrong-amount", "wrong-id", "unknown-operation", "huge")
"""Faults of callbacks that are decided when they are sent."""
CALLBACK_ANSWERS = (*AT_ONCE, *SENDING)

CARRIED_OUT = {*OUTCOMES, "504-done", "truncated", "wrong-id", *OF_CALLS}
"""Answers whose call is carried out, unless a scripted rule says otherwise."""
DIALECTS = ("mtn", "gsma", "mvola", "airtel", "orange_cm", "orange_webpay", "daraja", "wave")
