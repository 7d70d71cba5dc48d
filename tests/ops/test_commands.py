"""The table of commands is true, help imports nothing heavy, and shells can complete the commands."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from devtools.stack import ROOT, Stack
from ops.commands import cli, main
from ops.lazy import LazyGroup
from tests.command_table import ENTRIES

DRIVERS = {"pymongo", "pika"}
HEAVY = {"sqlalchemy", "flask", "requests", "rich", *DRIVERS}
LIGHT = [
    ["--help"],
    ["--version"],
    *[[name, "--help"] for name, command in cli.commands.items() if isinstance(command, LazyGroup)],
]


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_is_the_command_of_its_name_and_help(name: str) -> None:
    command = ENTRIES[name].load()

    assert command.name == name.rsplit(maxsplit=1)[-1]
    assert command.get_short_help_str(limit=200) == ENTRIES[name].short_help


@pytest.mark.parametrize("arguments", LIGHT, ids=" ".join)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import json, sys\n"
        "from ops.commands import cli\n"
        f"cli({arguments!r}, standalone_mode=False)\n"
        "print(json.dumps([name for name in sys.modules if '.' not in name]))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    imported = set(json.loads(done.stdout.splitlines()[-1]))
    assert "click" in imported
    assert not imported & HEAVY


def test_what_is_heavy_would_be_seen() -> None:
    program = "import sys, ops.review, ops.ussd; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert set(done.stdout.split()) >= HEAVY - {"flask", *DRIVERS}


def test_the_embedded_set_up_imports_no_driver_of_a_server(tmp_path: Path) -> None:
    program = (
        "import sys, api.app, worker.__main__\n"
        "from core.bootstrap import bootstrap\n"
        "from core.settings import read_settings\n"
        "bootstrap(read_settings()).close()\n"
        "print(*sys.modules)"
    )
    environment = Stack(tmp_path).environment
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )

    assert "sqlalchemy" in done.stdout.split()
    assert not set(done.stdout.split()) & DRIVERS


def test_the_sections_of_the_help_name_every_command() -> None:
    shown = CliRunner().invoke(cli, ["--help"]).output

    for heading in ("Run:", "Operate:", "People:", "Prove:"):
        assert f"\n{heading}\n" in shown
    for name, command in cli.commands.items():
        assert f"\n  {name} " in shown
        assert command.get_short_help_str(limit=200).split()[0] in shown


def test_the_version_is_the_projects() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert CliRunner().invoke(cli, ["--version"]).output == f"quittance {version}\n"


def test_the_script_is_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"quittance": f"{main.__module__}:{main.__name__}"}
    monkeypatch.setattr(sys, "argv", ["anything", "--help"])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("Usage: quittance ")


def test_the_command_is_built_by_what_the_lock_pins() -> None:
    [required] = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]

    assert f"\n{required} \\\n" in (ROOT / "requirements.txt").read_text()


def test_every_package_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]

    others = {"tests", "clients/python"}  # the second is a package of its own
    assert set(project["hatch"]["build"]["targets"]["wheel"]["packages"]) == set(project["mypy"]["files"]) - others


def test_an_unknown_command_is_refused_with_those_that_are_near() -> None:
    done = CliRunner().invoke(cli, ["audti"])

    assert done.exit_code == 2
    assert "audit" in done.output


@pytest.mark.parametrize(
    ("arguments", "incomplete", "expected"),
    [
        ([], "s", ["sandbox", "secrets", "show", "simulate", "status"]),
        ([], "re", ["review", "requeue"]),
        (["people"], "create", ["create-operator", "create-admin"]),
        (["review"], "", ["list", "confirm", "decline", "retry", "refund"]),
        (["review"], "--", ["--help"]),
        (["audit"], "--st", ["--statement"]),
        (["completion"], "z", ["zsh"]),
    ],
)
def test_shells_complete_commands_and_options(arguments: list[str], incomplete: str, expected: list[str]) -> None:
    found = ShellComplete(cli, {}, "quittance", "_QUITTANCE_COMPLETE").get_completions(arguments, incomplete)

    assert sorted(item.value for item in found) == sorted(expected)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_completion_script(shell: str) -> None:
    done = CliRunner().invoke(cli, ["completion", shell])

    assert done.exit_code == 0
    assert f"_QUITTANCE_COMPLETE={shell}_complete" in done.output


def test_the_help_of_a_command_shows_the_defaults_of_its_options() -> None:
    shown = CliRunner().invoke(cli, ["simulate", "--help"]).output
    assert "[default: 2000; x>=1]" in " ".join(shown.split())


def test_review_lists_when_no_command_is_named() -> None:
    assert isinstance(cli.commands["review"], click.Group)
    shown = CliRunner().invoke(cli, ["review", "--help"]).output
    assert "Usage: quittance review [OPTIONS] COMMAND" in shown
