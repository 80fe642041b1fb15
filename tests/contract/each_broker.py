"""Runs one test at every kind of account."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from signalbot.ledger.database import open_database
from tests.contract.brokers import BrokerFixture
from tests.contract.live import CAN, LiveBrokerFixture, PaperBrokerFixture, exchange_of
from tests.contract.simulated import SimulatedBrokerFixture
from tests.venue.server import listening

EXCHANGES = tuple(CAN)
"""Every exchange of perpetuals."""

KINDS = ("simulated", "paper", *EXCHANGES)


def on_each_broker(
    test: Callable[[BrokerFixture], Awaitable[None]],
) -> Callable[[str, Path], Awaitable[None]]:
    """One test for each kind; the price is at 50,000, and nobody has traded yet."""

    @pytest.mark.parametrize("kind", KINDS)
    async def run(kind: str, tmp_path: Path) -> None:
        async with fixture_at(kind, tmp_path) as fixture:
            await test(fixture)

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@asynccontextmanager
async def fixture_at(kind: str, folder: Path) -> AsyncIterator[BrokerFixture]:
    """An open fixture of one kind."""
    async with open_database(folder / "signalbot.db") as database:
        if kind == "simulated":
            async with _opened(SimulatedBrokerFixture(database)) as fixture:
                yield fixture
            return
        is_paper = kind == "paper"
        async with listening(exchange_of("binance" if is_paper else kind)) as far:
            can = SimulatedBrokerFixture.can if is_paper else CAN[kind]
            made = (PaperBrokerFixture if is_paper else LiveBrokerFixture)(database, far, can)
            async with _opened(made) as fixture:
                yield fixture


@asynccontextmanager
async def _opened(fixture: BrokerFixture) -> AsyncIterator[BrokerFixture]:
    await fixture.open()
    try:
        yield fixture
    finally:
        await fixture.close()
