"""Airtel's key for PINs: RSA with PKCS#1 v1.5 (RFC 8017, section 7.2.2). Everybody knows the sandbox's private half."""

import base64
import binascii

P = int(
    "c22037cb32307dfe99a0e37799c317ff392d3e1e7f1f0a1fd4da98a2a9781157c096063dfaea6be76cc78c6235824bca"
    "96fadc2a83e2416fc23b5c7e261a7b244b7c16cbdcae15bc1ce087507b645138f7a2ad4e17a372e63d33a4e8caa163d4"
    "5cbef72ffa98fdde4e95d4b4206497a7c6a34c08a65d9dd60233c4b7581938a7",
    16,
)
Q = int(
    "c1140e542cedded726e0b4b0d5efaa98ce402b7892ea10421239c3b295c2be890d5996882a9d4651939c6052e23d4abd"
    "9c1e0da3d1ab3f97a1aa0c89289d5ee1dd0f3c74eb2e45ae96deaf42da4b49e257197a06291d650a42ff9a0f88637df6"
    "67390d66c4be2fc97e796abb4dfb7f8f41396202af1f99809996a6f342e604f5",
    16,
)
MODULUS, EXPONENT = P * Q, 65537
BYTES = 256
PUBLIC_KEY = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAkml/ciRn0JeTLZs3e3KlEChz1lvHS3CN8cOQ36SbhgKhemX6jdG0"
    "5PxUEn7q8ORE/9AbkJtFaUNeyBtSBkfh3PXnB4G6FlnlH8vE5p80KOpItOwvKLsFvaQXznOOakI+3uhxkN1BJuXGhkMeMcoZ"
    "W8Hyn10+C8rb0+X3wZrtEB/wkuMR+dE/u3jvYjaxaBBb0YY5wlwCAlRQg7FF8JmivR/s8omUYsPbsnDJl4ISqk6W80/U6YIK"
    "5Q9QucK1liDZnG0pPHVnGIXNpRSC7bMV7tMfBtGU9oirMXrl8VC5Hgbh27/VrojW642Ommd3yT/Dwf+Lj01fKl7nlNigqQ/T"
    "0wIDAQAB"
)
"""The public half, in base64 as on Airtel's portal."""


def opened(text: str) -> str | None:
    """Returns the PIN in an encrypted text; None where it is not encrypted so, or is no PIN.

    text: base64.
    """
    try:
        sealed = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    number = int.from_bytes(sealed)
    if len(sealed) != BYTES or number >= MODULUS:
        return None
    block = pow(number, pow(EXPONENT, -1, (P - 1) * (Q - 1)), MODULUS).to_bytes(BYTES)
    padding, zero, pin = block[2:].partition(b"\0")
    well_formed = block[:2] == b"\0\2" and len(padding) >= 8 and zero
    return pin.decode() if well_formed and len(pin) == 4 and pin.isdigit() else None
