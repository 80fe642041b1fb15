"""Restarts and watching under an exchange's published limits, with the daemon as a process.

Weight is what the exchange has counted; ``refused`` are its answers of 429, 418 or 403.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.live.live_daemon import CONFIG, USER, LiveFixture
from tests.venue.markets import Market
from tests.venue.model import Kind, Order
from tests.venue.server import build, listening

BASES = ("BTC", "ETH", "SOL", "XRP", "ADA", "DOT")


class Crowd(LiveFixture):
    """Many users, every one of whom trades the same symbols."""

    bases: Sequence[str] = ("BTC",)

    async def keep_up(self) -> None:
        """Every minute that has passed meanwhile has a candle."""
        await self._keep_up()

    @property
    def ids(self) -> list[str]:
        return [self.venue.dialect.market_id(base) for base in self.bases]

    def configure(
        self, *users: str, mode: str = "live", defaults: str = "", targets: str = "[]"
    ) -> None:
        text = CONFIG.format(
            ccxt_id=self.venue.dialect.ccxt_id, urls=self.venue.toml("venue"),
            defaults=defaults, targets=targets,
        )  # fmt: skip
        named = ", ".join(f'"{base}/USDT:USDT"' for base in self.bases)
        text = text.replace('symbols = ["BTC/USDT:USDT"]', f"symbols = [{named}]")
        text = text.replace('visibility_lag = "6s"', 'visibility_lag = "60s"')
        text = text.replace("timeout = 2000", "timeout = 10000")
        text += "".join(USER.format(name=name, mode=mode) for name in users)
        (self.folder / "config.toml").write_text(text)

    def _push(self, open_ms: int, close: int, *, keep: bool = True, tell: bool = True) -> None:
        at = Decimal(close)
        for symbol in self.ids:
            self.venue.engine.set_price(symbol, at)
            self.venue.engine.push_candle(
                symbol, "1m", open_ms, at, at + 20, at - 20, at, keep=keep, tell=tell
            )

    def stops(self, user: str) -> list[Order]:
        return self.resting(user, Kind.STOP)

    def covered(self, users: Sequence[str]) -> int:
        """How many positions have a stop."""
        return sum(
            len({stop.ask.symbol for stop in self.stops(user)} & self.holding(user))
            for user in users
        )

    def holding(self, user: str) -> set[str]:
        account = self.account(user)
        return {symbol for symbol in self.ids if account.held(symbol)}

    def weight(self, since: int, *, to_last_stop: bool = False) -> int:
        """What the calls since then have cost, or those until the last stop was placed."""
        calls = self.venue.calls[since:]
        if to_last_stop:
            stops = [at for at, call in enumerate(calls) if call.facts.leg == "stop"]
            calls = calls[: stops[-1] + 1]
        weigh = getattr(self.venue.dialect, "weight", None)
        return sum(weigh(call) for call in calls) if weigh else len(calls)

    def refused(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for each in self.venue.limits.refused:
            found[each.status] = found.get(each.status, 0) + 1
        return found


@asynccontextmanager
async def crowd(dialect: str, users: Sequence[str], symbols: int) -> AsyncIterator[Crowd]:
    first = build(dialect)
    market = next(iter(first.engine.markets.values()))
    markets = [_like(market, base) for base in BASES[:symbols]]
    with tempfile.TemporaryDirectory() as name:
        async with listening(build(dialect, markets=markets)) as it, asyncio.TaskGroup() as group:
            Crowd.bases = BASES[:symbols]
            it.limits.ban_first_s = 120.0
            rig = Crowd(Path(name), it, group)
            rig.forks = False
            rig.configure(*users)
            await rig.keys(*users)
            try:
                yield rig
            finally:
                await rig.end()


def _like(market: Market, base: str) -> Market:
    return replace(market, id=market.id.replace("BTC", base), base=base)


def _say(text: str) -> None:
    print(text, flush=True)


def _all(number: int) -> list[str]:
    return [f"user{index:04}" for index in range(number)]


async def _enter(rig: Crowd, users: Sequence[str], positions: int) -> None:
    await rig.start()
    await asyncio.sleep(positions / 4)  # leverage and margin mode of new accounts are set at a pace
    rig.go_on_from_now()
    await rig.candle(49_900)
    await rig.go_long()
    await rig.until(lambda: rig.covered(users) == positions, seconds=240, what="all are protected")
    await asyncio.sleep(3)


async def naked_restart(dialect: str, number: int, symbols: int) -> None:
    """Everybody holds, the daemon is killed, all stops go, and it is started again."""
    users = _all(number)
    async with crowd(dialect, users, symbols) as rig:
        await _enter(rig, users, number * symbols)
        await rig.kill()
        for user in users:
            for stop in rig.stops(user):
                rig.venue.engine.cancel_by_hand(rig.key(user), stop.id)
        rig.venue.limits.clear()
        rig.venue.limits.on = True
        since, began_s = len(rig.venue.calls), time.monotonic()
        await rig.start(ready=False)
        await rig.until(
            lambda: rig.covered(users) == number * symbols, seconds=600, what="all are protected"
        )
        protected_s = time.monotonic() - began_s
        weight = rig.weight(since, to_last_stop=True)
        await rig.daemon.wait_for("daemon.ready", seconds=300)
        _say(
            f"{dialect:>8} {number:>5} x {symbols}: all protected after {protected_s:.1f} s, weight"
            f" {weight}; READY after {time.monotonic() - began_s:.1f} s; refused {rig.refused()}"
        )


async def flat_restart(dialect: str, number: int) -> None:
    """Nobody holds anything; the first signal after READY has to reach everybody.

    The first life has no limits of its own, so that every account is set up when it ends.
    """
    users = _all(number)
    async with crowd(dialect, users, 1) as rig:
        file = rig.folder / "config.toml"
        published = file.read_text()
        endless = 'visibility_lag = "60s"\nrequest_limits = { "1m" = 10000000 }'
        file.write_text(published.replace('visibility_lag = "60s"', endless))
        await rig.start(ready=False)
        await rig.daemon.wait_for("daemon.ready", seconds=300)
        await rig.listening()
        await asyncio.sleep(number / 5)
        await rig.stop()
        file.write_text(published)
        rig.venue.limits.clear()
        rig.venue.limits.on = True
        since, began_s = len(rig.venue.calls), time.monotonic()
        await rig.start(ready=False)
        await rig.daemon.wait_for("daemon.ready", seconds=600)
        ready_s, weight = time.monotonic() - began_s, rig.weight(since)
        await rig.listening()
        await rig.keep_up()  # a hole in the candles would leave the strategy without its window
        await rig.candle(49_900)
        await rig.go_long()
        emitted_s = time.monotonic()
        await rig.until(
            lambda: sum(bool(rig.holding(user)) for user in users) == number, seconds=300,
            what="all have entered",
            and_else=lambda: sum(bool(rig.holding(user)) for user in users),
        )  # fmt: skip
        entered_s = time.monotonic() - emitted_s
        await rig.until(lambda: rig.covered(users) == number, seconds=300, what="all are protected")
        _say(
            f"{dialect:>8} {number:>5} flat: READY after {ready_s:.1f} s, weight {weight}; all"
            f" entered {entered_s:.1f} s after the signal, protected"
            f" {time.monotonic() - emitted_s:.1f} s after it; refused {rig.refused()}"
        )


async def watching(dialect: str, number: int, symbols: int, *, times: int = 20) -> None:
    """A stop cancelled by hand, a position closed by hand: how soon is it known."""
    users, draw = _all(number), random.Random(7)
    async with crowd(dialect, users, symbols) as rig:
        await _enter(rig, users, number * symbols)
        rig.venue.limits.clear()
        rig.venue.limits.on = True
        since, began_s = len(rig.venue.calls), time.monotonic()
        await asyncio.sleep(60)
        idle = rig.weight(since)
        back: list[float] = []
        known: list[float] = []
        for _ in range(times):
            user = draw.choice(users)
            stop = draw.choice(rig.stops(user))
            back.append(await _timed(rig, lambda: _cancel(rig, user, stop)))  # noqa: B023
            user = draw.choice([each for each in users if rig.holding(each)])
            symbol = draw.choice(sorted(rig.holding(user)))
            known.append(await _timed(rig, lambda: _close(rig, user, symbol)))  # noqa: B023
        minutes = (time.monotonic() - began_s) / 60
        _say(
            f"{dialect:>8} {number:>5} x {symbols}: stop back {_spread(back)}, close known"
            f" {_spread(known)}; idle weight {idle} a minute, {rig.weight(since) / minutes:.0f}"
            f" in all; refused {rig.refused()}"
        )


def _spread(found: Sequence[float]) -> str:
    ordered = sorted(found)
    return f"median {ordered[len(ordered) // 2]:.1f} s, most {ordered[-1]:.1f} s"


async def _timed(rig: Crowd, act: Any) -> float:
    began_s = time.monotonic()
    is_done = act()
    await rig.until(is_done, seconds=120)
    return time.monotonic() - began_s


def _cancel(rig: Crowd, user: str, stop: Order) -> Any:
    symbol = stop.ask.symbol
    rig.venue.engine.cancel_by_hand(rig.key(user), stop.id)
    return lambda: any(each.ask.symbol == symbol for each in rig.stops(user))


def _close(rig: Crowd, user: str, symbol: str) -> Any:
    base = next(base for base in rig.bases if rig.venue.dialect.market_id(base) == symbol)
    rig.venue.engine.close_by_hand(rig.key(user), symbol)
    sql = (
        f"SELECT 1 FROM positions WHERE user_id = '{user}' AND status = 'CLOSED'"
        f" AND symbol = '{base}/USDT:USDT'"
    )
    return lambda: bool(rig.rows(sql))


def main() -> None:
    _say("Restarts and watching under published limits")
    for dialect in ("binance", "bybit", "okx"):
        asyncio.run(naked_restart(dialect, 30, 1))
        asyncio.run(naked_restart(dialect, 30, 6))
        asyncio.run(watching(dialect, 50, 6))
    for dialect in ("binance", "bybit"):
        asyncio.run(flat_restart(dialect, 1_000))
    _say("")
