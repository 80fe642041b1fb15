"""The whole pipeline over a real ledger and a simulated exchange, in virtual time.

A test moves the price and sends signals; everything between is the product.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from signalbot.app.composition import build
from signalbot.app.lifecycle import running
from signalbot.app.services import Services
from signalbot.config.load import load
from signalbot.domain.executions import Decision, Execution
from signalbot.domain.market import Candle
from signalbot.domain.signals import Action, Signal, SignalSource, Strength, signal_id_of_key
from signalbot.domain.timeframe import EPOCH, Ms, Timeframe
from signalbot.domain.users import User, UserId
from signalbot.ledger.database import Database, open_database, open_replay_database
from signalbot.ledger.signals import DECISIONS
from signalbot.ports import Advisor, Clock, Exchange, Market, Outage, RateAllowance
from signalbot.replay import virtual_time
from signalbot.replay.historical_exchange import HistoricalExchange
from signalbot.settings.simulation import SimulationRules
from signalbot.tasks import LoopClock
from tests.fakes.broker import FaultyBroker

BTC = "BTC/USDT:USDT"
ETH = "ETH/USDT:USDT"
START = Ms(1_700_000_040_000)  # a minute boundary

HEAD = """
[exchanges.sim]
ccxt_id = "simulated"
[exchanges.sim.simulated]
slippage_bps = 0.0
taker_fee_percent = 0.05
[strategies.trend]
kind = "ema_cross"
exchange = "sim"
symbols = ["BTC/USDT:USDT", "ETH/USDT:USDT"]
timeframe = "5m"
[defaults.sizing]
mode = "quote"
quote_amount = 1000
"""


def user(name: str, *, mode: str = "paper", leverage: int = 5, extra: str = "") -> str:
    """TOML of one user subscribed to ``trend``; ``extra`` goes into its subscription."""
    return f"""
