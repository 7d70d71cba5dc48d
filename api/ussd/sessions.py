"""USSD sessions, one for each phone: the caller's place in the menus, the last screen, and which inputs were processed.

A step is processed once: the first save wins, and every other delivery of it gets the saved answer.
Before a PIN is looked at, the step is claimed, so that no wrong one counts twice.
"""

import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from flask import current_app

from api.ussd.dialogue import BACK, MORE, TOP, Place, Shown, show, step
from api.ussd.menu import FIRST, REGISTER, Menus
from api.ussd.screen import Ask, Talk
from core.bootstrap import Core
from core.clock import from_rfc3339, to_rfc3339
from core.errors import Conflict, Duplicate
from core.identity.pins import Pins
from core.ids import new_id
from core.notices.languages import DEFAULT
from core.notices.outcome import concerns_phone, outcome
from core.operation import Operation
from core.secrets import derived_keys
from core.store.port import OPERATIONS, USSD_SESSIONS, Document
from core.upcasts import USSD_SESSION, latest, upcast

RESUME_S = 120
"""A caller who redials within this time is asked whether to resume."""
CLAIM_S = 5
"""How long a claimed step may take. Then its process counts as dead, and the next delivery processes it."""
RETRIED_S = 3
"""A person needs longer to read a screen and type a PIN: an earlier input is the previous step, delivered again."""
LOOK_AGAIN_S, MAX_LOOKS = 0.05, 20
"""While another delivery of the step has claimed it: one second in all, which is the time a screen may take."""
KEY_PURPOSE = "quittance: inputs of USSD sessions"
MAX_NEWS = 3
"""The most outcomes that the next dial shows."""


@dataclass(frozen=True)
class Delivery:
    """One message of a gateway.

    session: the gateway's own id, after the gateway's name.
    msisdn: E.164.
    number: which input of the session this is, 0 for the dial; None where the gateway does not number its inputs.
        Without numbers, the same input again counts as a repetition if it would be wrong as a new one.
    """

    session: str
    msisdn: str
    text: str
    number: int | None = None

    @property
    def gateway(self) -> str:
        return self.session.partition(":")[0]


@dataclass(frozen=True)
class Answer:
    message: str
    over: bool


