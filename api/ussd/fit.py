"""What fits on a screen: 160 octets, which are 182 characters of GSM-7 or 80 of UCS-2 (3GPP TS 23.038)."""

from collections.abc import Sequence

from gsm0338 import Codec

from core.notices.languages import is_gsm7

GSM7, UCS2 = 182, 80
MORE = "#"

_CODEC = Codec()


def length(text: str) -> int:
    """The length in septets, or in UCS-2 characters if one character is not in GSM-7; `limit` is in the same unit."""
    return len(_CODEC.encode(text)[0]) if is_gsm7(text) else len(text.encode("utf-16-be")) // 2


def limit(text: str) -> int:
    return GSM7 if is_gsm7(text) else UCS2


def fits_screen(text: str) -> bool:
    return length(text) <= limit(text)


def short(text: str, most: int) -> str:
    """A name cut to `most` characters."""
    return text if len(text) <= most else f"{text[: most - 1]}."


def pages(lines: Sequence[str], more: str) -> list[str]:
    """The lines in pages that fit on a screen. more: the label of the key `#`, which turns the page."""
    found: list[str] = []
    page: list[str] = []
    for index, line in enumerate(lines):
        turn = [f"{MORE} {more}"] if index < len(lines) - 1 else []
        if page and not fits_screen("\n".join([*page, line, *turn])):
            found.append("\n".join([*page, f"{MORE} {more}"]))
            page = []
        page.append(line)
    return [*found, "\n".join(page)]
