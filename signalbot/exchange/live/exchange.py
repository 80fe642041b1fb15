"""A live exchange: connections, market data and the account of each user, refreshed regularly."""

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
from signalbot.exchange.live.account_markets import AccountMarkets, AdaptersByKind
from signalbot.exchange.live.account_polling import AccountPoller
from signalbot.exchange.live.accounts.account_memory import AccountMemory
from signalbot.exchange.live.addresses import Addresses
from signalbot.exchange.live.broker import LiveBroker
from signalbot.exchange.live.exchange_settings import LiveExchangeSettings
from signalbot.exchange.live.market_data.candle_history import CandleHistory, adapter_for
from signalbot.exchange.live.market_data.candle_stream import Boundary, CandleWatcher
from signalbot.exchange.live.market_data.funding_rates import fetch_funding_rates
from signalbot.exchange.live.market_data.margin_brackets import MarginBracketCache
from signalbot.exchange.live.market_data.market import LiveMarket
from signalbot.exchange.live.market_data.prices import PriceFeed
from signalbot.exchange.live.orders.order_stream import OrderStreams
from signalbot.exchange.live.paper import PaperExchange
from signalbot.exchange.live.preflight import CLOCK_LIMIT_MS, AccountCheck, check_account
from signalbot.exchange.live.registry import exchange_row
from signalbot.exchange.live.transport.connection import DIRECT, Egress
from signalbot.exchange.live.transport.rate_limiter import RateLimiter
from signalbot.exchange.live.transport.request_executor import RequestExecutor
from signalbot.exchange.simulated.broker import SimulatedBroker
from signalbot.ledger.account_states import AccountState, AccountStates
from signalbot.ledger.database import Database
from signalbot.ledger.market_rules import Instruments, MarginBracketStore
from signalbot.ports import Clock, Outage, RateAllowance
from signalbot.stream import Stream
from signalbot.tasks import supervise

log = structlog.get_logger()

_CLOCK_INTERVAL_S: Final = 600.0
_MARKETS_INTERVAL_S: Final = 6 * 3600.0

CredentialsByUser = Mapping[UserId, Mapping[str, str]]


