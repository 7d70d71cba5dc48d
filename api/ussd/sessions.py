"""Sessions, one a phone: where somebody is, what he was last shown, and whether what comes in has been taken before.

A step is taken once: whoever saves first has taken it, and everybody else who brings it gets the answer that was saved.
Before a PIN is looked at, the step is claimed, so that no wrong one counts twice.
"""

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from api.ussd.dialogue import Place, Shown, show, step
from api.ussd.menu import FIRST, REGISTER, SCREENS
from api.ussd.screen import Ask, Talk
from core.bootstrap import Core
from core.clock import from_text, to_text
from core.errors import Conflict, Duplicate
from core.ids import new_id
from core.languages import DEFAULT
from core.operation import Operation
from core.outcomes import outcome
from core.people import People
from core.pins import Pins
from core.store.port import OPERATIONS, USSD_SESSIONS, Document

RESUME_S = 120
"""Who dials again so soon is asked whether to go on where he was."""
CLAIM_S = 5
"""How long a claimed step may take; then its process is thought dead, and the next delivery takes it."""
RETRIED_S = 3
"""Nobody reads a screen and types a PIN so soon: what comes then is the step before, delivered again."""
LOOK_AGAIN_S, LOOKS = 0.05, 20
"""At a step that another delivery of it has claimed: a second, which is as long as a screen may take."""
NEWS = 3
"""Outcomes that the next dial tells at most."""


@dataclass(frozen=True)
class Delivery:
    """What a gateway brings. session: the gateway's own id with its name; msisdn: E.164.

    number: which input of the session this is, 0 for the dial; None where the gateway does not tell. Then the same
    again is a repetition when it would be wrong as something new.
    """

    session: str
    msisdn: str
    text: str
    number: int | None = None


@dataclass(frozen=True)
class Answer:
    message: str
    over: bool


