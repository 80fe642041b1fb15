"""The real command line, started as a process in a folder of its own."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.cli.command_line import CommandLine
from tests.cli.sample_ledger import write_history


@pytest.fixture(scope="session")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory whose ledger holds the history; nobody writes to it any more."""
    directory = tmp_path_factory.mktemp("state")
    asyncio.run(write_history(directory / "signalbot.db"))
    return directory


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """A shell in an empty folder: no configuration anywhere."""
    for name in [name for name in os.environ if name.startswith("SIGNALBOT")]:
        monkeypatch.delenv(name)
    return CommandLine(tmp_path)


@pytest.fixture
def home(shell: CommandLine, state_dir: Path) -> CommandLine:
    """A shell in a folder with a configuration whose ledger holds the history."""
    relative = os.path.relpath(state_dir, shell.folder)
    (shell.folder / "config.toml").write_text(f'[daemon]\nstate_dir = "{relative}"\n')
    return shell
