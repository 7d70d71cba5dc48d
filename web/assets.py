"""The files of pages: style, script and picture, small on the way, and kept by browsers until they change."""

import gzip
import mimetypes
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

STATIC = Path(__file__).parent / "static"
SERVED = (".css", ".js", ".svg")
DIGEST_CHARS = 12


class Asset(NamedTuple):
    """content: as it is; packed: by gzip."""

    content: bytes
    packed: bytes
    type: str
    digest: str


class Assets:
    """The files of a folder, read once."""

    def __init__(self, folder: Path = STATIC) -> None:
        self._found = {path.name: _read(path) for path in sorted(folder.iterdir()) if path.suffix in SERVED}

    def get(self, digest: str, name: str) -> Asset | None:
        """The file; None if there is none of this name with this digest."""
        found = self._found.get(name)
        return found if found is not None and found.digest == digest else None

    def url(self, name: str) -> str:
        """The path of a file. Another content has another path."""
        return f"/static/{self._found[name].digest}/{name}"


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    digest = sha256(content).hexdigest()[:DIGEST_CHARS]
    return Asset(content, gzip.compress(content, 9, mtime=0), kind, digest)
