"""The caller's account: change the PIN or the language."""

from api.ussd.common import ask, check_pin, languages, read_again, read_language, read_new_pin
from api.ussd.screen import END, Ask, End, Entry, Go, Menu, Option, Talk, text


def _options(talk: Talk) -> list[Option]:
    return [
        Option(talk.say("Change PIN"), Go("account.pin")),
        Option(talk.say("Language"), Go("account.language")),
    ]


def _proven(talk: Talk, typed: str) -> dict[str, object]:
    check_pin(talk, typed)
    return {}


def _changed(talk: Talk, typed: str) -> End:
    talk.core.credentials.set_pin(talk.me.id, read_again(talk, typed))
    return End(talk.say("PIN changed."))


def _language(talk: Talk, typed: str) -> Go:
    language = read_language(talk, typed)
    talk.core.people.set_language(talk.me.id, language)
    return Go("main", {"language": language})


SCREENS = (
    Menu("account", text("My account"), _options, ("account.pin", "account.language")),
    ask("account.pin", text("PIN:"), _proven, "account.new", secret=True),
    ask("account.new", text("New PIN:"), read_new_pin, "account.again", secret=True),
    Ask("account.again", text("The PIN again:"), _changed, (END,), secret=True),
    Ask("account.language", lambda _: languages(), _language, ("main",)),
)

ENTRY = Entry(80, "My account", "account", SCREENS)
