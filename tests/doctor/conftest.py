"""Installations to be broken, each in one way."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from signalbot.ledger.database import open_database
from tests.doctor.patient import Patient
from tests.keeping.rig import Daemon


@pytest.fixture
def patient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Patient:
    """A sound installation with a ledger, not running."""
    for name in [name for name in os.environ if name.startswith(("SIGNALBOT", "CREDENTIALS"))]:
        monkeypatch.delenv(name)
    daemon = Daemon.configured(tmp_path)
    (tmp_path / "config.toml").chmod(0o644)

    async def make() -> None:
        async with open_database(daemon.ledger):
            pass

    asyncio.run(make())
    return Patient(daemon)


@pytest.fixture
def running(patient: Patient) -> Iterator[Patient]:
    """The same, running."""
    patient.daemon.start()
    yield patient
    process = patient.daemon.process
    if process is not None:
        process.kill()
        process.wait()