@dataclass(frozen=True)
class Sessions:
    """secret: with which is hidden what was typed; sleep: takes seconds."""

    core: Core
    people: People
    pins: Pins
    secret: str
    sleep: Callable[[float], None] = time.sleep

    def answer(self, delivery: Delivery) -> Answer:
        """What is shown next. Raises StoreUnavailable."""
        seen: int | None = None
        for _ in range(LOOKS):
            known = self._load(delivery)
            if known is not None and (before := self._repeated(known, delivery)):
                return before
            if known is not None and self._claimed(known):
                seen = known["version"]
                self.sleep(LOOK_AGAIN_S)
                continue
            if known is not None and seen not in (None, known["version"]) and known["session"] == delivery.session:
                return Answer(known["message"], known["over"])  # another step was faster: this is where it led
            try:
                return self._taken(known, delivery)
            except (Conflict, Duplicate):
                seen = known["version"] if known else 0
        return Answer(self._talk(delivery, Place(FIRST), "").say("One moment. Try again."), over=False)

    def _taken(self, known: Document | None, delivery: Delivery) -> Answer:
        now = self.core.clock.now()
        if known is None or known["session"] != delivery.session or known["over"] or self._expired(known, now):
            return self._dialled(known, delivery, now)
        place, resume = _place(known["place"]), known["resume"]
        talk = self._talk(delivery, place, f"{known['dial']}:{known['steps']}")
        if talk.person is not None and talk.person.suspended:
            shown = Shown(talk.say("Not possible."), None)
        elif resume:
            shown = self._resumed(talk, place, delivery.text.strip())
        else:
            if _is_secret(place.screen):
                known = self.core.store.replace(USSD_SESSIONS, {**known, "claimed_at": to_text(now)})
            shown = step(talk, place, delivery.text)
        if shown.wrong and delivery.number is None and known["last"] == self._mark(delivery):
            shown = replace(shown, message=known["message"])
        still_asks = resume and shown.wrong
        return self._save(known, delivery, shown, resume=still_asks, steps=known["steps"] + 1)

    def _dialled(self, known: Document | None, delivery: Delivery, now: datetime) -> Answer:
        """The first screen of a session; or a question, when the last one broke off a moment ago."""
        lost = bool(delivery.text.strip()) and not delivery.text.startswith("*")
        fresh: Document = {
            "id": self._id(delivery),
            "session": delivery.session,
            "dial": new_id(),
            "tells": known["tells"] if known else [],
        }
        if known is not None:
            fresh["version"] = known["version"]
        talk = self._talk(delivery, Place(FIRST), "")
        if talk.person is not None and talk.person.suspended:
            return self._save(fresh, delivery, Shown(talk.say("Not possible."), None))
        if talk.person is None or not talk.person.has_pin:
            return self._save(fresh, delivery, show(talk, Place(REGISTER)))
        if known is not None and not lost and self._broken_off(known, now):
            place = _place(known["place"])
            return self._save(fresh, delivery, Shown(_resume_question(talk), place), resume=True)
        news, fresh["tells"] = self._news(fresh["tells"], talk.language)
        error = talk.say("Session over.") if lost else ""
        place = Place(FIRST, data={"news": news})
        return self._save(fresh, delivery, show(replace(talk, data=place.data), place, error))

    def _resumed(self, talk: Talk, place: Place, typed: str) -> Shown:
        if typed == "1":
            return show(talk, place)
        if typed == "2":
            return show(replace(talk, data={}), Place(FIRST))
        return Shown(f"{talk.say('No such choice.')}\n{_resume_question(talk)}", place, wrong=True)

    def _save(
        self, known: Document, delivery: Delivery, shown: Shown, resume: bool = False, steps: int | None = None
    ) -> Answer:
        number = delivery.number if delivery.number is not None else steps or 0
        saved: Document = {
            **known,
            "steps": number,
            "place": asdict(shown.place) if shown.place else None,
            "over": shown.place is None,
            "resume": resume,
            "message": shown.message,
            "last": self._mark(delivery),
            "last_on": None if known.get("resume") else _spot(known.get("place")),
            "claimed_at": None,
            "tells": list(dict.fromkeys([*known["tells"], *([shown.tells] if shown.tells else [])]))[-NEWS:],
            "at": to_text(self.core.clock.now()),
        }
        write = self.core.store.replace if "version" in saved else self.core.store.insert
        write(USSD_SESSIONS, saved)
        return Answer(shown.message, saved["over"])

    def _repeated(self, known: Document, delivery: Delivery) -> Answer | None:
        """The answer of a step that was taken before. What was mistyped twice on purpose gets the same answer, too."""
        if known["session"] != delivery.session:
            return None
        if delivery.number is not None:
            dials_anew = known["over"] and delivery.number == 0  # a gateway that uses the ids of sessions again
            seen = delivery.number <= known["steps"] and not dials_anew
        else:
            stays = known["over"] or known["last_on"] == _spot(known["place"]) or self._no_pin_yet(known)
            seen = stays and known["last"] == self._mark(delivery)
        return Answer(known["message"], known["over"]) if seen else None

    def _no_pin_yet(self, known: Document) -> bool:
        """Whether a PIN was asked for just now: an amount that comes again so soon is none, and not to be counted."""
        just_now = self.core.clock.now() - from_text(known["at"]) < timedelta(seconds=RETRIED_S)
        asked = _is_secret(known["place"]["screen"]) and not (known["last_on"] and _is_secret(known["last_on"][0]))
        return bool(just_now and asked)

    def _news(self, ids: list[str], language: str) -> tuple[list[str], list[str]]:
        """How what was asked for stands, in lines; and of what it is still to be told."""
        found = (self.core.store.get(OPERATIONS, id) for id in ids)
        operations = [Operation.from_document(document) for document in found if document and document["tell"]]
        lines = [outcome(operation, language) for operation in operations]
        return lines, [operation.id for operation in operations if not operation.terminal]

    def _talk(self, delivery: Delivery, place: Place, key: str) -> Talk:
        person = self.people.of_phone(delivery.msisdn)
        language = place.data.get("language") or (person and person.language) or DEFAULT
        return Talk(self.core, self.people, self.pins, delivery.msisdn, person, str(language), place.data, key)

    def _load(self, delivery: Delivery) -> Document | None:
        return self.core.store.get(USSD_SESSIONS, self._id(delivery))

    def _claimed(self, known: Document) -> bool:
        claimed_at = known["claimed_at"]
        return claimed_at is not None and self.core.clock.now() < from_text(claimed_at) + timedelta(seconds=CLAIM_S)

    def _expired(self, known: Document, now: datetime) -> bool:
        gone = known["place"]["screen"] not in SCREENS  # since a release without it
        return gone or now - from_text(known["at"]) > timedelta(seconds=self.core.settings.ussd_session_s)

    def _broken_off(self, known: Document, now: datetime) -> bool:
        live = not known["over"] and now - from_text(known["at"]) <= timedelta(seconds=RESUME_S)
        return bool(live and known["place"]["screen"] in SCREENS.keys() - {FIRST} and known["place"]["behind"])

    def _id(self, delivery: Delivery) -> str:
        return hashlib.sha256(delivery.msisdn.encode()).hexdigest()

    def _mark(self, delivery: Delivery) -> str:
        """Of what was typed, which may be a PIN."""
        return hmac.new(self.secret.encode(), f"{delivery.session}\n{delivery.text}".encode(), "sha256").hexdigest()


def _resume_question(talk: Talk) -> str:
    return f"{talk.say('Go on where you were?')}\n1 {talk.say('Yes')}\n2 {talk.say('No')}"


def _place(document: Document) -> Place:
    return Place(document["screen"], tuple(document["behind"]), document["data"], document["page"])


def _spot(place: Document | None) -> list[object] | None:
    """What somebody sees of where he is: another page is another spot."""
    return [place["screen"], place["page"]] if place else None


def _is_secret(screen: str) -> bool:
    found = SCREENS.get(screen)
    return isinstance(found, Ask) and found.secret
