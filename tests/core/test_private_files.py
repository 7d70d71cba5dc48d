"""State on disk is for its owner only, also what an earlier release made for everybody."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.bootstrap import bootstrap
from core.broker.port import Message
from core.private_files import make_private_folder, tighten
from core.secrets import pin_pepper, signing_secrets
from tests.api.kit import SETTINGS, body, build
from worker.partners.sms.local import FileSms


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def run(folder: Path) -> dict[str, int]:
    """Does what leaves something on disk. Returns the modes of what is in the folder while all of it is open."""
    url = f"sqlite:///{folder / 'quittance.sqlite'}"
    settings = replace(SETTINGS, var_dir=folder, store_url=url, secret_key="", pin_pepper="")
    core = bootstrap(settings)
    try:
        assert build(core.store).post(body()).status_code == 202
        _ = signing_secrets(settings), pin_pepper(settings)
        core.broker.publish(Message(("a", "b", "c"), "1", b"{}", {}))
        FileSms(folder / "sms.log").send("m:send", "+2250707000001", "hello")
        return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    finally:
        core.close()


FILES = {"quittance.sqlite", "quittance.sqlite-wal", "quittance.sqlite-shm", "quittance.sqlite.lock"}
FILES |= {"quittance.sqlite.next", "secret_key", "pin_pepper", "events.log", "sms.log"}


def test_what_is_made_is_for_its_owner_only(tmp_path: Path) -> None:
    modes = run(tmp_path / "var")

    assert modes == dict.fromkeys(FILES, 0o600)
    assert (tmp_path / "var").stat().st_mode & 0o777 == 0o700


def test_what_was_there_for_everybody_is_taken_back_at_the_start(tmp_path: Path) -> None:
    # Given the files of an earlier release
    folder = tmp_path / "var"
    run(folder)
    for path in (folder, *folder.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)

    # If the processes start again
    assert run(folder) == dict.fromkeys(FILES, 0o600)

    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_for_all_stays_one(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)

    make_private_folder(tmp_path)

    assert tmp_path.stat().st_mode & 0o7777 == 0o1777


def test_what_is_narrower_already_is_not_widened(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch(0o400)

    tighten(path)

    assert path.stat().st_mode & 0o777 == 0o400
