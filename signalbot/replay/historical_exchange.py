"""An exchange whose prices come from a file: the simulated one, driven by historical candles."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from decimal import Decimal

from signalbot.domain.market import Candle, Instrument
from signalbot.domain.timeframe import EPOCH, Ms, Timeframe
from signalbot.domain.users import User, UserId
from signalbot.exchange.simulated.accounts import ExchangeAccount
from signalbot.exchange.simulated.broker import SimulatedBroker
from signalbot.exchange.simulated.engine import MatchingEngine
from signalbot.exchange.simulated.exchange import COMPARE_INTERVAL_MS
from signalbot.exchange.simulated.market import SimulatedMarket
from signalbot.ports import Clock, Outage, RateAllowance
from signalbot.replay.equity_tracking import EquityTrack
from signalbot.settings.simulation import SimulationRules, instrument_of, symbol_rules
from signalbot.stream import Stream


class HistoricalExchange:
    """Implements ``Exchange``; ``advance`` lets its history happen."""

    def __init__(self, name: str, rules: SimulationRules, *, base: Timeframe, clock: Clock) -> None:
        def instrument(symbol: str) -> Instrument:
            return instrument_of(symbol, symbol_rules(rules, symbol))

        self._clock = clock
        self._follows_latency = rules.latency_ms > 0
        self._engine = MatchingEngine(exchange=name, rules=rules, instrument=instrument)
        self._engine.observe(self._track_account)
        self.tracks: dict[UserId, EquityTrack] = {}  #: what every account went through
        self.market = SimulatedMarket(instrument=instrument, history=_no_history, base=base)

    def _track_account(self, account: ExchangeAccount) -> EquityTrack:
        track = self.tracks[account.user_id] = EquityTrack(account.wallet)
        return track

    def set_upcoming(self, candle: Candle) -> None:
        """This one forms next: orders that are on their way meet the price within it."""
        if self._follows_latency:
            self._engine.upcoming(candle)

    def pay_funding(self, symbol: str, rate: Decimal, at_ms: Ms) -> Mapping[UserId, Decimal]:
        """Let every position in a market pay funding; what each account received."""
        return self._engine.on_funding(symbol, rate, at_ms)

    def advance(self, candle: Candle) -> None:
        """One more candle has closed: resting orders trade in it, then it is published."""
        self._engine.on_candle(candle)
        self.market.advance(candle)

    entry_block_reason: str | None = None
    retry_at_ms = EPOCH
    needs_reconciliation = False

    def rate_allowances(self) -> Sequence[RateAllowance]:
        return ()

    def outages(self) -> Sequence[Outage]:
        return ()

    def unexplained_changes(self) -> AsyncIterator[UserId]:
        """None: nobody else trades its accounts."""
        return Stream()

    def reconciliation_interval_ms(self, user_id: UserId) -> int:
        return COMPARE_INTERVAL_MS

    def broker(self, user: User, *, symbols: Collection[str] = ()) -> SimulatedBroker:
        return SimulatedBroker(
            engine=self._engine,
            user_id=user.user_id,
            deposit=user.account.paper_balance,
            clock=self._clock,
        )

    def release(self, user_id: UserId) -> None:
        """Nothing to forget: nobody leaves a replay."""

    async def connect(self) -> None:
        """It is always there."""

    async def prepare(self) -> None:
        """Nothing has happened yet."""

    async def run(self) -> None:
        """Nothing to keep up with: the replay advances it."""


def _no_history(_symbol: str, _timeframe: Timeframe, _end: Ms, _limit: int) -> Sequence[Candle]:
    """Before the file begins nothing is known: strategies warm up inside the replay."""
    return ()