[users.{name}]
mode = "{mode}"
[users.{name}.account]
exchange = "sim"
leverage = {leverage}
paper_balance = 10000
[users.{name}.subscriptions.trend]
{extra}
"""


class FaultyExchange:
    """A historical exchange with brokers that can be made to fail."""

    def __init__(
        self,
        real: HistoricalExchange,
        clock: Clock,
        kind: type[FaultyBroker] = FaultyBroker,
    ) -> None:
        self.real = real
        self._kind = kind
        self.brokers: dict[UserId, FaultyBroker] = {}
        self._clock = clock

    @property
    def market(self) -> Market:
        return self.real.market

    entry_block_reason: str | None = None

    def rate_allowances(self) -> Sequence[RateAllowance]:
        return self.real.rate_allowances()

    def outages(self) -> Sequence[Outage]:
        return self.real.outages()

    def broker(self, user: User, *, symbols: Collection[str]) -> FaultyBroker:
        broker = self._kind(self.real.broker(user), self._clock)
        return self.brokers.setdefault(user.user_id, broker)

    def release(self, user_id: UserId) -> None:
        """As the wrapped exchange does."""
        self.real.release(user_id)

    retry_at_ms = EPOCH
    needs_reconciliation = False

    def unexplained_changes(self) -> AsyncIterator[UserId]:
        return self.real.unexplained_changes()

    def reconciliation_interval_ms(self, user_id: UserId) -> int:
        return self.real.reconciliation_interval_ms(user_id)

    async def connect(self) -> None:
        await self.real.connect()

    async def prepare(self) -> None:
        await self.real.prepare()

    async def run(self) -> None:
        await self.real.run()


class Simulation:
    """Running services, their exchange and their clock."""

    def __init__(
        self, services: Services, exchange: FaultyExchange, clock: Clock, database: Database
    ) -> None:
        self.services = services
        self.exchange = exchange
        self.clock = clock
        self.database = database

    async def price(
        self, close: str, *, low: str | None = None, high: str | None = None, symbol: str = BTC
    ) -> None:
        """Let one minute pass: the price touches ``low`` and ``high`` and ends at ``close``."""
        await self.clock.sleep(60)
        self.jump(close, low=low, high=high, symbol=symbol)
        await self.settle()

    def jump(
        self, close: str, *, low: str | None = None, high: str | None = None, symbol: str = BTC
    ) -> None:
        """Move the price without giving any task time to react."""
        end = Decimal(close)
        before = self.exchange.market.last_price(symbol) or end
        self.exchange.real.advance(
            Candle(
                symbol=symbol,
                timeframe=Timeframe.M1,
                open_ms=Ms(Timeframe.M1.floor(self.clock.now_ms()) - Timeframe.M1.ms),
                open=before,
                high=max(before, end, Decimal(high or close)),
                low=min(before, end, Decimal(low or close)),
                close=end,
                volume=Decimal(1),
            )
        )

    async def settle(self) -> None:
        """Wait until every signal and order event is processed."""
        await self.clock.sleep(0.5)
        await self.services.outbound.broadcaster.wait_drained()

    def make(
        self,
        action: Action = Action.LONG,
        *,
        key: str = "1",
        price: str | None = "100",
        stop: str | None = "90",
        targets: tuple[str, ...] = (),
        symbol: str = BTC,
        ttl_ms: int = 300_000,
        strength: Strength = Strength.STRONG,
        exit_percent: str = "100",
        shares: tuple[str, ...] = (),
        trailing: str | None = None,
    ) -> Signal:
        """A signal created now."""
        now_ms = self.clock.now_ms()
        return Signal(
            signal_id=signal_id_of_key(strategy="trend", key=key),
            strategy="trend",
            source=SignalSource.API,
            exchange="sim",
            symbol=symbol,
            timeframe=Timeframe.M5,
            action=action,
            strength=strength,
            confidence=0.8,
            price=None if price is None else Decimal(price),
            stop_loss=None if stop is None else Decimal(stop),
            take_profits=tuple(Decimal(each) for each in targets),
            take_profit_shares=tuple(Decimal(each) for each in shares),
            trailing_percent=None if trailing is None else Decimal(trailing),
            exit_percent=Decimal(exit_percent),
            reason="test",
            candle_close_ms=now_ms,
            created_at_ms=now_ms,
            expires_at_ms=Ms(now_ms + ttl_ms),
        )

    async def send(self, signal: Signal) -> Signal:
        """Store and broadcast a signal, and wait until every listener has processed it."""
        assert await self.services.outbound.emitter.accept(signal)
        await self.settle()
        return signal

    async def execution(self, signal: Signal, user_id: str) -> Execution | None:
        return await self.services.storage.executions.execution(signal.signal_id, UserId(user_id))

    async def decision(self, signal: Signal, user_id: str) -> Decision | None:
        rows = await self.database.query(
            "SELECT * FROM decisions WHERE signal_id = ? AND user_id = ?",
            (signal.signal_id, user_id),
        )
        return DECISIONS.decode(rows[0]) if rows else None

    def broker(self, user_id: str) -> FaultyBroker:
        return self.exchange.brokers[UserId(user_id)]


@asynccontextmanager
async def simulation(
    folder: Path,
    *users: str,
    head: str = HEAD,
    durable: bool = False,
    advisor: Advisor | None = None,
    broker: type[FaultyBroker] = FaultyBroker,
) -> AsyncIterator[Simulation]:
    """Start the services on ``folder``; starting again on the same folder is a restart."""
    file = folder / "config.toml"
    file.write_text(head + "".join(users))
    config = load(file, {})
    clock = LoopClock(START)
    ledger = folder / "signalbot.db"
    async with open_database(ledger) if durable else open_replay_database(ledger) as database:
        rules = config.exchanges["sim"].simulated or SimulationRules()
        real = HistoricalExchange("sim", rules, base=Timeframe.M1, clock=clock)
        exchange = FaultyExchange(real, clock, broker)
        exchanges: dict[str, Exchange] = {"sim": exchange}
        services = build(
            config, database=database, exchanges=exchanges, clock=clock, advisor=advisor
        )
        async with running(services):
            yield Simulation(services, exchange, clock, database)


def run_in_virtual_time(
    folder: Path,
    story: Callable[[Simulation], Awaitable[None]],
    *users: str,
    head: str = HEAD,
    advisor: Advisor | None = None,
    broker: type[FaultyBroker] = FaultyBroker,
) -> None:
    """Run one story in virtual time, in a new simulation at a price of 100."""

    async def scene() -> None:
        async with simulation(folder, *users, head=head, advisor=advisor, broker=broker) as w:
            await w.price("100")
            await w.price("100", symbol=ETH)
            await story(w)

    run(scene())


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run in virtual time."""
    virtual_time.run_virtual(main)
