"""`quittance secrets`: a folder with every secret of an installation. What is there already stays as it is."""

import base64
import os
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click

from core.sealing import KEY_BYTES
from devtools.tls_files import new_key, self_signed

OURS = 10001
"""The user of our image."""
SERVERS = 999
"""The user and the group of the images of MongoDB and RabbitMQ."""

PROXY = 101
"""The user and the group of the image of nginx."""

GRAFANA = 472
"""The user of the image of Grafana."""


@dataclass(frozen=True)
class SecretFile:
    """One secret.

    text: makes it, from what other files hold.
    user, group, mode: who may read it, where this process may give files away.
    """

    text: Callable[[Path], str]
    user: int = OURS
    group: int = OURS
    mode: int = 0o400


def _random(_: Path) -> str:
    return secrets.token_hex(32)


def _data_key(folder: Path) -> str:
    """Empty for an installation that is there already: its store is not sealed, and would not fit."""
    return "" if (folder / "store_url").exists() else base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _broker_url(folder: Path) -> str:
    found = re.search(r"default_pass = (\S+)", (folder / "rabbitmq.conf").read_text())
    return f"amqp://quittance:{found[1] if found else ''}@rabbitmq:5672/%2F"


def _rabbitmq_conf(folder: Path) -> str:
    password = ""
    with suppress(FileNotFoundError):
        password = unquote(urlsplit((folder / "broker_url").read_text().strip()).password or "")
    return f"default_user = quittance\ndefault_pass = {password or secrets.token_hex(32)}\n"


def _store_url(folder: Path) -> str:
    password = (folder / "mongo_password").read_text().strip()
    return f"mongodb://quittance:{password}@mongo:27017/quittance?replicaSet=rs0&authSource=admin"


def _tls_certificate(folder: Path) -> str:
    return self_signed((folder / "tls_key").read_text())


FILES: Mapping[str, SecretFile] = {
    **{
        name: SecretFile(_random)
        for name in ("admin_token", "secret_key", "pin_pepper", "ussd_key", "ussd_africastalking_key")
    },
    **{name: SecretFile(_data_key) for name in ("data_keys", "data_index_key")},
    "rabbitmq.conf": SecretFile(_rabbitmq_conf, group=SERVERS, mode=0o440),
    "broker_url": SecretFile(_broker_url),
    "mongo_password": SecretFile(_random, group=SERVERS, mode=0o440),
    "mongo_keyfile": SecretFile(_random, SERVERS, SERVERS),  # mongod takes it from its own user only
    "store_url": SecretFile(_store_url),
    "grafana_password": SecretFile(_random, GRAFANA, 0),
    "tls_key": SecretFile(lambda _: new_key(), PROXY, PROXY),
    "tls_certificate": SecretFile(_tls_certificate, PROXY, PROXY),
}
"""In the order in which they are made: `store_url` comes after the keys, so that these are made for a new store."""


@click.command("secrets")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def make_secrets(folder: Path) -> None:
    """Make the secrets of an installation in a folder.

    They are random. A file that is there stays as it is. Only the process that needs a secret may read it. Docker
    Compose runs this at every start. Keep copies of `pin_pepper`, which can never be changed, and of `data_keys` and
    `data_index_key`: without them the store cannot be read. In a folder of an earlier release these two are empty.
    """
    try:
        made = make(folder)
    except OSError as error:
        raise click.ClickException(f"{folder} cannot be used: {error}") from None
    click.echo(f"made {', '.join(made)} in {folder}" if made else f"{folder} has all secrets")


def make(folder: Path) -> list[str]:
    """Returns the names of the files that it made. Raises OSError."""
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    made = []
    for name, secret in FILES.items():
        path = folder / name
        if not path.exists():
            _write(path, secret.text(folder))
            made.append(name)
        if os.geteuid() == 0:
            os.chown(path, secret.user, secret.group)
            path.chmod(secret.mode)
    return made


def _write(path: Path, text: str) -> None:
    """Writes a whole file or none: a secret that is cut off would be used."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
