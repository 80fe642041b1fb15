"""Paper accounts at a live exchange: its prices and rules, simulated fills."""

import structlog

from signalbot.domain.errors import Unavailable
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import User
from signalbot.exchange.live.market_data.market import LiveMarket
from signalbot.exchange.live.market_data.prices import PriceFeed
from signalbot.exchange.simulated.broker import SimulatedBroker
from signalbot.exchange.simulated.engine import MatchingEngine
from signalbot.ledger.database import Database
from signalbot.ledger.simulated_store import SimulatedStore, load_state
from signalbot.ports import Clock
from signalbot.settings.simulation import SimulationRules

log = structlog.get_logger()

_MINUTE = Timeframe.M1
_MAX_MISSED_CANDLES = 10_000  # minutes


class PaperExchange:
    """All paper accounts of one exchange; stops trade through the daemon's downtime."""

    def __init__(self, engine: MatchingEngine, market: LiveMarket, clock: Clock) -> None:
        self._engine = engine
        self._market = market
        self._clock = clock

    @classmethod
    async def open(
        cls,
        name: str,
        rules: SimulationRules,
        *,
        market: LiveMarket,
        price_feed: PriceFeed,
        database: Database,
        clock: Clock,
    ) -> "PaperExchange":
        """The paper accounts from the ledger, matched with every price from now on."""
        engine = MatchingEngine(
            exchange=name,
            rules=rules,
            instrument=market.instrument,
            store=SimulatedStore(database, name),
            state=await load_state(database, name),
        )
        price_feed.add_listener(engine.on_range)
        return cls(engine, market, clock)

    def broker(self, user: User) -> SimulatedBroker:
        return SimulatedBroker(
            engine=self._engine,
            user_id=user.user_id,
            deposit=user.account.paper_balance,
            clock=self._clock,
            is_paper=True,
        )

    async def catch_up(self) -> None:
        """Match resting orders with the minutes since the daemon last ran."""
        now_ms, seen_ms = self._clock.now_ms(), self._engine.last_seen_ms
        if seen_ms is not None and seen_ms < now_ms:
            missed = min((now_ms - seen_ms) // _MINUTE.ms, _MAX_MISSED_CANDLES)
            for symbol in self._engine.symbols if missed else ():
                try:
                    candles = await self._market.history(
                        symbol, _MINUTE, end_ms=now_ms, limit=missed
                    )
                except Unavailable as e:
                    log.warning("paper.catch_up_failed", symbol=symbol, cause=str(e))
                    continue
                for candle in candles:
                    self._engine.on_candle(candle)
        self._engine.mark_matched(now_ms)

    async def run(self) -> None:
        """Record every minute up to when prices have been matched, until cancelled."""
        while True:
            await self._clock.sleep_until(Ms(_MINUTE.next_close(self._clock.now_ms())))
            self._engine.mark_matched(self._clock.now_ms())
