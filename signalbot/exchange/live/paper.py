"""Paper accounts at a live exchange: its prices and rules, simulated fills."""

import structlog

from signalbot.domain.errors import Unavailable
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import User
from signalbot.exchange.live.market import LiveMarket
from signalbot.exchange.live.ticks import Ticks
from signalbot.exchange.simulated.broker import SimulatedBroker
from signalbot.exchange.simulated.rules import SimulationRules
from signalbot.exchange.simulated.venue import SimulatedVenue
from signalbot.ledger.database import Database
from signalbot.ledger.simulated import SimulatedStore, load
from signalbot.ports import Clock

log = structlog.get_logger()

_MINUTE = Timeframe.M1
_MOST_MISSED = 10_000  # minutes


class PaperDesk:
    """All paper accounts of one exchange. Stops trade through the time the daemon was away."""

    def __init__(self, venue: SimulatedVenue, market: LiveMarket, clock: Clock) -> None:
        self._venue = venue
        self._market = market
        self._clock = clock

    @classmethod
    async def open(
        cls,
        name: str,
        rules: SimulationRules,
        *,
        market: LiveMarket,
        ticks: Ticks,
        database: Database,
        clock: Clock,
    ) -> "PaperDesk":
        """The desk as the ledger remembers it, fed with every price from now on."""
        venue = SimulatedVenue(
            exchange=name,
            rules=rules,
            instrument=market.instrument,
            store=SimulatedStore(database, name),
            state=await load(database, name),
        )
        ticks.on_price(venue.on_range)
        return cls(venue, market, clock)

    def broker(self, user: User) -> SimulatedBroker:
        return SimulatedBroker(
            venue=self._venue,
            user_id=user.user_id,
            deposit=user.account.paper_balance,
            clock=self._clock,
            is_paper=True,
        )

    async def catch_up(self) -> None:
        """Let resting orders trade through the minutes nobody watched."""
        now_ms, seen_ms = self._clock.now_ms(), self._venue.last_seen_ms
        if seen_ms is not None and seen_ms < now_ms:
            missed = min((now_ms - seen_ms) // _MINUTE.ms, _MOST_MISSED)
            for symbol in self._venue.symbols if missed else ():
                try:
                    candles = await self._market.history(
                        symbol, _MINUTE, end_ms=now_ms, limit=missed
                    )
                except Unavailable as e:
                    log.warning("paper.not_caught_up", symbol=symbol, cause=str(e))
                    continue
                for candle in candles:
                    self._venue.on_candle(candle)
        self._venue.seen(now_ms)

    async def run(self) -> None:
        """Note from time to time up to when prices have been matched, until cancelled."""
        while True:
            await self._clock.sleep_until(Ms(_MINUTE.next_close(self._clock.now_ms())))
            self._venue.seen(self._clock.now_ms())
