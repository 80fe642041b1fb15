"""Virtual time never stands still, however long it has run and however small its steps are."""

import asyncio
import json
from collections.abc import Coroutine
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.app.composition import build
from signalbot.app.lifecycle import running
from signalbot.config.load import load
from signalbot.domain.market import Candle
from signalbot.domain.positions import CloseReason
from signalbot.domain.timeframe import DAY_MS, Ms, Timeframe
from signalbot.exchange.simulated.exchange import SimulatedExchange
from signalbot.ledger.database import open_replay_database
from signalbot.ledger.history import read_ledger_history
from signalbot.replay import virtual_time
from signalbot.replay.run import config_for_symbol, replay
from signalbot.settings.simulation import SimulationRules
from signalbot.tasks import LoopClock, Timers

START = Ms(1_500_000_000_000)
YEAR_S = 365.25 * 86_400
LONG = 2.0**24
"""Seconds after which a nanosecond is lost in a float: 194 days."""

T = TypeVar("T")


def in_time(story: Coroutine[Any, Any, T], speed: float | None = None) -> T:
    """What a story comes to; one that stands still fails by its deadline."""
    return virtual_time.run_virtual(story, speed=speed)


async def test_real_time_is_not_concerned() -> None:
    """These tests' own loop is asyncio's."""
    assert not isinstance(asyncio.get_running_loop(), virtual_time.VirtualTimeLoop)


