"""Coins that are bought and kept: fees leave in them, and what rests holds them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from tests.live.live_daemon import CONFIG, USER, LiveFixture
from tests.venue.faults import Refuse, Rule, Stale
from tests.venue.model import Kind, Reason
from tests.venue.server import Venue, venue

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

NO_TARGETS = '[defaults.protection]\ntake_profits_from = "none"\n'
SPOT = {"binance_spot": "BTCUSDT", "bybit": "spot.BTCUSDT", "okx": "BTC-USDT"}


class Spot(LiveFixture):
    """Users of an exchange who buy coins."""

    def __init__(self, folder: Path, venue: Venue, group: asyncio.TaskGroup, symbol: str) -> None:
        super().__init__(folder, venue, group)
        self.symbol = symbol
        self.history()

    def held(self, user: str) -> Decimal:
        """The coins there are."""
        return self.account(user).balance("BTC")

    def configure(
        self, *users: str, mode: str = "live", defaults: str = "", targets: str = "[]"
    ) -> None:
        text = CONFIG.format(
            ccxt_id=self.venue.dialect.ccxt_id, urls=self.venue.toml("venue"),
            defaults=defaults, targets=targets,
        ).replace("BTC/USDT:USDT", "BTC/USDT")  # fmt: skip
        text += "".join(
            USER.format(name=name, mode=mode).replace("leverage = 5", "leverage = 1")
            for name in users
        )
        (self.folder / "config.toml").write_text(text)


@asynccontextmanager
async def spot(folder: Path, *users: str, dialect: str) -> AsyncIterator[Spot]:
    async with venue(dialect) as it, asyncio.TaskGroup() as group:
        if dialect != "binance_spot":
            it.list_spot()
        rig = Spot(folder, it, group, SPOT[dialect])
        rig.configure(*users, defaults=NO_TARGETS)
        await rig.keys(*users)
        try:
            yield rig
        finally:
            await rig.end()


@pytest.mark.parametrize("dialect", SPOT)
async def test_what_is_bought_is_protected_less_its_fee_and_sold_by_its_stop(
    tmp_path: Path, dialect: str
) -> None:
    """The fee left in the coin: the stop is of what is there, and what it leaves is dust."""
    async with spot(tmp_path, "anna", dialect=dialect) as rig:
        await rig.start()
        await rig.go_long()
        await rig.until(lambda: rig.resting("anna", Kind.STOP), what="the stop rests")
        (stop,) = rig.resting("anna", Kind.STOP)
        held = rig.held("anna")
        assert 0 <= held - stop.ask.quantity < Decimal("0.001")
        await rig.price(49_000)
        await rig.daemon.wait_for("position.closed", user_id="anna", reason="STOP_LOSS")
        await rig.fills_told("anna")
        await rig.stop()
        assert not rig.resting("anna")
        assert rig.held("anna") < Decimal("0.001")


@pytest.mark.parametrize("dialect", SPOT)
async def test_a_refused_exit_leaves_the_coins_behind_their_stop(
    tmp_path: Path, dialect: str
) -> None:
    """The stop goes first, for it may hold the coins; refused, the exit puts it back."""
    async with spot(tmp_path, "anna", dialect=dialect) as rig:
        await rig.start()
        await rig.go_long()
        await rig.until(lambda: rig.resting("anna", Kind.STOP), what="the stop rests")
        await rig.fills_told("anna")
        rig.fail("anna", "exit", Refuse(why=Reason.MARGIN), times=3)
        await rig.command("send", "trend", "BTC/USDT", "EXIT_LONG")
        await rig.daemon.wait_for("position.close_failed", user_id="anna")
        await rig.until(lambda: rig.resting("anna", Kind.STOP), what="the stop rests again")
        await rig.command("close", "anna", "BTC/USDT")
        await rig.daemon.wait_for("position.closed", user_id="anna", reason="MANUAL")
        await rig.fills_told("anna")
        await rig.stop()
        assert not rig.resting("anna")


@pytest.mark.parametrize("dialect", SPOT)
async def test_killed_before_the_answer_it_is_bought_once_and_protected(
    tmp_path: Path, dialect: str
) -> None:
    """What the exchange kept of it as a fee is known after the restart as well."""
    async with spot(tmp_path, "anna", dialect=dialect) as rig:
        await rig.start(crash_at="entry.after_answer")
        await rig.go_long()
        assert await rig.died() == -9
        await rig.start()
        await rig.until(lambda: rig.resting("anna", Kind.STOP), what="the stop rests")
        await rig.fills_told("anna")
        await rig.stop()
        (stop,) = rig.resting("anna", Kind.STOP)
        assert 0 <= rig.held("anna") - stop.ask.quantity < Decimal("0.001")
        assert len(rig.venue.engine.journal.entries_accepted(rig.key("anna"))) == 1


WALLETS = r"/account$|wallet-balance$|account/balance$"
OWN = Decimal("0.004")  # the owner's coins, which were there before


def _late_wallet(rig: Spot, *, times: int) -> Rule:
    """Wallets are shown as they were before anything was bought."""
    stale = Stale(seconds=60)
    return rig.venue.faults.add(Rule(path=WALLETS, key=rig.key("anna"), does=(stale,), times=times))


@pytest.mark.parametrize("dialect", SPOT)
async def test_a_wallet_that_shows_a_purchase_late_delays_no_stop(
    tmp_path: Path, dialect: str
) -> None:
    """The stop is of what was bought but for a fee, not of the owner's coins that were there."""
    async with spot(tmp_path, "anna", dialect=dialect) as rig:
        rig.account("anna").coins["BTC"] = OWN
        rig.venue.engine.remember(60)
        await rig.start()
        _late_wallet(rig, times=-1)
        await rig.go_long()
        await rig.until(lambda: rig.resting("anna", Kind.STOP), what="a stop rests")
        (stop,) = rig.resting("anna", Kind.STOP)
        bought = rig.held("anna") - OWN
        assert bought * Decimal("0.97") < stop.ask.quantity <= bought
        rig.venue.faults.clear()
        await rig.until(
            lambda: [
                each for each in rig.resting("anna", Kind.STOP)
                if 0 <= bought - each.ask.quantity < Decimal("0.0001")
            ],
            seconds=90, what="the stop is of all that was bought",
        )  # fmt: skip
        await rig.fills_told("anna")
        await rig.stop()


@pytest.mark.parametrize("dialect", SPOT)
async def test_a_wallet_as_it_was_before_the_purchase_leaves_the_stop_as_it_is(
    tmp_path: Path, dialect: str
) -> None:
    """One late answer is no sale: nothing is cancelled, nothing is replaced."""
    async with spot(tmp_path, "anna", dialect=dialect) as rig:
        rig.account("anna").coins["BTC"] = OWN
        rig.venue.engine.remember(60)
        await rig.start()
        await rig.go_long()
        await rig.until(
            lambda: [
                each for each in rig.resting("anna", Kind.STOP)
                if 0 <= rig.held("anna") - OWN - each.ask.quantity < Decimal("0.0001")
            ],
            what="the stop is of what was bought, less its fee",
        )  # fmt: skip
        await rig.fills_told("anna")
        await rig.stop()
        before = len(rig.venue.engine.journal.lines)
        late = _late_wallet(rig, times=3)
        await rig.start()
        await rig.until(lambda: late.struck == 3, seconds=60, what="late wallets are read")
        await rig.stop()
        assert rig.venue.engine.journal.lines[before:] == []
