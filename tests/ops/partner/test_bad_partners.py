"""Partners that break what an adapter relies on. The check has to call each of them unsafe."""

from dataclasses import replace

import pytest

from core.operators import OperatorSettings
from ops.partner.check import check
from ops.partner.life import live
from ops.partner.promise import Standing
from ops.partner.subject import Reached, Verdict
from tests.ops.partner.kit import URL, Partner, row, verdicts
from worker.partners.port import Confirmed, Declined, Mismatch, NotFound, Pending, Reply, Unavailable, Unknown

HTTP_200 = {"http": 200}


def test_a_partner_that_keeps_the_contract_is_safe() -> None:
    partner = Partner()

    report = check(partner.subject)

    assert not report.is_unsafe
    assert report.standing is Standing.IDEMPOTENT
    assert len(partner.debited) == 2


def test_without_a_record_a_repeat_of_a_pending_debit_stays_open_but_breaks_no_promise() -> None:
    report = check(Partner(approval_s=5).subject)

    assert verdicts(report)["repeat, when final"] is Verdict.OK
    assert verdicts(report)["repeat, at once"] is Verdict.UNKNOWN
    assert "5.00 s" in row(report, "final state").seen
    assert report.standing is Standing.IDEMPOTENT
    assert not report.is_unsafe


def test_a_partner_whose_debits_are_pending_first_and_repeated_is_unsafe() -> None:
    report = check(Partner(approval_s=5, idempotent=False).subject)

    assert verdicts(report)["repeat, when final"] is Verdict.UNSAFE
    assert report.standing is Standing.BY_OURS


def test_a_partner_that_is_not_idempotent_and_whose_status_lags_is_unsafe() -> None:
    partner = Partner(idempotent=False, lag_s=40)

    report = check(partner.subject)

    assert report.is_unsafe
    assert report.standing is Standing.BY_OURS
    assert report.window is not None
    assert report.window.seconds >= 80
    assert "40.00 s" in report.window.why
    found = verdicts(report)
    assert found["repeat, when final"] is found["repeat, at once"] is Verdict.UNSAFE
    assert found["another amount, same reference"] is Verdict.UNSAFE
    assert found["settle window"] is Verdict.UNSAFE
    assert "known to the status 40.00 s" in row(report, "status lag").seen
    assert len(partner.debited) == 5


def test_a_lag_matters_less_where_the_reference_protects() -> None:
    report = check(Partner(lag_s=40).subject)

    assert report.standing is Standing.IDEMPOTENT
    assert verdicts(report)["settle window"] is Verdict.CAREFUL
    assert not report.is_unsafe


def test_a_window_that_is_configured_long_enough_is_safe() -> None:
    subject = replace(Partner(lag_s=40).subject, operator=OperatorSettings("op", "generic", URL, settle_window_s=90))

    assert verdicts(check(subject))["settle window"] is Verdict.OK


def test_a_window_is_longer_than_the_timeout() -> None:
    subject = replace(Partner().subject, operator=OperatorSettings("op", "generic", URL, timeout_s=60))

    report = check(subject)

    assert report.window is not None
    assert report.window.seconds == 70


def test_a_status_that_never_knows_a_debit_is_unsafe() -> None:
    report = check(Partner(idempotent=False, lag_s=10_000).subject)

    assert verdicts(report)["status lag"] is Verdict.UNSAFE
    assert report.standing is Standing.UNRELIABLE
    assert report.window is not None
    assert "guess" in report.window.why


def test_a_status_that_denies_what_it_knew_is_unsafe() -> None:
    told: list[Reply] = [NotFound(), Pending(), NotFound(), Confirmed({"transaction_id": "TX0"})]

    report = check(Partner(idempotent=False, status=lambda nth, reply: (told + [reply] * 99)[nth - 1]).subject)

    assert verdicts(report)["status lag"] is Verdict.UNSAFE
    assert report.standing is Standing.UNRELIABLE


@pytest.mark.parametrize("reply", [Confirmed(), Declined("declined")])
def test_a_status_that_ends_what_was_never_sent_is_unsafe(reply: Reply) -> None:
    report = check(Partner(status=lambda nth, real: reply if nth == 1 else real).subject)

    assert verdicts(report)["a reference never sent"] is Verdict.UNSAFE


@pytest.mark.parametrize("reply", [Pending(), Mismatch("another amount")])
def test_a_status_that_does_not_deny_what_was_never_sent_leaves_it_to_a_person(reply: Reply) -> None:
    report = check(Partner(status=lambda nth, real: reply if nth == 1 else real).subject)

    assert verdicts(report)["a reference never sent"] is Verdict.CAREFUL


def test_a_final_state_of_another_amount_is_unsafe() -> None:
    report = check(Partner(status=lambda nth, real: Mismatch("another amount") if nth > 1 else real).subject)

    assert verdicts(report)["final state"] is Verdict.UNSAFE


