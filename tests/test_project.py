"""The repository keeps its own promises: dependencies, layout, documentation."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from typing import Any

from typer.main import get_command

from signalbot.cli import app
from signalbot.cli.manual import commands_table
from signalbot.manual.pages import manual_pages

ROOT = Path(__file__).parent.parent
TOP_LEVEL = {
    ".ci",
    ".editorconfig",
    ".git",
    ".gitignore",
    ".pre-commit-config.yaml",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "config.example.toml",
    "findings",
    "pyproject.toml",
    "requirements.lock",
    "signalbot",
    "systemd",
    "tests",
}
COMES_WITH = {
    "pydantic": "pydantic-settings",
    "pydantic-core": "pydantic-settings",
}
"""What is imported beside the distribution that is declared, and cannot be without it."""

NEEDED_BY = {"websockets": "uvicorn"}
"""Declared without being imported: other dependencies need them."""

APART = ROOT / "tests" / "parity" / "theirs"
"""What runs in environments of its own, with packages that the parity run installs there."""

SOMEBODYS_COMPUTER = re.compile(r"/(?:home|Users)/[a-z]|/(?:root|work)/|[A-Z]:\\Users\\")


@cache
def _modules(folder: str) -> list[tuple[Path, ast.Module]]:
    """Every module below a folder of the repository, parsed, but for what runs apart."""
    paths = sorted((ROOT / folder).rglob("*.py"))
    return [(path, ast.parse(path.read_text())) for path in paths if APART not in path.parents]


def _imported(tree: ast.AST) -> Iterator[str]:
    """Top-level names of what is imported anywhere in ``tree``, when it runs."""
    nodes = list(ast.walk(tree))
    for_types = {
        inner
        for node in nodes
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    for node in nodes:
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _distributions(folder: str) -> set[str]:
    """Distributions that the code below a folder imports from."""
    providers = packages_distributions()
    own = {"signalbot", "tests", *sys.stdlib_module_names}
    names = {name for _, tree in _modules(folder) for name in _imported(tree)} - own
    unknown = {name for name in names if name not in providers}
    assert not unknown, f"imported, but not installed: {sorted(unknown)}"
    found = {_normal(each) for name in names for each in providers[name]}
    return {COMES_WITH.get(each, each) for each in found}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _names(requirements: list[str]) -> set[str]:
    return {_normal(re.split(r"[\s<>=!~;\[]", each)[0]) for each in requirements}


def _project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return found


def _extras() -> set[str]:
    """What users may leave out: every extra but the developers'."""
    extras = _project().get("optional-dependencies", {})
    return {name for key, needs in extras.items() if key != "dev" for name in _names(needs)}


def test_the_dependencies_are_exactly_what_the_code_imports() -> None:
    """Every installed package is imported, and every imported package is declared."""
    needed = _distributions("signalbot") | NEEDED_BY.keys()
    assert needed == _names(_project()["dependencies"]) | _extras()


def test_what_comes_with_a_dependency_really_comes_with_it() -> None:
    """Directly, or with something that it requires itself."""
    for part, file_text in COMES_WITH.items():
        needed = _names(requires(file_text) or [])
        beyond = {each for name in needed & COMES_WITH.keys() for each in requires(name) or []}
        assert part in needed | _names(sorted(beyond))


def test_what_is_optional_is_imported_only_where_it_is_used() -> None:
    """A module that imports it at its head could not be loaded without it."""
    providers = packages_distributions()
    for path, tree in _modules("signalbot"):
        at_the_head = {name for node in tree.body for name in _imported_here(node)}
        found = {_normal(each) for name in at_the_head for each in providers.get(name, [])}
        assert not found & _extras(), path


def _imported_here(node: ast.stmt) -> Iterator[str]:
    """What one statement imports by itself; what it defines imports nothing yet."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from _imported(ast.Module([node], []))


def test_tests_import_only_what_developers_install() -> None:
    """The dev extra holds what the tests need beyond the program itself."""
    project = _project()
    dev = _names(project["optional-dependencies"]["dev"])
    assert _distributions("tests") <= _names(project["dependencies"]) | _extras() | dev


def test_the_lock_has_every_dependency_with_hashes() -> None:
    """``requirements.lock`` is renewed with ``pyproject.toml``."""
    pinned = re.split(r"\n(?=[a-z])", (ROOT / "requirements.lock").read_text())[1:]
    names = {_normal(entry.partition("==")[0]) for entry in pinned}
    assert all("--hash=sha256:" in entry for entry in pinned)
    dev = _names(_project()["optional-dependencies"]["dev"]) - {"signalbot"}
    assert _names(_project()["dependencies"]) | _extras() | dev <= names


@cache
def _ignored() -> list[str]:
    lines = (ROOT / ".gitignore").read_text().splitlines()
    return [line.strip("/") for line in lines if line and not line.startswith("#")]


def _is_ignored(path: Path) -> bool:
    """Whether git leaves it out: caches, local state."""
    return any(fnmatch(part, pattern) for part in path.parts for pattern in _ignored())


def _files() -> Iterator[Path]:
    """Every file that belongs to the repository."""
    for path in ROOT.rglob("*"):
        place = path.relative_to(ROOT)
        if path.is_file() and place.parts[0] != ".git" and not _is_ignored(place):
            yield path


def test_the_top_level_holds_nothing_that_does_not_belong_there() -> None:
    """A newcomer sees the file_text house at one glance; tools are set up in pyproject.toml."""
    found = {each.name for each in ROOT.iterdir() if not _is_ignored(Path(each.name))}
    assert found - TOP_LEVEL == set()


def test_no_file_has_a_machines_path() -> None:
    """A path of one developer's machine means nothing on any other."""
    for path in _files():
        text = path.read_bytes().decode(errors="replace")
        found = SOMEBODYS_COMPUTER.search(text)
        assert found is None, f"{path.relative_to(ROOT)}: {found}"
        assert len(ROOT.parts) < 3 or str(ROOT) not in text, path.relative_to(ROOT)


def test_every_package_and_module_has_a_docstring() -> None:
    """Also in every ``__init__.py``."""
    documented = {path for path, tree in _modules("signalbot") if ast.get_docstring(tree)}
    missing = {path for path, _ in _modules("signalbot")} - documented
    assert {str(path.relative_to(ROOT)) for path in missing} == set()
    folders = {path.parent for path, _ in _modules("signalbot")}
    assert {folder / "__init__.py" for folder in folders} <= documented


def test_every_test_has_a_docstring() -> None:
    """In a docstring of its own, beside its name."""
    silent = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path, tree in _modules("tests")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


def _commands(command: Any, path: str) -> Iterator[str]:
    """Every command line that does something: ``signalbot status``, ``signalbot config show``."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path
        return
    for name in inner:
        yield from _commands(inner[name], f"{path} {name}")


COMMANDS = sorted(_commands(get_command(app), "signalbot"))


def test_the_commands_are_found() -> None:
    """So that none of them is passed over below."""
    assert {"signalbot run", "signalbot why", "signalbot config show"} <= set(COMMANDS)


def test_the_manual_lists_every_command() -> None:
    """Page ``commands``."""
    page = manual_pages()["commands"].render({"commands": commands_table})
    assert [command for command in COMMANDS if f"`{command}`" not in page] == []
