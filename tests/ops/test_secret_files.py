"""`quittance secrets`: what it makes, and that it never changes what is there."""

import os
import ssl
from pathlib import Path

import pytest
from click.testing import CliRunner

from core.sealing import read_key_pair, read_keys
from core.settings import setting_names
from ops.secret_files import FILES, make, make_secrets


def test_every_secret_is_made_once(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    first = CliRunner().invoke(make_secrets, [str(folder)])
    before = {path.name: path.read_text() for path in folder.iterdir()}
    second = CliRunner().invoke(make_secrets, [str(folder)])

    assert first.output == f"made {', '.join(FILES)} in {folder}\n"
    assert second.output == f"{folder} has all secrets\n"
    assert {path.name: path.read_text() for path in folder.iterdir()} == before
    assert before.keys() == FILES.keys()
    assert len(set(before.values())) == len(FILES)
    data = {before.pop(name) for name in ("data_keys", "data_index_key")}
    assert all(len(text) >= 64 for text in before.values())
    assert all(len(read_keys(text)) == 1 for text in data)


def test_a_file_that_is_there_stays_even_if_it_is_empty(tmp_path: Path) -> None:
    (tmp_path / "admin_token").write_text("")
    assert "admin_token" not in make(tmp_path)
    assert (tmp_path / "admin_token").read_text() == ""


def test_an_installation_that_is_there_is_not_given_keys_that_its_store_does_not_fit(tmp_path: Path) -> None:
    make(tmp_path)
    for name in ("data_keys", "data_index_key"):
        (tmp_path / name).unlink()

    assert make(tmp_path) == ["data_keys", "data_index_key"]
    assert read_key_pair(*((tmp_path / name).read_text() for name in ("data_keys", "data_index_key"))) is None


def test_a_lost_half_of_the_brokers_password_is_made_from_the_other(tmp_path: Path) -> None:
    make(tmp_path)
    for lost in ("broker_url", "rabbitmq.conf"):
        before = (tmp_path / lost).read_text()
        (tmp_path / lost).unlink()
        assert make(tmp_path) == [lost]
        assert (tmp_path / lost).read_text() == before


def test_only_their_process_reads_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, tuple[int, int]] = {}
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", lambda path, user, group: given.update({path.name: (user, group)}))
    make(tmp_path)

    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert given["pin_pepper"] == (10001, 10001)
    assert given["mongo_keyfile"] == (999, 999)
    assert given["tls_key"] == (101, 101)
    assert {name: mode for name, mode in modes.items() if mode != 0o400} == {
        "rabbitmq.conf": 0o440,
        "mongo_password": 0o440,
    }


def test_nobody_reads_them_where_files_cannot_be_given_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    make(tmp_path)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_half_a_secret_is_never_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    refused = CliRunner().invoke(make_secrets, [str(tmp_path)])
    assert refused.exit_code == 1
    assert "No space left on device" in refused.output
    assert not (tmp_path / "admin_token").exists()


def test_each_secret_of_ours_is_a_setting() -> None:
    servers = {"rabbitmq.conf", "mongo_password", "mongo_keyfile", "grafana_password", "tls_key", "tls_certificate"}
    assert {name.upper() for name in FILES.keys() - servers} <= set(setting_names())


def test_the_certificate_fits_the_key_that_is_there(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "tls_certificate").unlink()

    assert make(tmp_path) == ["tls_certificate"]
    ssl.create_default_context().load_cert_chain(tmp_path / "tls_certificate", tmp_path / "tls_key")
