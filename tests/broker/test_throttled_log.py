"""Warnings that may come in thousands."""

from structlog.testing import capture_logs

from core.broker.throttle import ThrottledLog


def test_a_repeated_event_is_logged_now_and_then_with_the_number_left_out() -> None:
    now_s = 0.0
    throttled = ThrottledLog(every_s=10, clock_s=lambda: now_s)

    with capture_logs() as logged:
        for id in ("first", "second", "third"):
            throttled.warning("ring_dropped", id=id)
        throttled.warning("ring_refused", id="other")
        now_s = 10.0
        throttled.warning("ring_dropped", id="fourth")

    assert [(line["event"], line["id"], line["left_out"]) for line in logged] == [
        ("ring_dropped", "first", 0),
        ("ring_refused", "other", 0),
        ("ring_dropped", "fourth", 2),
    ]