def test_ten_years_pass_in_steps_of_six_hours() -> None:
    """Each with sleeps from a nanosecond to a second in it, and a deadline that expires."""

    async def story() -> list[int]:
        clock, late = LoopClock(START), []
        for step in range(1, 4 * 3_653):
            at_ms = Ms(START + step * DAY_MS // 4)
            await clock.sleep_until(at_ms)
            late.append(clock.now_ms() - at_ms)
            for delay_s in (1e-9, 1e-6, 0.0001, 0.001, 1.0):
                await clock.sleep(delay_s)
        try:
            async with asyncio.timeout(0.001):
                await asyncio.sleep(3600)
        except TimeoutError:
            return late
        raise AssertionError("the deadline never expired")

    assert set(in_time(story())) == {0}


@given(
    st.sampled_from([0.0, 1.0, LONG - 1, LONG, LONG + 0.001, 3 * YEAR_S, 10 * YEAR_S, 60 * YEAR_S]),
    st.lists(st.floats(1e-12, 1e4), min_size=1, max_size=5),
)
def test_a_sleep_of_any_length_ends_in_time_from_any_instant(
    passed_s: float, delays_s: list[float]
) -> None:
    """Not before, and less than two microseconds after."""

    async def story() -> list[tuple[float, float]]:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(passed_s)
        found = []
        for delay_s in delays_s:
            began_s = loop.time()
            await asyncio.sleep(delay_s)
            found.append((delay_s, loop.time() - began_s))
        return found

    for delay_s, took_s in in_time(story()):
        # A float as large as 60 years knows no more than a quarter of a microsecond.
        assert delay_s - 5e-7 <= took_s <= delay_s + 2e-6


@pytest.mark.parametrize("speed", [None, 1e9])
def test_timers_ring_in_their_order_after_years(speed: float | None) -> None:
    """At any speed: those set for later ring later, by less than a tick too; none is lost."""

    async def story() -> list[int]:
        loop, rang = asyncio.get_running_loop(), list[int]()
        await asyncio.sleep(5 * YEAR_S)
        now_s = loop.time()
        for at in reversed(range(50)):
            loop.call_at(now_s + 0.002 * (at // 10) + 1e-7 * (at % 10), rang.append, at)
        await asyncio.sleep(1)
        return rang

    assert in_time(story(), speed) == list(range(50))


@pytest.mark.parametrize("speed", [2.0, 1e6, 1e9])
def test_a_faster_clock_goes_on_after_years(speed: float) -> None:
    """A daemon on a simulated exchange runs so: its stops hang on these sleeps."""

    async def story() -> float:
        loop = asyncio.get_running_loop()
        for passed_s in (LONG, 3 * YEAR_S) if speed == 1e9 else (1e-3,):
            await asyncio.sleep(passed_s)
        began_s = loop.time()
        for _ in range(100):
            await asyncio.sleep(0.0015)
        return loop.time() - began_s

    assert 0.15 <= in_time(story(), speed) < 0.1502


def test_alarms_ring_after_years() -> None:
    """Signals expire by them."""

    async def story() -> list[Ms]:
        clock, rang = LoopClock(START), list[Ms]()
        await clock.sleep(4 * YEAR_S)
        alarms, now_ms = Timers(clock), clock.now_ms()

        async def ring() -> None:
            rang.append(Ms(clock.now_ms() - now_ms))

        for after_ms in (7, 1, 300_000, 0, 3):
            alarms.at(Ms(now_ms + after_ms), ring)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(alarms.run())
            await clock.sleep(600)
            running.cancel()
        return rang

    assert in_time(story()) == [0, 1, 3, 7, 300_000]


CONFIG = """
[exchanges.sim]
ccxt_id = "simulated"
[strategies.cross]
kind = "ema_cross"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
timeframe = "1d"
params = { fast = 2, slow = 4 }
[defaults.sizing]
mode = "quote"
quote_amount = 1000
[defaults.filters]
max_signal_age = "1d"
[users.ann.account]
exchange = "sim"
[users.ann.subscriptions.cross]
"""


def test_ten_years_of_candles_are_replayed_to_the_end(tmp_path: Path) -> None:
    """Positions are opened and closed in the last year as in the first."""
    config = tmp_path / "config.toml"
    config.write_text(CONFIG)
    days = 3_653
    first_ms = 1_420_070_400_000  # 2015
    swings = [100 + 10 * ((day // 6) % 2) + day % 6 for day in range(days + 1)]
    candles = [
        Candle(
            symbol="BTC/USDT:USDT",
            timeframe=Timeframe.D1,
            open_ms=Ms(first_ms + day * DAY_MS),
            open=Decimal(swings[day]),
            high=Decimal(max(swings[day : day + 2])),
            low=Decimal(min(swings[day : day + 2])),
            close=Decimal(swings[day + 1]),
            volume=Decimal(1),
        )
        for day in range(days)
    ]
    settings = config_for_symbol(load(config, {}), "BTC/USDT:USDT")
    played = replay(settings, candles, timeframe=Timeframe.D1, ledger=tmp_path / "r.db")
    assert played.candles == days
    curve = played.equity["ann"]  # type: ignore[index]
    assert curve[-1][0] >= first_ms + days * DAY_MS
    last_year = [equity for at_ms, equity in curve if at_ms > first_ms + (days - 365) * DAY_MS]
    assert len(set(last_year)) > 10, json.dumps(list(map(str, last_year[:20])))


@pytest.mark.parametrize("passed_s", [0, LONG])
def test_a_simulated_exchange_trades_on_after_194_days(tmp_path: Path, passed_s: float) -> None:
    """Signals come, positions are opened, stopped and closed: the clock's age changes nothing."""
    config = tmp_path / "config.toml"
    config.write_text(
        CONFIG.replace('"1d"\nparams', '"1m"\nparams').replace(
            "[defaults.filters]", "[defaults.protection]\nstop_loss = { percent = 0.2 }\n"
            "[defaults.filters]"
        )
    )  # fmt: skip

    async def story() -> None:
        await asyncio.sleep(passed_s)
        clock, settings = LoopClock(START), load(config, {})
        async with open_replay_database(tmp_path / "sim.db") as database:
            sim = await SimulatedExchange.open(
                "sim", SimulationRules(), database=database, clock=clock
            )
            services = build(settings, database=database, exchanges={"sim": sim}, clock=clock)
            async with running(services):
                await clock.sleep_until(Ms(START + 3 * 3_600_000))

    in_time(story(), 1e9)
    positions = read_ledger_history(tmp_path / "sim.db").positions["ann"]  # type: ignore[index]
    reasons = {each.close_reason for each in positions}
    assert CloseReason.STOP_LOSS in reasons
    assert all(each.protected_at_ms is not None for each in positions)
    assert len(positions) > 5
