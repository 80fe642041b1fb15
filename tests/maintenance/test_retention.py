"""Archiving in a running daemon, without an effect on any listing."""

import asyncio
import os
import signal as signals
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command_line import CommandLine
from tests.maintenance.daemon_process import Daemon, wait_for
from tests.maintenance.test_archiving import archived_lines, history

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]


@pytest.fixture
def aged(tmp_path: Path, started: list[Daemon]) -> Daemon:
    """Ninety days of 2023 in its ledger, which it has taken on; from now on it may move them."""

    async def write(folder: Path) -> None:
        async with history(folder):
            pass

    daemon = Daemon.configured(tmp_path, more='[retention]\nkeep = "none"')
    started.append(daemon)
    daemon.state.mkdir(mode=0o700)
    asyncio.run(write(daemon.state))
    daemon.start()
    daemon.stop()
    assert len(daemon.rows("signals")) == 90
    started.append(Daemon.configured(tmp_path))
    return started[-1]


def _listings(daemon: Daemon) -> list[Any]:
    """The output of the listing commands."""
    shell, everything = CommandLine(daemon.folder), ("--limit", "0", "--json")
    listed = shell.ask("signals", *everything).json
    return [
        listed,
        shell.ask("signals", "--user", "anna", *everything).json,
        shell.ask("pnl", "--json").json,
        *(shell.ask("why", row["signal_id"], "--json").json for row in listed[::30]),
        *(shell.ask("why", row["signal_id"], "anna", "--json").json for row in listed[::30]),
    ]


def test_no_listing_changes_when_rows_are_archived(aged: Daemon) -> None:
    """The same signals, the same reasons, the same profit, before and after."""
    before = _listings(aged)
    aged.start()
    wait_for(lambda: aged.told("archive.rows_moved") == 1, "nothing has moved")
    aged.stop()
    assert len(aged.rows("signals")) == 9 + 1, "executed, and said by the newest run"
    assert len(aged.rows("decisions")) == 0
    assert _listings(aged) == before


@pytest.mark.parametrize("point", ["archive.written", "archive.confirmed"])
def test_killed_in_the_middle_of_the_move(aged: Daemon, point: str) -> None:
    """The next start goes on; every row is in one place, and in one only."""
    before = _listings(aged)
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "signalbot", "run", "-c", str(aged.folder / "config.toml")],
            env=os.environ | {"SIGNALBOT_CRASH_AT": point},
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == -signals.SIGKILL
    aged.start()
    wait_for(lambda: aged.told("archive.rows_moved") == 1, "nothing has moved")
    aged.stop()
    lines = list(map(str, archived_lines(aged.state)))
    assert len(lines) == len(set(lines))
    assert _listings(aged) == before
