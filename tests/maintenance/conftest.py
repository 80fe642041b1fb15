"""Daemons that end with their test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.maintenance.daemon_process import Daemon


@pytest.fixture
def started() -> Iterator[list[Daemon]]:
    """Daemons to be killed at the end, if the test has not stopped them."""
    daemons: list[Daemon] = []
    yield daemons
    for each in daemons:
        if each.process is not None:
            each.process.kill()
            each.process.wait()


@pytest.fixture
def daemon(tmp_path: Path, started: list[Daemon]) -> Daemon:
    """An installation on the simulated exchange, not yet started."""
    made = Daemon.configured(tmp_path)
    started.append(made)
    return made