class LiveExchange:
    """Implements ``Exchange``. ``open`` it, ``connect`` it, ``run`` it, and ``close`` it."""

    def __init__(
        self,
        settings: LiveExchangeSettings,
        *,
        adapters: AdaptersByKind,
        credentials: CredentialsByUser,
        clock: Clock,
        boundary: Boundary | None = None,
        egress: Mapping[UserId, Egress] = MappingProxyType({}),
    ) -> None:
        self._egress = dict(egress)
        self._settings = settings
        self._adapters = adapters
        self._credentials = dict(credentials)
        self._clock = clock
        self._boundary = boundary
        self._brokers: dict[UserId, LiveBroker] = {}
        self._states: AccountStates | None = None
        self._saved_states: dict[UserId, AccountState] = {}
        self._clock_is_off = asyncio.Event()
        self._addresses = Addresses(settings, adapters, clock, on_clock_skew=self._clock_is_off.set)
        self._paper: PaperExchange | None = None
        self._streams = OrderStreams(adapters.values(), clock=clock)
        self._polling = AccountPoller(
            self._brokers, self._streams, rate_limiter_of=self._rate_limiter_of, clock=clock
        )

    needs_reconciliation = True

    async def open(self, database: Database) -> None:
        """Build everything that needs no request.

        Raises:
            ConfigError: the settings cannot be used.
        """
        instruments = Instruments(database, self._settings.name)
        self._states = AccountStates(database, self._settings.name)
        self._saved_states = dict(await self._states.load())
        address = await self._addresses.open(DIRECT)
        for each in dict.fromkeys(self._egress.values()):
            await self._addresses.open(each)
        now_ms = self._addresses.now_ms
        public = self._public = self._addresses.executor(address, address.connection.template)
        self.price_feed = PriceFeed(public, clock=self._clock)
        history = CandleHistory(public, adapters=self._adapters, now_ms=now_ms, clock=self._clock)
        self._watcher = CandleWatcher(
            address.connection,
            history=history,
            price_feed=self.price_feed,
            now_ms=now_ms,
            clock=self._clock,
            boundary=self._boundary,
            is_streamed=lambda symbol: (
                adapter_for(self._adapters, symbol).capabilities.streams_candles
            ),
        )
        self._brackets = MarginBracketCache(
            exchange_row(self._settings.ccxt_id).leverage_tiers,
            margins=MarginBracketStore(database, self._settings.name),
            api=self._executor_for,
            clock=self._clock,
            on_updated=self._invalidate_markets,
        )
        await self._brackets.load()
        self.market = LiveMarket(
            address.connection,
            history=history,
            watcher=self._watcher,
            price_feed=self.price_feed,
            clock=self._clock,
            with_brackets=self._brackets.with_brackets,
            saved=await instruments.load(),
            save=instruments.save,
        )
        self.price_feed.add_listener(self._polling.on_price)
        self._paper = await PaperExchange.open(
            self._settings.name,
            self._settings.paper,
            market=self.market,
            price_feed=self.price_feed,
            database=database,
            clock=self._clock,
        )

    async def connect(self) -> None:
        """Measure clock and usage of each address, then load markets."""
        async for _ in self._addresses.measure_clocks():
            pass
        await self._addresses.load_markets()
        self.market.open()

    async def prepare(self) -> None:
        """Read the price of every followed market; let paper orders catch up."""
        assert self._paper is not None  # noqa: S101 - open() comes first
        await self.price_feed.fetch_missing()
        await self._paper.catch_up()
        await self._read_funding_intervals()

    @property
    def retry_at_ms(self) -> Ms:
        return self._addresses.direct.rate_limiter.banned_until_ms

    async def close(self) -> None:
        await self._addresses.close()

    def rate_allowances(self) -> Sequence[RateAllowance]:
        return self._addresses.rate_allowances()

    def outages(self) -> Sequence[Outage]:
        return self._addresses.outages()

    @property
    def entry_block_reason(self) -> str | None:
        address = self._addresses.direct
        if not self.market.is_open:
            return "it has not been reached since the start"
        if address.rate_limiter.banned_until_ms > self._clock.now_ms():
            return f"banned: {address.rate_limiter.ban_reason}"
        offset_ms = address.connection.clock_offset_ms
        if abs(offset_ms) > CLOCK_LIMIT_MS:
            return f"the clock is {offset_ms} ms off the exchange's"
        return None

    def unexplained_changes(self) -> Stream[UserId]:
        return self._polling.changed_accounts

    def reconciliation_interval_ms(self, user_id: UserId) -> int:
        return self._polling.reconciliation_interval_ms(user_id)

    # --- accounts -------------------------------------------------------------------------

    def broker(self, user: User, *, symbols: Collection[str]) -> LiveBroker | SimulatedBroker:
        if user.mode is not Mode.LIVE:
            assert self._paper is not None  # noqa: S101 - open() comes first
            return self._paper.broker(user)
        broker = self._brokers.get(user.user_id)
        if broker is None:
            api = self._executor_of(user.user_id)
            broker = self._brokers[user.user_id] = self._live_broker(user, symbols, api)
            if api is not None:
                self._streams.follow(user.user_id, api)
        return broker

    async def set_credentials(
        self, user_id: UserId, keys: Mapping[str, str], egress: Egress
    ) -> None:
        """Set the keys of an account, before it is opened or opened again.

        Raises:
            Unavailable: its egress address cannot be used now.
        """
        address = await self._addresses.open(egress)
        if self.market.is_open and not address.connection.has_markets:
            await address.measure_clock()
            address.connection.adopt_markets(self._addresses.direct.connection)
        if user_id in self._credentials and self._credentials[user_id] != keys:
            self._discard_state(user_id)
        self._credentials[user_id] = keys
        self._egress[user_id] = egress

    def release(self, user_id: UserId) -> None:
        broker = self._brokers.pop(user_id, None)
        if broker is not None:
            self._discard_state(user_id)
        self._polling.unfollow(user_id)
        self._streams.unfollow(user_id)

    def _discard_state(self, user_id: UserId) -> None:
        """Discard the saved state of an account, which may not be true any more."""
        self._saved_states.pop(user_id, None)
        if self._states is not None:
            self._states.forget(user_id)

    def _executor_of(self, user_id: UserId) -> RequestExecutor | None:
        """An account's executor; None without a key."""
        keys = self._credentials.get(user_id)
        if keys is None:
            return None
        address = self._addresses.of(self._egress.get(user_id, DIRECT))
        return self._addresses.executor(address, address.connection.client(keys), name=user_id)

    def _live_broker(
        self, user: User, symbols: Collection[str], api: RequestExecutor | None
    ) -> LiveBroker:
        return LiveBroker(
            user,
            api=api,
            markets=AccountMarkets(self._adapters, self.market, symbols),
            clock=self._clock,
            visibility_lag_ms=self._settings.visibility_lag_ms,
            memory=AccountMemory(user.user_id, self._saved_states.get(user.user_id), self._states),
            on_placed=lambda wire_id: self._streams.expect_order(user.user_id, wire_id),
        )

    async def run(self) -> None:
        """Refresh prices, candles, accounts and the clock until cancelled."""
        assert self._paper is not None  # noqa: S101 - open() comes first
        async with asyncio.TaskGroup() as group:
            for name, run in (
                ("candles", self._watcher.run),
                ("prices", self.price_feed.run),
                ("paper", self._paper.run),
                ("clock", self._refresh_clock),
                ("markets", self._refresh_markets),
                ("accounts", self._polling.run),
                ("orders", self._streams.run),
                ("brackets", self._refresh_brackets),
            ):
                group.create_task(
                    supervise(f"{self._settings.name} {name}", run, self._clock), name=name
                )

    async def check_account(self, user: User, *, symbols: Collection[str]) -> list[AccountCheck]:
        """Check a live account before it trades, without changing it.

        Raises:
            Unavailable: the exchange does not respond; AccessDenied when the key is denied.
        """
        markets = {symbol: self.market.instrument(symbol) for symbol in sorted(symbols)}
        await self.price_feed.fetch_missing()
        facts = await self._live_broker(user, symbols, self._executor_of(user.user_id)).inspect()
        prices = {symbol: self.market.last_price(symbol) for symbol in markets}
        return list(
            check_account(
                facts,
                user.account,
                markets={symbol: (each, prices[symbol]) for symbol, each in markets.items()},
                clock_offset_ms=self._addresses.direct.connection.clock_offset_ms,
                now_ms=self._addresses.now_ms(),
            )
        )

    async def funding_rates(
        self, symbol: str, *, since_ms: Ms, until_ms: Ms
    ) -> Sequence[tuple[Ms, Decimal]]:
        """Rates that longs paid shorts, as fractions of notional, oldest first; ends included.

        Raises:
            Unavailable: they cannot be read.
        """
        return await fetch_funding_rates(self._public, symbol, since_ms=since_ms, until_ms=until_ms)

    # --- refreshing -----------------------------------------------------------------------

    async def _refresh_clock(self) -> None:
        """Measure the clock every ten minutes, and at once when the exchange rejects our time."""
        while True:
            try:
                async with asyncio.timeout(_CLOCK_INTERVAL_S):
                    await self._clock_is_off.wait()
            except TimeoutError:
                pass
            self._clock_is_off.clear()
            async for offset_ms in self._addresses.measure_clocks():
                if abs(offset_ms) > CLOCK_LIMIT_MS:
                    log.error(
                        "exchange.clock_skewed", exchange=self._settings.name, offset_ms=offset_ms
                    )
            await self._clock.sleep(1.0)

    async def _refresh_markets(self) -> None:
        while True:
            await self._clock.sleep(_MARKETS_INTERVAL_S)
            await self._addresses.load_markets()
            self.market.invalidate()
            await self._read_funding_intervals()

    async def _read_funding_intervals(self) -> None:
        """Funding intervals only schedule when payments are collected."""
        adapter = self._adapters.get(MarketKind.SWAP)
        if adapter is None:
            return
        try:
            self.market.funding_intervals_ms = await adapter.funding_intervals_ms(self._public)
        except Unavailable as e:
            log.debug("funding.schedule_failed", exchange=self._settings.name, cause=str(e))

    async def _refresh_brackets(self) -> None:
        await self._brackets.refresh_forever(lambda: self.market.instruments)

    def _executor_for(self, is_private: bool) -> RequestExecutor | None:
        """The public executor, or that of any account with a key; None without one."""
        if not is_private:
            return self._public
        executors = (self._executor_of(user_id) for user_id in self._brokers)
        return next((each for each in executors if each is not None), None)

    def _invalidate_markets(self) -> None:
        self.market.invalidate()

    def _rate_limiter_of(self, user_id: UserId) -> RateLimiter:
        return self._addresses.of(self._egress.get(user_id, DIRECT)).rate_limiter
