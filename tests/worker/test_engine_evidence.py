"""The engine keeps what partners said, and does not call one that only callbacks can speak for."""

from datetime import timedelta

from core.operation import Status
from core.steps import FIRST_CALLS, LAST_CALLS
from core.store.port import Store
from tests.doubles import START, FakeClock, ScriptedPartner, engine, insert, load, process, step
from worker.partners.breaker import Breaker
from worker.partners.port import Confirmed, Unknown
from worker.process import Unaskable


def test_what_the_partner_said_is_kept_with_each_call_and_its_times(store: Store, clock: FakeClock) -> None:
    said = {"http": 504, "body": "no answer for 0707000001"}
    partner = ScriptedPartner(Unknown("HTTP 504", said=said), Confirmed({"id": "T"}, said={"http": 200, "body": "ok"}))
    insert(store, request={"msisdn": "+2250707000001"})
    worker = engine(store, clock, process((step("debit", partner),)))
    worker.advance("op-1")
    clock.tick(2)
    worker.advance("op-1")
    first, second = load(store).step("debit").calls
    assert (first.verb, first.reply, first.at) == ("submit", "unknown", START)
    assert first.said == {"http": 504, "body": "no answer for ********01"}
    assert (second.verb, second.reply, second.at) == ("enquire", "confirmed", START + timedelta(seconds=2))


def test_the_first_and_the_last_calls_of_a_long_doubt_are_kept(store: Store, clock: FakeClock) -> None:
    replies = [Unknown("HTTP 504", said={"http": 504, "body": str(number)}) for number in range(20)]
    insert(store)
    worker = engine(store, clock, process((step("debit", ScriptedPartner(*replies)),)))
    for _ in replies:
        worker.advance("op-1")
        clock.tick(1000)
    kept = [int(call.said["body"]) for call in load(store).step("debit").calls]
    assert kept == [*range(FIRST_CALLS), *range(20 - LAST_CALLS, 20)]


def test_an_outcome_that_only_callbacks_know_is_not_asked_of_the_partner(store: Store, clock: FakeClock) -> None:
    partner = ScriptedPartner(Unknown("HTTP 504"), Unknown("no callback yet"), Confirmed({"receipt": "R"}))
    breaker = Breaker("operator", clock, 1)
    silent = step("push", partner, recovery=Unaskable(partner.hear("push")), breaker=breaker)
    insert(store)
    worker = engine(store, clock, process((silent,)))
    worker.advance("op-1")
    for _ in range(2):
        breaker.try_acquire()  # the partner takes no more calls: that is no reason not to look at callbacks
        clock.tick(10)
        worker.advance("op-1")
        breaker.release(None, clock.now())
    assert partner.asked == [("submit", "push"), ("hear", "push"), ("hear", "push")]
    assert load(store).status is Status.SUCCEEDED