@dataclass(frozen=True)
class Sessions:
    """keys: hide what was typed in what is stored; the first is used, and all are understood. sleep: takes seconds."""

    core: Core
    pins: Pins
    menus: Menus
    keys: Sequence[str]
    sleep: Callable[[float], None] = time.sleep

    def answer(self, delivery: Delivery) -> Answer:
        """The next screen. Raises StoreUnavailable."""
        seen: int | None = None
        for _ in range(MAX_LOOKS):
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

    def end(self, delivery: Delivery) -> Answer:
        """Closes a session that the gateway has ended: what still comes of it has no effect. A new dial may resume it.

        While a step is processed, the session is left to it. Raises StoreUnavailable.
        """
        known = self._load(delivery)
        if known is not None and known["session"] == delivery.session and not self._claimed(known):
            with suppress(Conflict):  # a step was faster, and nobody answers its screen
                self.core.store.replace(USSD_SESSIONS, {**known, "closed": True})
        return Answer(self._talk(delivery, Place(FIRST), "").say("Session over."), over=True)

    def _taken(self, known: Document | None, delivery: Delivery) -> Answer:
        now = self.core.clock.now()
        closed = known is None or known["session"] != delivery.session or known["over"] or known.get("closed")
        if known is None or closed or self._expired(known, now):
            return self._dialled(known, delivery, now)
        place, resume = _place(known["place"]), known["resume"]
        talk = self._talk(delivery, place, f"{known['dial']}:{known['steps']}")
        if talk.person is not None and talk.person.suspended:
            shown = Shown(talk.say("Not possible."), None)
        elif resume:
            shown = self._resumed(talk, place, delivery.text.strip())
        else:
            if self._is_secret(place.screen):
                known = self.core.store.replace(USSD_SESSIONS, {**known, "claimed_at": to_rfc3339(now)})
            shown = step(talk, place, delivery.text)
        if shown.wrong and delivery.number is None and self._same_input(known, delivery):
            shown = replace(shown, message=known["message"])
        still_asks = resume and shown.wrong
        return self._save(known, delivery, shown, resume=still_asks, steps=known["steps"] + 1)

    def _dialled(self, known: Document | None, delivery: Delivery, now: datetime) -> Answer:
        """The first screen of a session, or the one of the main menu that it asks for at once.

        A question, when the last session broke off a moment ago.
        """
        lost = bool(delivery.text.strip()) and not delivery.text.startswith("*")
        fresh: Document = {
            "id": self._id(delivery),
            "schema": latest(USSD_SESSION),
            "session": delivery.session,
            "dial": new_id(),
            "follows": known["follows"] if known else [],
        }
        if known is not None:
            fresh["version"] = known["version"]
        talk = self._talk(delivery, Place(FIRST), f"{fresh['dial']}:dial")
        if talk.person is not None and talk.person.suspended:
            return self._save(fresh, delivery, Shown(talk.say("Not possible."), None))
        if talk.person is None or not talk.person.has_pin:
            return self._save(fresh, delivery, show(talk, Place(REGISTER)))
        if known is not None and not lost and self._broken_off(known, now):
            place = _place(known["place"])
            return self._save(fresh, delivery, Shown(_resume_question(talk), place), resume=True)
        if lost and _begins(known, delivery):
            chosen = step(talk, Place(FIRST), delivery.text)
            if not chosen.wrong:
                return self._save(fresh, delivery, chosen)
        news, fresh["follows"] = self._news(fresh["follows"], talk.language)
        error = talk.say("Session over.") if lost else ""
        place = Place(FIRST, data={"news": news})
        return self._save(fresh, delivery, show(replace(talk, data=place.data), place, error))

    def _resumed(self, talk: Talk, place: Place, typed: str) -> Shown:
        if typed == "1":
            return show(talk, place)
        if typed in ("2", BACK, TOP):
            return show(replace(talk, data={}), Place(FIRST))
        return Shown(f"{talk.say('No such choice.')}\n{_resume_question(talk)}", place, wrong=True)

    def _save(
        self, known: Document, delivery: Delivery, shown: Shown, resume: bool = False, steps: int | None = None
    ) -> Answer:
        number = delivery.number if delivery.number is not None else steps or 0
        new = [shown.follows] if shown.follows else []
        saved: Document = {
            **known,
            "steps": number,
            "place": asdict(shown.place) if shown.place else None,
            "over": shown.place is None,
            "resume": resume,
            "message": shown.message,
            "last": _mark(self.keys[0], delivery),
            "last_on": None if known.get("resume") else _spot(known.get("place")),
            "claimed_at": None,
            "follows": list(dict.fromkeys([*known["follows"], *new]))[-MAX_NEWS:],
            "at": to_rfc3339(self.core.clock.now()),
        }
        write = self.core.store.replace if "version" in saved else self.core.store.insert
        write(USSD_SESSIONS, saved)
        return Answer(shown.message, saved["over"])

    def _repeated(self, known: Document, delivery: Delivery) -> Answer | None:
        """The saved answer of a step that was processed before. Input mistyped twice gets the same answer, too."""
        if known["session"] != delivery.session:
            return None
        if known.get("closed"):
            return None if delivery.number == 0 else Answer(known["message"], over=True)
        if delivery.number is not None:
            dials_anew = known["over"] and delivery.number == 0  # a gateway that uses the ids of sessions again
            seen = delivery.number <= known["steps"] and not dials_anew
        else:
            stays = known["over"] or known["last_on"] == _spot(known["place"]) or self._no_pin_yet(known)
            seen = stays and self._same_input(known, delivery)
        return Answer(known["message"], known["over"]) if seen else None

    def _no_pin_yet(self, known: Document) -> bool:
        """Whether the PIN screen was shown just now: an amount delivered again must not count as a wrong PIN."""
        just_now = self.core.clock.now() - from_rfc3339(known["at"]) < timedelta(seconds=RETRIED_S)
        secret = self._is_secret(known["place"]["screen"]) and not (
            known["last_on"] and self._is_secret(known["last_on"][0])
        )
        return bool(just_now and secret)

    def _news(self, ids: list[str], language: str) -> tuple[list[str], list[str]]:
        """The outcomes of earlier operations in lines, and the ids of those that have not ended."""
        found = (self.core.store.get(OPERATIONS, id) for id in ids)
        read = [Operation.from_document(document) for document in found if document]
        operations = [operation for operation in read if concerns_phone(operation)]
        lines = [outcome(operation, language) for operation in operations]
        return lines, [operation.id for operation in operations if not operation.terminal]

    def _talk(self, delivery: Delivery, place: Place, key: str) -> Talk:
        person = self.core.people.of_phone(delivery.msisdn)
        language = place.data.get("language") or (person and person.language) or DEFAULT
        return Talk(
            self.core,
            self.pins,
            self.menus.screens,
            delivery.msisdn,
            person,
            str(language),
            place.data,
            key,
            delivery.gateway,
        )

    def _load(self, delivery: Delivery) -> Document | None:
        document = self.core.store.get(USSD_SESSIONS, self._id(delivery))
        return dict(upcast(USSD_SESSION, document)) if document else None

    def _claimed(self, known: Document) -> bool:
        claimed_at = known["claimed_at"]
        return claimed_at is not None and self.core.clock.now() < from_rfc3339(claimed_at) + timedelta(seconds=CLAIM_S)

    def _expired(self, known: Document, now: datetime) -> bool:
        gone = known["place"]["screen"] not in self.menus.screens  # since a release without it
        return gone or now - from_rfc3339(known["at"]) > timedelta(seconds=self.core.settings.ussd_session_s)

    def _broken_off(self, known: Document, now: datetime) -> bool:
        """Whether the caller was in the middle of something. Screens that only show something ask for nothing."""
        if known["over"] or now - from_rfc3339(known["at"]) > timedelta(seconds=RESUME_S):
            return False
        screen = self.menus.screens.get(known["place"]["screen"])
        return screen is not None and screen.name != FIRST and bool(screen.leads and known["place"]["behind"])

    def _is_secret(self, screen: str) -> bool:
        found = self.menus.screens.get(screen)
        return isinstance(found, Ask) and found.secret

    def _id(self, delivery: Delivery) -> str:
        return hashlib.sha256(delivery.msisdn.encode()).hexdigest()

    def _same_input(self, known: Document, delivery: Delivery) -> bool:
        """Whether the last input was this one, whichever of the keys it was saved with."""
        return known["last"] in [_mark(key, delivery) for key in self.keys]


