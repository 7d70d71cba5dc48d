from core.log import redact


def test_phone_numbers_are_masked_and_ids_are_not() -> None:
    event = {
        "event": "debit of +2250707000001",
        "operation": "01a1fb22-dc39-7581-9e9b-3e8998654697",
        "n": 2250707000001,
    }
    redacted = redact(None, "", event)
    assert "0707000001" not in str(redacted["event"])
    assert redacted["operation"] == "01a1fb22-dc39-7581-9e9b-3e8998654697"


def test_tokens_and_keys_are_masked() -> None:
    event = {"event": "who is eyJhbGciOi.eyJzdWIi.c2ln-bmF0_dXJl, or qtk_a-b_c?", "path": "/v1/keyJam.a.b"}
    assert redact(None, "", event) == {"event": "who is eyJh***, or qtk_***?", "path": "/v1/keyJam.a.b"}
