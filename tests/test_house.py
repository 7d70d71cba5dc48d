"""The rules of this repository: imports, sizes, and documentation that is true."""

import ast
import re
import subprocess
import sys
import tomllib
from dataclasses import fields, replace
from fnmatch import fnmatch
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from api.http.errors import CODES, status_of
from core.bootstrap import Core
from core.broker.embedded import EmbeddedBroker
from core.clock import SystemClock
from core.contract import Door
from core.errors import Clash, NotFound, QuittanceError, Refused
from core.installed import DEFAULT
from core.operation import Status
from core.settings import read_settings, setting_names
from core.store.memory import MemoryStore
from core.store.port import COLLECTIONS
from devtools.stack import ROOT, commands
from ops.commands import cli
from proof.simulation.command import scenarios
from worker.products import build

CODE = [
    path
    for package in (
        "api",
        "web",
        "core",
        "worker",
        "products",
        "proof",
        "devtools",
        "mock_api",
        "ops",
        "bench",
        "clients",
    )
    for path in (ROOT / package).rglob("*.py")
]
MODULE_LINES, FUNCTION_LINES = 400, 70


def text(name: str) -> str:
    return (ROOT / name).read_text()


def test_imports_run_one_way() -> None:
    linted = subprocess.run([Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True)
    assert linted.returncode == 0, linted.stdout


def test_packages_modules_and_functions_are_small() -> None:
    crowded = []
    for path in CODE:
        source = path.read_text()
        crowded += [str(path)] * (len(source.splitlines()) > MODULE_LINES)
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES:
                crowded.append(f"{path}: {node.name}")
    assert crowded == []


def identifiers_and_texts(path: Path) -> set[str]:
    """All names and texts of a module, without docstrings: those may give examples."""
    tree = ast.parse(path.read_text())
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found = (
        word
        for node in ast.walk(tree)
        if id(node) not in docstrings
        for word in (getattr(node, "id", ""), getattr(node, "attr", ""), getattr(node, "value", ""))
    )
    return {word for word in found if isinstance(word, str)}


SHARED_WORDS = frozenset(
    {"wallet", "event", "message", "payment", "service", "transfer", "top", "up", "partner"}
    | {"payer", "check", "refund", "payout", "lookup"}
)
"""Words of products that the core needs for things of its own: the ledger's wallets, a broker's messages, what an
operator does."""
VENDORS_NAMES = frozenset({"WEBHOOK_SECRET"})
"""Names of vendors' settings, in the table of dialects."""


def product_words() -> set[str]:
    """The words that only a product may know: the names of folders, kinds, collections, steps and settings."""
    collections = DEFAULT.collections.keys() - COLLECTIONS.keys()
    settings = (field.name for section in DEFAULT.members("contract", "SETTINGS") for field in fields(section))
    folders = (name.rpartition(".")[2] for name in DEFAULT.packages)
    names = [*folders, *DEFAULT.contracts, *collections]
    words = {re.sub(r"(?<=[a-z]{3})s$", "", word) for name in names for word in name.split("_")}
    words |= {name.removesuffix("_url") for name in settings} | {"amende", "physician", "charge"}
    return words - SHARED_WORDS


def test_the_core_and_the_engine_know_no_product() -> None:
    words = product_words()
    assert {"fine", "merchant", "consultation", "withdrawal", "sms", "finance", "blacklist"} <= words
    pattern = re.compile(rf"(?<![a-z])({'|'.join(words)})s?(?![a-z])", re.IGNORECASE)
    for path in [*(ROOT / "core").rglob("*.py"), ROOT / "worker/engine.py", ROOT / "worker/decide.py"]:
        words_of_it = identifiers_and_texts(path) - VENDORS_NAMES
        knows = sorted(word for word in words_of_it if pattern.search(word))
        assert not knows, f"{path}: {knows}"


def test_every_kind_has_all_its_parts() -> None:
    """The kinds of contracts, processes, scenarios, routes and USSD entries are one list."""
    contracts = DEFAULT.contracts
    installed = replace(read_settings(), installed=DEFAULT)
    core = Core(
        installed, SystemClock(), MemoryStore(DEFAULT.collections), EmbeddedBroker(MemoryStore(), SystemClock())
    )
    assert build(core).keys() == contracts.keys()
    assert scenarios(DEFAULT).keys() == contracts.keys()
    routed = {kind for routes in DEFAULT.members("routes", "BLUEPRINTS") for kind in routes.kinds}
    assert routed == {kind for kind, contract in contracts.items() if Door.HTTP in contract.doors}
    dialled = {kind for entry in DEFAULT.members("ussd", "ENTRIES") for kind in entry.kinds}
    assert dialled == {kind for kind, contract in contracts.items() if Door.USSD in contract.doors}
    for kind, contract in contracts.items():
        assert contract.effect_kinds or contract.legs, f"the audit would see nothing of {kind}"


def test_every_file_of_a_product_is_on_the_apis_or_the_workers_side() -> None:
    contracts = tomllib.loads(text("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    walls = [each["source_modules"] for each in contracts if each["name"].startswith(("Routes call", "Processes know"))]
    assert len(walls) == 2
    for path in (ROOT / "products").glob("*/*.py"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if path.name != "__init__.py" and not path.name.startswith("test_"):
            assert any(fnmatch(module, source) for wall in walls for source in wall), module


def test_every_module_of_the_core_and_the_worker_has_its_floor() -> None:
    contracts = tomllib.loads(text("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    floors = {
        name.strip()
        for contract in contracts
        if contract["type"] == "layers"
        for layer in contract["layers"]
        for name in re.split(r"[|:]", layer)
    }
    for package in ("core", "worker"):
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            names = {".".join(parts[:length]) for length in range(2, len(parts) + 1)}
            assert path.name == "__init__.py" or names & floors, path


def test_no_exception_is_made_at_import() -> None:
    """One instance that is raised again and again keeps every traceback, and with it every request."""
    for path in CODE:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
                made = getattr(node.value.func, "id", getattr(node.value.func, "attr", ""))
                is_error = made in ERRORS or made.endswith(("Error", "Exception"))
                assert not is_error, f"{path}: {made}"


def test_the_containers_run_what_the_procfile_says() -> None:
    services = YAML(typ="safe").load(text("docker-compose.yml"))["services"]
    for name, command in commands().items():
        assert services[name]["command"] == command
        assert services[name]["image"] == "quittance"


def test_what_uses_the_store_waits_for_its_migration() -> None:
    services = YAML(typ="safe").load(text("docker-compose.yml"))["services"]
    assert services["migrate"]["command"] == ["python", "-m", "ops", "migrate"]
    assert services["migrate"]["image"] == "quittance"
    assert services["migrate"]["environment"] == services["api"]["environment"]
    assert services["migrate"]["restart"] not in ("always", "unless-stopped")
    assert "migrate" not in services["migrate"]["depends_on"]
    for name in ("api", "worker"):
        assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_the_image_gets_every_file_that_it_copies() -> None:
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", text("Dockerfile"), re.MULTILINE)
    sources = {source for copy in copies for source in copy.split()}
    let_in = {line.removeprefix("!") for line in text(".dockerignore").splitlines() if line.startswith("!")}
    assert {"products", "Procfile", "pyproject.toml"} <= sources
    assert sources == let_in
    assert all((ROOT / source).exists() for source in sources)


def test_the_readmes_commands_are_there() -> None:
    targets = re.findall(r"^make (\w+)", text("README.md"), re.MULTILINE)
    printed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert targets
    assert all(f"make {target} " in printed for target in targets)


def test_the_readmes_files_are_there() -> None:
    for name in ["README.md", *(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text(name)):
            assert (ROOT / name).parent.joinpath(link).exists(), f"{name}: {link}"


def test_every_setting_and_every_state_is_documented() -> None:
    settings, states = text("docs/reference/settings.md"), text("docs/reference/states.md")
    for setting in setting_names():
        assert f"| `{setting}` |" in settings, setting
    for status in Status:
        assert f"| `{status}` |" in states


def test_every_error_code_is_documented() -> None:
    documented = text("docs/reference/errors.md")
    bases = {NotFound, Clash, Refused}
    answered = {error.code for error in all_errors() if status_of(error) < 500 and error not in bases}
    for code in answered | set(CODES.values()):
        assert f"`{code}`" in documented, code


def all_errors() -> set[type[QuittanceError]]:
    """Every error of ours, those of the installed products included."""
    for part in ("contract", "routes"):
        list(DEFAULT.modules(part))
    found, new = set(), {QuittanceError}
    while new:
        found |= new
        new = {child for error in new for child in error.__subclasses__()} - found
    return found


ERRORS = {error.__name__ for error in all_errors()}


def test_every_reason_is_documented() -> None:
    errors = text("docs/reference/errors.md")
    sources = "".join(path.read_text() for package in ("worker", "products") for path in (ROOT / package).rglob("*.py"))
    reasons = set(re.findall(r'(?:Declined\(|code=)"(\w+)"', sources))
    assert len(reasons) > 5
    for reason in reasons:
        assert f"`{reason}`" in errors


def test_every_promise_names_a_test_that_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", text("docs/explanation/guarantees.md")))
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert len(named) > 8
    for name in named:
        assert f"def {name}(" in tests, name


def test_every_command_helps_and_is_documented() -> None:
    for name, command in cli.commands.items():
        assert command.get_short_help_str()
        assert f"quittance {name}" in text("docs/how-to/operate.md") or f"make {name}" in text("README.md")


@pytest.mark.xdist_group("house")
def test_tests_that_share_a_server_run_in_one_process(request: pytest.FixtureRequest) -> None:
    grouped = getattr(request.config.option, "loadgroup", False)
    assert request.node.nodeid.endswith("@house") == grouped