def _mark(key: str, delivery: Delivery) -> str:
    """A keyed hash of the input, which may be a PIN."""
    return hmac.new(key.encode(), f"{delivery.session}\n{delivery.text}".encode(), "sha256").hexdigest()


def _begins(known: Document | None, delivery: Delivery) -> bool:
    """Whether this is the first input of a session, which chooses from the main menu without having seen it."""
    new = known is None or known["session"] != delivery.session
    choice = delivery.text.strip() not in (BACK, TOP, MORE)
    return new and choice and (delivery.number is None or delivery.number <= 1)


def _resume_question(talk: Talk) -> str:
    return f"{talk.say('Go on where you were?')}\n1 {talk.say('Yes')}\n2 {talk.say('No')}"


def _place(document: Document) -> Place:
    return Place(document["screen"], tuple(document["behind"]), document["data"], document["page"])


def _spot(place: Document | None) -> list[object] | None:
    """The screen and page that the caller sees."""
    return [place["screen"], place["page"]] if place else None


def session_keys(secrets: Sequence[str], pepper: str) -> tuple[str, ...]:
    """The keys of Sessions. Earlier releases used the pepper of PINs: what they saved a moment ago is understood."""
    return (*derived_keys(secrets, KEY_PURPOSE), pepper)


def sessions() -> Sessions:
    """The app's sessions."""
    found: Sessions = current_app.extensions["ussd"]
    return found
