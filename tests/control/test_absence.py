"""An exchange that vanishes is told once, and so is its return, also across a restart."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from signalbot.cli.inspect.status import status
from signalbot.control.connectivity_monitor import ConnectivityMonitor
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.ledger.exchange_outages import ExchangeOutages
from signalbot.ledger.journal import Journal
from signalbot.ports import Outage
from signalbot.replay.historical_exchange import HistoricalExchange
from signalbot.settings.simulation import SimulationRules
from signalbot.state_dir import LEDGER_NAME
from signalbot.tasks import SystemClock
from tests.ledger.ledger_fixtures import Ledger, ledger


class Moody(HistoricalExchange):
    """An exchange that is away when it is told so."""

    def __init__(self) -> None:
        clock = SystemClock()
        super().__init__("sim", SimulationRules(), base=Timeframe.M1, clock=clock)
        self.gone: list[Outage] = []

    def outages(self) -> list[Outage]:
        return self.gone


GONE = Outage(egress="direct", since_ms=Ms(1_700_000_000_000), cause="refused")


@asynccontextmanager
async def _watching(
    folder: Path,
) -> AsyncIterator[tuple[Ledger, Moody, ConnectivityMonitor, list[str]]]:
    async with ledger(folder) as books:
        exchange, backs = Moody(), list[str]()
        watch = ConnectivityMonitor(
            {"sim": exchange},
            ExchangeOutages(books.database),
            on_recovery=backs.append,
            clock=SystemClock(),
        )
        await watch.load()
        yield books, exchange, watch, backs


async def _told(books: Ledger) -> list[str]:
    events = await Journal(books.database).after(0)
    return [event.kind for event in events if event.kind.startswith("exchange.")]


async def test_an_absence_is_told_once_and_so_is_its_end(tmp_path: Path) -> None:
    """However often one looks; the next absence is told again."""
    async with _watching(tmp_path) as (books, exchange, watch, backs):
        for gone in ([GONE], [GONE], [], [], [GONE]):
            exchange.gone = gone
            await watch.check()
        assert await _told(books) == [
            "exchange.disconnected",
            "exchange.reconnected",
            "exchange.disconnected",
        ]
        assert backs == ["sim"]


async def test_a_restart_during_an_absence_tells_only_its_end(tmp_path: Path) -> None:
    """Who was told that it is away waits for the word that it is back."""
    async with _watching(tmp_path) as (_, exchange, watch, _):
        exchange.gone = [GONE]
        await watch.check()
    async with _watching(tmp_path) as (books, exchange, watch, _):
        exchange.gone = [GONE]
        await watch.check()
        assert await _told(books) == ["exchange.disconnected"]
        exchange.gone = []
        await watch.check()
        assert await _told(books) == ["exchange.disconnected", "exchange.reconnected"]


async def test_status_says_which_exchange_is_away(
    tmp_path: Path, capsys: pytest.CaptureFixture[Any]
) -> None:
    """For whoever asks why nothing happens."""
    async with _watching(tmp_path) as (_, exchange, watch, _):
        exchange.gone = [GONE]
        await watch.check()
        status(ledger=tmp_path / LEDGER_NAME)
        assert "sim (direct) answers nothing since 2023-11-14" in capsys.readouterr().out
