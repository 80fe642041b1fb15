"""A whole live exchange: one connection per address, an account for each user, kept fresh."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Final

import structlog

from signalbot.domain.errors import Unavailable
from signalbot.domain.market import MarketKind
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import Mode, User, UserId
from signalbot.exchange.live.address import AddressConnection
from signalbot.exchange.live.brackets import Brackets
from signalbot.exchange.live.broker import LiveBroker
from signalbot.exchange.live.budget import Budget
from signalbot.exchange.live.caller import Caller
from signalbot.exchange.live.connection import DIRECT, Egress
from signalbot.exchange.live.funding import funding_history
from signalbot.exchange.live.history import History, dialect_of
from signalbot.exchange.live.market import LiveMarket
from signalbot.exchange.live.order_streams import OrderStreams
from signalbot.exchange.live.paper import PaperDesk
from signalbot.exchange.live.polling import AccountPolling
from signalbot.exchange.live.preflight import CLOCK_LIMIT_MS, Finding, findings
from signalbot.exchange.live.terms import LiveTerms
from signalbot.exchange.live.ticks import Ticks
from signalbot.exchange.live.wallet import Dialects
from signalbot.exchange.live.watcher import Boundary, CandleWatcher
from signalbot.exchange.simulated.broker import SimulatedBroker
from signalbot.ledger.account_states import AccountState, AccountStates
from signalbot.ledger.database import Database
from signalbot.ledger.instruments import Instruments
from signalbot.ledger.margins import Margins
from signalbot.ports import Allowance, Away, Clock
from signalbot.stream import Stream
from signalbot.tasks import supervise

log = structlog.get_logger()

_CLOCK_EVERY_S: Final = 600.0
_MARKETS_EVERY_S: Final = 6 * 3600.0

Credentials = Mapping[UserId, Mapping[str, str]]


class LiveExchange:
    """Implements ``Exchange``. ``open`` it, ``connect`` it, ``run`` it, and ``close`` it."""

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
        self._addresses: dict[Egress, AddressConnection] = {}
        self._brokers: dict[UserId, LiveBroker] = {}
        self._states: AccountStates | None = None
        self._remembered: dict[UserId, AccountState] = {}
        self._clock_is_off = asyncio.Event()
        self._desk: PaperDesk | None = None
        self._streams = OrderStreams(dialects.values(), clock=clock)
        self._polling = AccountPolling(
            self._brokers, self._streams, budget_of=self._budget_of, clock=clock
        )

    needs_comparing = True

    async def open(self, database: Database) -> None:
        """Build everything that can be without asking the exchange anything.

        Raises:
            ConfigError: the settings cannot be used.
        """
        instruments = Instruments(database, self._terms.name)
        self._states = AccountStates(database, self._terms.name)
        self._remembered = dict(await self._states.load())
        address = await self._address(DIRECT)
        for each in dict.fromkeys(self._egress.values()):
            await self._address(each)
        public = self._public = self._caller(address, address.connection.template)
        self.ticks = Ticks(public, clock=self._clock)
        history = History(public, dialects=self._dialects, now_ms=self._now_ms, clock=self._clock)
        self._watcher = CandleWatcher(
            address.connection,
            history=history,
            ticks=self.ticks,
            now_ms=self._now_ms,
            clock=self._clock,
            boundary=self._boundary,
            is_streamed=lambda symbol: (
                dialect_of(self._dialects, symbol).capabilities.streams_candles
            ),
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
            address.connection,
            history=history,
            watcher=self._watcher,
            ticks=self.ticks,
            clock=self._clock,
            complete=self._brackets.complete,
            remembered=await instruments.load(),
            save=instruments.save,
        )
        self.ticks.on_price(self._polling.on_price)
        self._desk = await PaperDesk.open(
            self._terms.name,
            self._terms.paper,
            market=self.market,
            ticks=self.ticks,
            database=database,
            clock=self._clock,
        )

    async def connect(self) -> None:
        """Learn the exchange's time and what each address has used, then its markets."""
        for address in list(self._addresses.values()):
            await address.measure_clock()
        direct = self._addresses[DIRECT]
        await direct.load_markets()
        for address in self._addresses.values():
            address.connection.adopt_markets(direct.connection)
        self.market.open()

    async def prepare(self) -> None:
        """Know the price of every market that is followed; let paper orders catch up."""
        assert self._desk is not None  # noqa: S101 - open() comes first
        await self.ticks.prime()
        await self._desk.catch_up()
        await self._read_funding_intervals()

    @property
    def retry_at_ms(self) -> Ms:
        return self._addresses[DIRECT].budget.banned_until_ms

    async def close(self) -> None:
        for address in self._addresses.values():
            await address.connection.close()

    def allowances(self) -> Sequence[Allowance]:
        return [
            Allowance(egress=egress.name, left=each.budget.left(), queued=each.budget.queued)
            for egress, each in self._addresses.items()
        ]

    def away(self) -> Sequence[Away]:
        reaches = ((egress.name, each.budget.reach) for egress, each in self._addresses.items())
        return [
            Away(egress=egress, since_ms=reach.away_since_ms, cause=reach.cause)
            for egress, reach in reaches
            if reach.away_since_ms is not None
        ]

    @property
    def trouble(self) -> str | None:
        address = self._addresses[DIRECT]
        if not self.market.is_open:
            return "it has not been reached since the start"
        if address.budget.banned_until_ms > self._clock.now_ms():
            return f"banned: {address.budget.ban_reason}"
        offset_ms = address.connection.clock_offset_ms
        if abs(offset_ms) > CLOCK_LIMIT_MS:
            return f"the clock is {offset_ms} ms off the exchange's"
        return None

    def changes(self) -> Stream[UserId]:
        return self._polling.changed

    def comparison_interval_ms(self, user_id: UserId) -> int:
        return self._polling.comparison_interval_ms(user_id)

    # --- accounts -------------------------------------------------------------------------

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
        address = await self._address(egress)
        if self.market.is_open and not address.connection.has_markets:
            await address.measure_clock()
            address.connection.adopt_markets(self._addresses[DIRECT].connection)
        if user_id in self._credentials and self._credentials[user_id] != keys:
            self._forget(user_id)
        self._credentials[user_id] = keys
        self._egress[user_id] = egress

    def release(self, user_id: UserId) -> None:
        broker = self._brokers.pop(user_id, None)
        if broker is not None:
            self._forget(user_id)
        self._polling.forget(user_id)
        self._streams.leave(user_id)

    def _forget(self, user_id: UserId) -> None:
        """What is remembered of an account may not be true of it any more."""
        self._remembered.pop(user_id, None)
        if self._states is not None:
            self._states.forget(user_id)

    def _api(self, user_id: UserId) -> Caller | None:
        """An account's way to the exchange; None without a key."""
        keys = self._credentials.get(user_id)
        if keys is None:
            return None
        address = self._addresses[self._egress.get(user_id, DIRECT)]
        return self._caller(address, address.connection.client(keys), name=user_id)

    def _live_broker(self, user: User, symbols: Collection[str], api: Caller | None) -> LiveBroker:
        return LiveBroker(
            user,
            api=api,
            dialects=self._dialects,
            market=self.market,
            symbols=symbols,
            clock=self._clock,
            visibility_lag_ms=self._terms.visibility_lag_ms,
            state=self._remembered.get(user.user_id),
            states=self._states,
            on_placed=lambda wire_id: self._streams.expect(user.user_id, wire_id),
        )

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
                ("accounts", self._polling.run),
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
                clock_offset_ms=self._addresses[DIRECT].connection.clock_offset_ms,
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

    async def _keep_time(self) -> None:
        """Measure the exchange's clock now and then, and at once when it has refused ours."""
        while True:
            try:
                async with asyncio.timeout(_CLOCK_EVERY_S):
                    await self._clock_is_off.wait()
            except TimeoutError:
                pass
            self._clock_is_off.clear()
            for address in self._addresses.values():
                offset_ms = await address.measure_clock()
                if abs(offset_ms) > CLOCK_LIMIT_MS:
                    log.error("exchange.clock_off", exchange=self._terms.name, offset_ms=offset_ms)
            await self._clock.sleep(1.0)

    async def _keep_markets(self) -> None:
        while True:
            await self._clock.sleep(_MARKETS_EVERY_S)
            direct = self._addresses[DIRECT]
            await direct.load_markets()
            for address in self._addresses.values():
                address.connection.adopt_markets(direct.connection)
            self.market.forget()
            await self._read_funding_intervals()

    async def _read_funding_intervals(self) -> None:
        """They only say when payments are worth asking for."""
        dialect = self._dialects.get(MarketKind.SWAP)
        if dialect is None:
            return
        address = self._addresses[DIRECT]
        api = self._caller(address, address.connection.template)
        try:
            self.market.funding_intervals_ms = await dialect.funding_intervals_ms(api)
        except Unavailable as e:
            log.debug("funding.schedule_not_read", exchange=self._terms.name, cause=str(e))

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
        return Ms(self._clock.now_ms() - self._addresses[DIRECT].connection.clock_offset_ms)

    def _budget_of(self, user_id: UserId) -> Budget:
        return self._addresses[self._egress.get(user_id, DIRECT)].budget

    async def _address(self, egress: Egress) -> AddressConnection:
        known = self._addresses.get(egress)
        if known is None:
            known = AddressConnection(self._terms, self._dialects, egress, self._clock)
            await known.connection.open()
            self._addresses[egress] = known
        return known

    def _caller(self, address: AddressConnection, client: object, *, name: str = "") -> Caller:
        return address.caller(client, on_clock=self._clock_is_off.set, name=name)