def test_a_repeat_that_the_payer_could_not_pay_was_tried_again() -> None:
    broke = Declined("insufficient_funds", said=HTTP_200)

    report = check(Partner(answer=lambda nth, reply: reply if nth == 1 else broke).subject)

    assert verdicts(report)["repeat, when final"] is Verdict.UNSAFE
    assert report.standing is Standing.BY_OURS


def test_an_answer_without_any_id_leaves_a_repeat_open() -> None:
    report = check(Partner(answer=lambda nth, reply: Pending(said={"http": 202})).subject)

    assert verdicts(report)["repeat, when final"] is Verdict.UNKNOWN
    assert report.standing is Standing.BY_OURS


def test_a_record_counts_debits_that_no_answer_tells() -> None:
    partner = Partner(idempotent=False, answer=lambda nth, reply: Pending(said={"http": 202}))
    record = {"debits": [{"request_id": "another:debit"}]}

    def read() -> dict[str, list[dict[str, str]]]:
        return {"debits": [*record["debits"], *({"request_id": reference} for reference, _ in partner.debited)]}

    report = check(replace(partner.subject, record=read))

    assert verdicts(report)["repeat, when final"] is Verdict.UNSAFE
    assert "its record has 2 for the reference" in row(report, "repeat, when final").seen


def test_a_repeat_that_names_another_transaction_is_unsafe_whatever_the_status_shows() -> None:
    other = Confirmed({"transaction_id": "another"}, said=HTTP_200)

    report = check(Partner(answer=lambda nth, reply: reply if nth == 1 else other).subject)

    assert verdicts(report)["repeat, when final"] is Verdict.UNSAFE


def test_another_amount_that_replaces_the_first_is_unsafe() -> None:
    partner = Partner(
        answer=lambda nth, reply: Pending(said=HTTP_200) if nth > 1 else reply,
        status=lambda nth, reply: Mismatch("another amount") if nth > 5 and isinstance(reply, Confirmed) else reply,
    )

    assert verdicts(check(partner.subject))["another amount, same reference"] is Verdict.UNSAFE


def test_wrong_credentials_that_are_taken_are_unsafe_and_the_check_goes_on() -> None:
    partner = Partner()

    report = check(replace(partner.subject, wrong=partner))

    assert verdicts(report)["credentials"] is Verdict.UNSAFE
    assert verdicts(report)["debit"] is Verdict.OK


def test_a_client_certificate_alone_is_not_called_open() -> None:
    operator = OperatorSettings("op", "generic", URL, certificate="/etc/client.pem")

    assert verdicts(check(replace(Partner().subject, operator=operator)))["credentials"] is Verdict.UNKNOWN


def test_a_connection_without_tls_to_another_machine_is_careful() -> None:
    report = check(replace(Partner().subject, reach=lambda: Reached("TCP in 1 ms", plain=True)))

    assert verdicts(report)["connectivity"] is Verdict.CAREFUL


def test_a_partner_that_cannot_be_reached_is_asked_nothing() -> None:
    partner = Partner()

    report = check(replace(partner.subject, reach=lambda: Reached("no connection: refused", failed=True)))

    assert [each.name for each in report.rows] == ["connectivity"]
    assert report.is_unsafe
    assert partner.debited == []


@pytest.mark.parametrize(
    ("dialect", "skew_s", "verdict"),
    [
        ("generic", None, Verdict.UNKNOWN),
        ("generic", 60, Verdict.OK),
        ("generic", -61, Verdict.CAREFUL),
        ("generic", 301, Verdict.CAREFUL),
        ("gsma", 300, Verdict.CAREFUL),
        ("gsma", -301, Verdict.UNSAFE),
        ("daraja", 301, Verdict.UNSAFE),
    ],
)
def test_a_clock_that_is_wrong_matters_where_requests_carry_the_time(
    dialect: str, skew_s: float | None, verdict: Verdict
) -> None:
    operator = OperatorSettings("op", dialect, URL)
    subject = replace(Partner().subject, operator=operator, skew_s=lambda: skew_s)

    assert verdicts(check(subject))["clock"] is verdict


def test_an_answer_that_never_comes_is_waited_for_and_no_longer() -> None:
    partner = Partner(status=lambda nth, reply: Unknown("HTTP 500") if nth > 1 else reply)
    began = partner.clock.now()

    report = check(partner.subject)

    assert verdicts(report)["final state"] is Verdict.UNKNOWN
    assert 180 <= (partner.clock.now() - began).total_seconds() < 190


def test_what_was_surely_not_processed_is_sent_again_when_the_partner_says() -> None:
    partner = Partner(answer=lambda nth, reply: Unavailable("HTTP 429", 7) if nth == 1 else reply)
    subject = partner.subject
    began = partner.clock.now()

    life = live(subject, partner.debits, subject.demand("debit"))

    assert isinstance(life.final, Confirmed)
    assert (partner.clock.now() - began).total_seconds() == 7


def test_a_partner_that_takes_nothing_shows_no_promise() -> None:
    report = check(Partner(answer=lambda nth, reply: Unavailable("HTTP 503")).subject)

    assert verdicts(report)["debit"] is Verdict.UNKNOWN
    assert (report.standing, report.window) == (None, None)
