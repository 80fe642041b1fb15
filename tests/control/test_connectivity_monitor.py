"""An outage is reported once, and so is its end, also across a restart."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from signalbot.cli.inspect.status import status
from signalbot.control.connectivity_monitor import ConnectivityMonitor
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.ledger.journal import Journal
from signalbot.ledger.outages import ExchangeOutages
from signalbot.ports import Outage
from signalbot.replay.historical_exchange import HistoricalExchange
from signalbot.settings.simulation import SimulationRules
from signalbot.state_dir import LEDGER_NAME
from signalbot.tasks import SystemClock
from tests.ledger.ledger_fixtures import Ledger, ledger


class UnstableExchange(HistoricalExchange):
    """An exchange with the outages of ``ongoing``."""

    def __init__(self) -> None:
        clock = SystemClock()
        super().__init__("sim", SimulationRules(), base=Timeframe.M1, clock=clock)
        self.ongoing: list[Outage] = []

    def outages(self) -> list[Outage]:
        return self.ongoing


OUTAGE = Outage(egress="direct", since_ms=Ms(1_700_000_000_000), cause="refused")


@asynccontextmanager
async def _monitoring(
    folder: Path,
) -> AsyncIterator[tuple[Ledger, UnstableExchange, ConnectivityMonitor, list[str]]]:
    async with ledger(folder) as store:
        exchange, recovered = UnstableExchange(), list[str]()
        monitor = ConnectivityMonitor(
            {"sim": exchange},
            ExchangeOutages(store.database),
            on_recovery=recovered.append,
            clock=SystemClock(),
        )
        await monitor.load()
        yield store, exchange, monitor, recovered


async def _events(store: Ledger) -> list[str]:
    events = await Journal(store.database).after(0)
    return [event.kind for event in events if event.kind.startswith("exchange.")]


async def test_an_outage_is_reported_once_and_so_is_its_end(tmp_path: Path) -> None:
    """However often it is checked; the next outage is reported again."""
    async with _monitoring(tmp_path) as (store, exchange, monitor, recovered):
        for ongoing in ([OUTAGE], [OUTAGE], [], [], [OUTAGE]):
            exchange.ongoing = ongoing
            await monitor.check()
        assert await _events(store) == [
            "exchange.disconnected",
            "exchange.reconnected",
            "exchange.disconnected",
        ]
        assert recovered == ["sim"]


async def test_a_restart_during_an_outage_reports_only_its_end(tmp_path: Path) -> None:
    """The outage itself was reported before the restart."""
    async with _monitoring(tmp_path) as (_, exchange, monitor, _):
        exchange.ongoing = [OUTAGE]
        await monitor.check()
    async with _monitoring(tmp_path) as (store, exchange, monitor, _):
        exchange.ongoing = [OUTAGE]
        await monitor.check()
        assert await _events(store) == ["exchange.disconnected"]
        exchange.ongoing = []
        await monitor.check()
        assert await _events(store) == ["exchange.disconnected", "exchange.reconnected"]


async def test_status_shows_which_exchange_is_unreachable(
    tmp_path: Path, capsys: pytest.CaptureFixture[Any]
) -> None:
    """With the egress address and the date of the outage."""
    async with _monitoring(tmp_path) as (_, exchange, monitor, _):
        exchange.ongoing = [OUTAGE]
        await monitor.check()
        status(ledger=tmp_path / LEDGER_NAME)
        assert "sim (direct) has not responded since 2023-11-14" in capsys.readouterr().out
