"""Texts that others wrote, such as a partner's words, as a terminal may show them."""

from rich.text import Text


def literal(written: object) -> Text:
    """The text as it is: nothing in it is markup, a colour, or a command of the terminal."""
    return Text("".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in str(written)))
