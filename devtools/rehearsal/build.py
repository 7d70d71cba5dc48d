"""`python -m devtools.rehearsal.build <home>`: builds every image, with an engine in the machine's own network."""

import sys
from pathlib import Path

from devtools.rehearsal.engine import Engine, environment
from devtools.rehearsal.images import import_base
from devtools.rehearsal.pages import StepFailed, paste
from devtools.servers import ServerMissing


def build(home: Path) -> None:
    """Imports the base image and builds what the Compose file builds. Raises ServerMissing, StepFailed."""
    with Engine(home, "host"):
        import_base(home / "base.tar", environment(home))
        paste("docker compose build", home / "tree", environment(home))


if __name__ == "__main__":
    try:
        build(Path(sys.argv[1]))
    except (ServerMissing, StepFailed) as failure:
        sys.exit(f"the images were not built: {failure}")
