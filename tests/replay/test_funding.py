"""Funding: read from files as exchanges publish them, paid by what is held, booked once."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from signalbot.domain.errors import ConfigError
from signalbot.domain.market import Candle
from signalbot.domain.signals import Side
from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.market_data.funding_rates import fetch_funding_rates
from signalbot.exchange.simulated.netting import liquidation_of, margin_of
from signalbot.replay.funding import FundingRate, FundingReplay, read_funding
from tests.exchange.simulated.trader import BUY, SELL, SYMBOL, Trader, candle
from tests.simulation import BTC, Simulation, run_in_virtual_time, user

RATE = Decimal("0.001")


@pytest.mark.parametrize(
    "text",
    [
        "calc_time,funding_interval_hours,last_funding_rate\n1640995200000,8,0.00010000\n",
        "fundingTime,fundingRate\n1640995200000,0.0001\n",
        "timestamp,symbol,funding_rate\n2022-01-01T00:00:00Z,BTCUSDT,0.0001\n",
        "Time,Rate\n2022-01-01 00:00:00,1e-4\n",
    ],
)
def test_files_of_several_exchanges_are_read(tmp_path: Path, text: str) -> None:
    """Whatever they call their columns and however they write their times."""
    (tmp_path / "f.csv").write_text(text)
    found = read_funding(tmp_path / "f.csv")
    assert found == [FundingRate(Ms(1_640_995_200_000), Decimal("0.0001"))]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a,b\n1,2\n", "no column for times"),
        ("time,b\n1,2\n", "no column for rates"),
        ("time,rate\n", "contains no funding rates"),
        ("time,rate\n1640995200000,x\n", "line 2: 'x' is not a number"),
        ("time,rate\n1640995200000,0.01\n1640995200000,1\n", "line 3: 1 is not a funding rate"),
        ("time,rate\nyesterday,0.01\n", "line 2"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_line(
    tmp_path: Path, text: str, complaint: str
) -> None:
    """And what would be right."""
    (tmp_path / "f.csv").write_text(text)
    with pytest.raises(ConfigError, match=complaint):
        read_funding(tmp_path / "f.csv")


def test_longs_pay_shorts_what_the_rate_says_of_their_notional() -> None:
    """A tenth of a percent of 200; at a negative rate the other way round."""
    for side, rate, received in ((BUY, RATE, "-0.2"), (SELL, RATE, "0.2"), (BUY, -RATE, "0.2")):
        desk = Trader()
        desk.order(side, 2)
        paid = desk.venue.on_funding(SYMBOL, rate, desk.now_ms)
        assert paid == {desk.account.user_id: Decimal(received)}
        assert desk.account.wallet == 10_000 + Decimal(received)


def test_what_the_free_balance_lacks_comes_out_of_the_margin() -> None:
    """So the liquidation comes nearer, and never more than the margin is taken."""
    desk = Trader(deposit=100)
    desk.order(BUY, 10, leverage=10)
    position = desk.position
    assert position is not None
    before = liquidation_of(position, desk.market)
    desk.venue.on_funding(SYMBOL, Decimal("0.02"), desk.now_ms)
    after = desk.position
    assert after is not None
    assert margin_of(after) == desk.account.wallet == 80
    assert desk.account.free == 0
    near = liquidation_of(after, desk.market)
    assert before is not None
    assert near is not None
    assert near > before
    for _ in range(9):
        desk.venue.on_funding(SYMBOL, Decimal("0.09"), desk.now_ms)
    assert desk.account.wallet == 0


def test_a_half_closed_position_has_half_of_what_its_margin_paid() -> None:
    """The part that leaves takes its share along."""
    desk = Trader(deposit=100)
    desk.order(BUY, 10, leverage=10)
    desk.venue.on_funding(SYMBOL, Decimal("0.02"), desk.now_ms)
    desk.order(SELL, 5, reduce_only=True)
    assert desk.position is not None
    assert desk.position.margin_paid == 10


def test_funding_is_booked_into_the_position_that_paid_it(tmp_path: Path) -> None:
    """Of every user who holds one, once, when its time has come and not before."""

    async def story(w: Simulation) -> None:
        await w.send(w.make())
        begin_ms = w.clock.now_ms()
        rates = [FundingRate(Ms(begin_ms + minute * 60_000), RATE) for minute in (-5, 1, 9)]
        funding = FundingReplay(w.services, {BTC: rates})
        for _ in range(3):
            await w.price("100")
            await funding.pay_due(_last(w), [w.exchange.real])
        for name in ("anna", "ben"):
            (position,) = await w.services.storage.trades.open_positions(
                w.services.control.accounts[_id(name)].user_id
            )
            assert position.side is Side.LONG
            assert position.funding == -position.quantity * 100 * RATE
            assert w.services.control.accounts[_id(name)].positions[BTC].funding == position.funding

    run_in_virtual_time(tmp_path, story, user("anna"), user("ben"))


@pytest.mark.parametrize("low", ["98", "90"])
def test_an_entry_that_fills_as_funding_is_due_has_it_in_the_ledger(
    tmp_path: Path, low: str
) -> None:
    """The account paid before the ledger knew of the fill; the position may have closed again."""

    async def story(w: Simulation) -> None:
        await w.send(w.make(stop="95"))
        side, begun = w.exchange.real, w.clock.now_ms()
        filled = replace(_last(w), open_ms=Ms(begun // 60_000 * 60_000), low=Decimal(low))
        funding = FundingReplay(w.services, {BTC: [FundingRate(filled.close_ms, RATE)]})
        await w.clock.sleep_until(filled.close_ms)
        side.advance(filled)
        await funding.pay_due(filled, [side])
        await w.price("100")
        assert funding.is_due(filled)
        await funding.settle()
        since = await w.services.storage.trades.closed_since(_id("anna"), Ms(0))
        (position,) = [*since, *await w.services.storage.trades.open_positions(_id("anna"))]
        assert position.is_open is (low == "98")
        assert position.funding == -position.entry_quantity * filled.close * RATE

    limit = 'entry = { type = "limit", limit_offset_percent = 1.0, timeout = "5m" }'
    run_in_virtual_time(tmp_path, story, user("anna", extra=limit))


def _id(name: str) -> Any:
    return name


def _last(w: Simulation) -> Candle:
    made = candle(100, 100, 100, 100)
    open_ms = Ms(w.clock.now_ms() // 60_000 * 60_000 - 60_000)
    return replace(made, symbol=BTC, open_ms=open_ms)


class Pages:
    """An exchange that gives at most a hundred rates of a window, the newest."""

    client = None

    def __init__(self, every_ms: int) -> None:
        self.every_ms = every_ms
        self.asked = 0

    async def read(self, method: str, *args: Any, priority: Any, cost: int = 1) -> Any:
        symbol, since, limit, params = args
        assert (method, symbol) == ("fetch_funding_rate_history", BTC)
        self.asked += 1
        first = -(-since // self.every_ms) * self.every_ms
        times = range(first, params["until"] + 1, self.every_ms)
        return [{"timestamp": at, "fundingRate": "0.0001"} for at in times][-limit:]

    async def execute(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("nothing is to be ordered")

    def apply_error(self, error: Any, *, priority: Any) -> Any:
        return error


@pytest.mark.parametrize("hours", [1, 4, 8])
async def test_a_long_history_is_asked_for_in_parts_and_without_a_hole(hours: int) -> None:
    """However often an exchange pays."""
    day = 86_400_000
    pages = Pages(hours * 3_600_000)
    found = await fetch_funding_rates(pages, BTC, since_ms=Ms(0), until_ms=Ms(31 * day))
    assert [at_ms for at_ms, _ in found] == list(range(0, 31 * day + 1, hours * 3_600_000))
    assert pages.asked == 8
