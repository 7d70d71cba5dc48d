"""Events: stored, and then published whatever happens."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from environs import validate

from core.contract import Contract, Door, Effect, EffectKind, Record, Request, StatusEvents
from core.environment import Env
from core.operation import Operation, Status
from core.steps import StepState

SCOPE_PUBLISH, SCOPE_READ, SCOPE_ALL = "events:publish", "events:read", "events:all"
"""What a machine's key has to be good for: to publish, to read its own events, and with SCOPE_READ those of others too.
A key is good for the topics that its patterns match."""
PUBLISH_STEP = "publish"
PUBLISHED = EffectKind("event", "events published", Record.NONE)


@dataclass(frozen=True)
class EventRequest(Request):
    """topic: solution, model, action; data: JSON text; headers: by name; replay_of: the event that it repeats."""

    topic: tuple[str, ...]
    data: str
    headers: Mapping[str, str]
    replay_of: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "topic": list(self.topic), "headers": dict(self.headers)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(tuple(document["topic"]), document["data"], document["headers"], document["replay_of"])


def event_uid(operation: Operation) -> str:
    """The id of the event that this operation publishes, or publishes again."""
    return EVENT.read(operation).replay_of or operation.id


def is_published(operation: Operation) -> bool:
    return operation.step(PUBLISH_STEP).state is StepState.DONE


def effects(operation: Operation) -> Iterator[Effect]:
    """That it was published; no partner keeps a record of that."""
    if is_published(operation):
        yield Effect(PUBLISHED, operation.reference(PUBLISH_STEP))


@dataclass(frozen=True)
class EventsSettings:
    """new_topics_per_hour: how many topics one machine may begin within an hour."""

    new_topics_per_hour: int

    @classmethod
    def read(cls, env: Env) -> Self:
        most = env.int("NEW_TOPICS_PER_HOUR", 20, validate=validate.Range(1, 1_000_000))
        return cls(most or 1)


EVENT = Contract(
    "event",
    EventRequest,
    frozenset({Door.HTTP}),
    (PUBLISHED,),
    effects,
    status_events=StatusEvents("event", "/api/event/{id}", names={Status.SUCCEEDED: "published"}),
)
CONTRACTS = (EVENT,)
SETTINGS = (EventsSettings,)
SCOPES = (SCOPE_PUBLISH, SCOPE_READ, SCOPE_ALL)
