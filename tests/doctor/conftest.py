"""Installations to be broken, each in one way."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from signalbot.ledger.database import open_database
from tests.doctor.installation import InstallationFixture
from tests.maintenance.daemon_process import Daemon


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InstallationFixture:
    """A sound installation with a ledger, not running."""
    for name in [name for name in os.environ if name.startswith(("SIGNALBOT", "CREDENTIALS"))]:
        monkeypatch.delenv(name)
    daemon = Daemon.configured(tmp_path)
    (tmp_path / "config.toml").chmod(0o644)

    async def make() -> None:
        async with open_database(daemon.ledger):
            pass

    asyncio.run(make())
    return InstallationFixture(daemon)


@pytest.fixture
def running(installation: InstallationFixture) -> Iterator[InstallationFixture]:
    """The same, running."""
    installation.daemon.start()
    yield installation
    process = installation.daemon.process
    if process is not None:
        process.kill()
        process.wait()
