"""A whole live exchange: one connection per address, an account for each user, kept fresh."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from operator import or_
from types import MappingProxyType

import structlog

from signalbot.domain.errors import SignalbotError
from signalbot.domain.market import PriceRange
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.domain.users import Mode, User, UserId
from signalbot.exchange.live.brackets import Brackets
from signalbot.exchange.live.broker import LiveBroker
from signalbot.exchange.live.budget import Budget
from signalbot.exchange.live.caller import Caller
from signalbot.exchange.live.connection import DIRECT, Connection, Egress
from signalbot.exchange.live.funding import funding_history
from signalbot.exchange.live.hints import OrderStreams
from signalbot.exchange.live.history import History
from signalbot.exchange.live.market import LiveMarket
from signalbot.exchange.live.paper import PaperDesk
from signalbot.exchange.live.preflight import Finding, findings
from signalbot.exchange.live.ticks import Ticks
from signalbot.exchange.live.wallet import Dialects
from signalbot.exchange.live.watcher import Boundary, CandleWatcher
from signalbot.exchange.simulated.broker import SimulatedBroker
from signalbot.exchange.simulated.rules import SimulationRules
from signalbot.ledger.database import Database
from signalbot.ledger.margins import Margins
from signalbot.ports import Allowance, Away, Clock
from signalbot.tasks import supervise

log = structlog.get_logger()

_CLOCK_EVERY_S = 600.0
_CLOCK_LIMIT_MS = 1_000
_MARKETS_EVERY_S = 6 * 3600.0
_POLL_EVERY_S = 5.0
_MOST_POLLS_PER_S = 20
_BALANCE_EVERY_MS = 60_000
_POLLS_AT_ONCE = 8

Credentials = Mapping[UserId, Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTerms:
    """What the configuration says of the exchange."""

    name: str
    ccxt_id: str
    sandbox: bool
    config: Mapping[str, object]
    paper: SimulationRules


@dataclass(frozen=True, slots=True)
class _Line:
    connection: Connection
    budget: Budget


class LiveExchange:
    """Implements ``Exchange``. Open it with ``open``, close it with ``close``."""

    def __init__(
        self,
        terms: LiveTerms,
        *,
        dialects: Dialects,
        credentials: Credentials,
        clock: Clock,
        boundary: Boundary | None = None,
        egress: Mapping[UserId, Egress] = MappingProxyType({}),
    ) -> None:
        self._egress = dict(egress)
        self._terms = terms
        self._dialects = dialects
        self._credentials = dict(credentials)
        self._clock = clock
        self._boundary = boundary
        self._lines: dict[Egress, _Line] = {}
        self._brokers: dict[UserId, LiveBroker] = {}
        self._due: dict[UserId, LiveBroker] = {}  #: to be polled at once
        self._is_due = asyncio.Event()
        self._clock_is_off = asyncio.Event()
        self._desk: PaperDesk | None = None
        self._streams = OrderStreams(dialects.values(), hint=self._look_at, clock=clock)

    async def open(self, database: Database) -> None:
        """Connect, learn the markets and the exchange's time.

        Raises:
            ConfigError: the settings cannot be used.
            Unavailable: the exchange cannot be reached.
        """
        line = await self._line(DIRECT)
        connection = line.connection
        for each in dict.fromkeys(self._egress.values()):
            if each not in self._lines:
                await self._line(each)
        await connection.load_markets()
        await connection.measure_clock()
        for each_line in self._lines.values():
            each_line.connection.adopt(connection)
        self._public = self._caller(line, connection.template)
        self.ticks = Ticks(self._public, clock=self._clock)
        history = History(self._public, now_ms=self._now_ms, clock=self._clock)
        self._watcher = CandleWatcher(
            connection,
            history=history,
            ticks=self.ticks,
            now_ms=self._now_ms,
            clock=self._clock,
            boundary=self._boundary,
        )
        self._brackets = Brackets(
            self._terms.ccxt_id,
            margins=Margins(database, self._terms.name),
            api=self._line_for,
            clock=self._clock,
            on_learned=self._forget_markets,
        )
        await self._brackets.load()
        self.market = LiveMarket(
            connection,
            history=history,
            watcher=self._watcher,
            ticks=self.ticks,
            clock=self._clock,
            complete=self._brackets.complete,
        )
        self.ticks.on_price(self._on_price)
        self._desk = await PaperDesk.open(
            self._terms.name,
            self._terms.paper,
            market=self.market,
            ticks=self.ticks,
            database=database,
            clock=self._clock,
        )

    async def close(self) -> None:
        for line in self._lines.values():
            await line.connection.close()

    def allowances(self) -> Sequence[Allowance]:
        return [
            Allowance(egress=egress.name, left=line.budget.left(), queued=line.budget.queued)
            for egress, line in self._lines.items()
        ]

    def away(self) -> Sequence[Away]:
        reaches = ((egress.name, line.budget.reach) for egress, line in self._lines.items())
        return [
            Away(egress=egress, since_ms=reach.away_since_ms, cause=reach.cause)
            for egress, reach in reaches
            if reach.away_since_ms is not None
        ]

    @property
    def trouble(self) -> str | None:
        line = self._lines[DIRECT]
        if line.budget.banned_until_ms > self._clock.now_ms():
            return f"banned: {line.budget.ban_reason}"
        offset_ms = line.connection.clock_offset_ms
        if abs(offset_ms) > _CLOCK_LIMIT_MS:
            return f"the clock is {offset_ms} ms off the exchange's"
        return None

    def broker(self, user: User, *, symbols: Collection[str]) -> LiveBroker | SimulatedBroker:
        if user.mode is not Mode.LIVE:
            assert self._desk is not None  # noqa: S101 - open() comes first
            return self._desk.broker(user)
        known = self._brokers.get(user.user_id)
        if known is None:
            api = self._api(user.user_id)
            known = self._brokers[user.user_id] = self._live_broker(user, symbols, api)
            if api is not None:
                self._streams.follow(user.user_id, api)
        return known

    async def admit(self, user_id: UserId, keys: Mapping[str, str], egress: Egress) -> None:
        """Learn the keys of an account, before it is opened or opened anew.

        Raises:
            Unavailable: the address it leaves by cannot be used now.
        """
        if egress not in self._lines:
            line = await self._line(egress)
            line.connection.adopt(self._lines[DIRECT].connection)
        self._credentials[user_id] = keys
        self._egress[user_id] = egress

    def release(self, user_id: UserId) -> None:
        self._brokers.pop(user_id, None)
        self._due.pop(user_id, None)
        self._streams.leave(user_id)

    def _api(self, user_id: UserId) -> Caller | None:
        """An account's line to the exchange; None without a key."""
        keys = self._credentials.get(user_id)
        if keys is None:
            return None
        line = self._lines[self._egress.get(user_id, DIRECT)]
        return self._caller(line, line.connection.client(keys), name=user_id)

    def _live_broker(self, user: User, symbols: Collection[str], api: Caller | None) -> LiveBroker:
        return LiveBroker(
            user,
            api=api,
            dialects=self._dialects,
            market=self.market,
            symbols=symbols,
            clock=self._clock,
        )

    async def prepare(self) -> None:
        """Know every price before anything is decided; let paper orders catch up."""
        await self.ticks.prime()
        if self._desk is not None:
            await self._desk.catch_up()

    async def run(self) -> None:
        """Keep prices, candles, accounts and the clock fresh until cancelled."""
        assert self._desk is not None  # noqa: S101 - open() comes first
        async with asyncio.TaskGroup() as group:
            for name, run in (
                ("candles", self._watcher.run),
                ("prices", self.ticks.run),
                ("paper", self._desk.run),
                ("clock", self._keep_time),
                ("markets", self._keep_markets),
                ("polls", self._poll_regularly),
                ("touched", self._poll_touched),
                ("balances", self._keep_balances),
                ("orders", self._streams.run),
                ("brackets", self._keep_brackets),
            ):
                group.create_task(
                    supervise(f"{self._terms.name} {name}", run, self._clock), name=name
                )

    async def examine(self, user: User, *, symbols: Collection[str]) -> list[Finding]:
        """Look at a live account before it trades; nothing is changed.

        Raises:
            Unavailable: it cannot be asked; AccessDenied when its key is not let in.
        """
        markets = {symbol: self.market.instrument(symbol) for symbol in sorted(symbols)}
        await self.ticks.prime()
        facts = await self._live_broker(user, symbols, self._api(user.user_id)).inspect()
        prices = {symbol: self.market.last_price(symbol) for symbol in markets}
        return list(
            findings(
                facts,
                user.account,
                markets={symbol: (each, prices[symbol]) for symbol, each in markets.items()},
                clock_offset_ms=self._lines[DIRECT].connection.clock_offset_ms,
                now_ms=self._now_ms(),
            )
        )

    async def funding_rates(
        self, symbol: str, *, since_ms: Ms, until_ms: Ms
    ) -> Sequence[tuple[Ms, Decimal]]:
        """What longs paid shorts, as fractions of notional, oldest first; ends included.

        Raises:
            Unavailable: the exchange does not tell.
        """
        return await funding_history(self._public, symbol, since_ms=since_ms, until_ms=until_ms)

    # --- keeping fresh --------------------------------------------------------------------

    def _look_at(self, user_id: UserId) -> None:
        """A stream has told something of this account."""
        broker = self._brokers.get(user_id)
        if broker is not None and broker.live:
            self._due[user_id] = broker
            self._is_due.set()

    def _on_price(self, reached: PriceRange) -> None:
        """Where the price has touched a resting order, its account is looked at at once."""
        for user_id, broker in self._brokers.items():
            if broker.live and broker.is_touched(reached):
                self._due[user_id] = broker
                self._is_due.set()

    async def _poll_touched(self) -> None:
        while True:
            await self._is_due.wait()
            self._is_due.clear()
            due, self._due = self._due, {}
            await self._poll(due.values())

    async def _poll_regularly(self) -> None:
        """Every account with resting orders in turn, evenly spread; a slow one holds up nobody."""
        asked: set[UserId] = set()

        async def poll(user_id: UserId, broker: LiveBroker) -> None:
            await self._poll([broker])
            asked.discard(user_id)

        async with asyncio.TaskGroup() as group:
            while True:
                live = [each for each in self._brokers.items() if each[1].live]
                pause_s = max(_POLL_EVERY_S / max(1, len(live)), 1 / _MOST_POLLS_PER_S)
                if not live:
                    await self._clock.sleep(_POLL_EVERY_S / 5)
                for user_id, broker in live:
                    if user_id not in asked:
                        asked.add(user_id)
                        group.create_task(poll(user_id, broker), name=f"poll {user_id}")
                    await self._clock.sleep(pause_s)

    async def _keep_balances(self) -> None:
        while True:
            await self._clock.sleep(_POLL_EVERY_S)
            old = Ms(self._clock.now_ms() - _BALANCE_EVERY_MS)
            stale = [
                each for each in self._brokers.values() if EPOCH < each.balance().as_of_ms < old
            ]
            await self._each(stale, lambda broker: broker.refresh_balance())

    async def _poll(self, brokers: Iterable[LiveBroker]) -> None:
        await self._each(brokers, lambda broker: broker.poll())

    async def _each(
        self, brokers: Iterable[LiveBroker], work: Callable[[LiveBroker], Awaitable[object]]
    ) -> None:
        """Do something for several accounts, a few at a time; one that fails holds up nobody."""
        waiting = list(brokers)

        async def take_turns() -> None:
            while waiting:
                broker = waiting.pop()
                try:
                    await work(broker)
                except SignalbotError as e:
                    log.debug("account.not_polled", user_id=broker.user.user_id, cause=str(e))

        async with asyncio.TaskGroup() as group:
            for number in range(min(_POLLS_AT_ONCE, len(waiting))):
                group.create_task(take_turns(), name=f"poll {number}")

    async def _keep_time(self) -> None:
        """Measure the exchange's clock now and then, and at once when it has refused ours."""
        while True:
            try:
                async with asyncio.timeout(_CLOCK_EVERY_S):
                    await self._clock_is_off.wait()
            except TimeoutError:
                pass
            self._clock_is_off.clear()
            for line in self._lines.values():
                offset_ms = await line.connection.measure_clock()
                if abs(offset_ms) > _CLOCK_LIMIT_MS:
                    log.error("exchange.clock_off", exchange=self._terms.name, offset_ms=offset_ms)
            await self._clock.sleep(1.0)

    async def _keep_markets(self) -> None:
        while True:
            await self._clock.sleep(_MARKETS_EVERY_S)
            for line in self._lines.values():
                await line.connection.load_markets()
            self.market.forget()

    async def _keep_brackets(self) -> None:
        await self._brackets.keep(lambda: self.market.instruments)

    def _line_for(self, is_private: bool) -> Caller | None:
        """A line to ask by: anybody's, or that of an account with a key."""
        if not is_private:
            return self._public
        lines = (self._api(user_id) for user_id in self._brokers)
        return next((line for line in lines if line is not None), None)

    def _forget_markets(self) -> None:
        self.market.forget()

    # --- building -------------------------------------------------------------------------

    def _now_ms(self) -> Ms:
        """The exchange's time."""
        return Ms(self._clock.now_ms() - self._lines[DIRECT].connection.clock_offset_ms)

    async def _line(self, egress: Egress) -> _Line:
        options = {k: v for each in self._dialects.values() for k, v in each.options.items()}
        connection = Connection(
            self._terms.name,
            self._terms.ccxt_id,
            config=self._terms.config,
            options=options,
            sandbox=self._terms.sandbox,
            egress=egress,
        )
        await connection.open()
        rates = tuple(
            dict.fromkeys(
                rate for each in self._dialects.values() for rate in each.capabilities.rates
            )
        )
        budget = Budget(f"{self._terms.name} ({egress.name})", rates=rates, clock=self._clock)
        line = self._lines[egress] = _Line(connection, budget)
        return line

    def _caller(self, line: _Line, client: object, *, name: str = "") -> Caller:
        return Caller(
            client,
            budget=line.budget,
            codes=reduce(or_, (each.codes for each in self._dialects.values())),
            on_clock=self._clock_is_off.set,
            serial=any(each.serial for each in self._dialects.values()),
            name=name,
        )
