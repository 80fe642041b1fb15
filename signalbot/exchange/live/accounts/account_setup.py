"""Account settings that entries rely on: one-way mode, leverage and margin mode.

They are set and read back once, kept across restarts, and read again regularly: an owner may change
them in the exchange's own app at any time, and the next entry must not go out with that.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

import structlog

from signalbot.domain.errors import AccessDenied, OrderRejected, SignalbotError, Unavailable
from signalbot.domain.market import MarketKind
from signalbot.domain.timeframe import DAY_MS, EPOCH, Ms
from signalbot.domain.users import MarginMode, User
from signalbot.exchange.live.account_markets import AccountMarkets
from signalbot.exchange.live.accounts.account_memory import AccountMemory
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.adapters.types import SymbolMargin
from signalbot.exchange.live.transport.exchange_api import ExchangeApi
from signalbot.ledger.account_states import MarginSetting
from signalbot.ports import Clock

log = structlog.get_logger()

REFRESH_MS: Final = 300_000
"""Settings older than this are read again in the background, as far as limits allow."""

_ENTRY_MAX_AGE_MS: Final = 900_000  # older than this they are read before an entry
_RETRY_MS: Final = 30_000  # a setting rejected beside the owner's orders may pass later
_HEDGE_MODE_ERROR: Final = "the account is in hedge mode: switch it to one-way mode at the exchange"


class AccountSetup:
    """Blocks entries of a symbol while its settings are not as configured."""

    def __init__(
        self, user: User, *, markets: AccountMarkets, memory: AccountMemory, clock: Clock
    ) -> None:
        self._user = user
        self._markets = markets
        self._memory = memory
        self._settings = dict(memory.saved.margins)
        self._one_way_ms = memory.saved.one_way_ms or EPOCH
        self._is_position_mode_stale = False
        self._clock = clock
        self._stale: set[str] = set()
        self._block_reasons: dict[str, str] = {}
        self._attempted_ms: dict[str, Ms] = {}

    def mark_stale(self, symbols: Collection[str] | None = None) -> None:
        """Read settings again before the next entry: the owner may have changed them."""
        self._stale |= set(self._settings if symbols is None else symbols)

    async def recheck_position_mode(self, api: ExchangeApi, symbol: str) -> None:
        """Read the position mode again after an order was rejected for its position side.

        Raises:
            AccessDenied: it is hedge mode.
            Unavailable: it cannot be read now; it is read again before the next entry.
        """
        self._is_position_mode_stale = True
        await self._check_one_way(api, self._markets.adapter_of(symbol), symbol)

    def stale_symbols(self, symbols: Collection[str]) -> list[str]:
        """Those of ``symbols`` that should be read again, the oldest first."""
        now_ms = self._clock.now_ms()
        old = [
            symbol
            for symbol in symbols
            if self._has_leverage(symbol) and self._is_due(symbol, now_ms, REFRESH_MS)
        ]
        return sorted(old, key=self._checked_ms)

    async def margin_mode_for(self, api: ExchangeApi, symbol: str) -> MarginMode | None:
        """The margin mode that an order must name; None where orders name none.

        Raises:
            Unavailable: it is not known, so nothing may be sent.
        """
        adapter = self._markets.adapter_of(symbol)
        if not adapter.sends_margin_mode:
            return None
        setting = self._settings.get(symbol)
        mode = None if setting is None else setting.mode
        if mode is None:
            found = await adapter.symbol_margin(api, symbol)
            if found.mode is None:
                raise Unavailable(f"never sent: the margin mode of {symbol} is not known")
            self._store_setting(symbol, found)
            mode = found.mode
        return mode

    async def ensure_complete(
        self, api: ExchangeApi, symbols_by_kind: Mapping[MarketKind, Sequence[str]]
    ) -> None:
        """Check the position mode, and set up every symbol that is not known to be right.

        Raises:
            AccessDenied: only the owner can help: the key is denied, or hedge mode.
            Unavailable: the exchange does not answer.
        """
        for kind, symbols in symbols_by_kind.items():
            if kind is not MarketKind.SWAP:
                continue
            await self._check_one_way(api, self._markets.adapters[kind], symbols[0])
            await self.set_up(api, kind, list(self._incomplete(symbols)))

    async def prepare_entry(self, api: ExchangeApi, symbol: str) -> None:
        """Ensure the leverage and margin mode for which an entry was decided.

        Raises:
            AccessDenied: as ``ensure_complete``.
            OrderRejected: they differ, and cannot be set.
            Unavailable: they cannot be read now.
        """
        if self._is_position_mode_stale:
            await self._check_one_way(api, self._markets.adapter_of(symbol), symbol)
        if symbol in self._settings and self._is_due(
            symbol, self._clock.now_ms(), _ENTRY_MAX_AGE_MS
        ):
            await self.set_up(api, MarketKind.SWAP, [symbol])
        block_reason = self._block_reasons.get(symbol)
        if block_reason is not None:
            raise OrderRejected(block_reason)

    async def set_up(self, api: ExchangeApi, kind: MarketKind, symbols: Collection[str]) -> None:
        """Read leverage and margin mode, set what differs, and read it back.

        A symbol that keeps other values takes no entry.

        Raises:
            AccessDenied: the key is denied.
            Unavailable: they cannot be read now.
        """
        adapter = self._markets.adapters[kind]
        if not symbols or not adapter.capabilities.leverage:
            return
        read = await adapter.symbol_margins(api, symbols, wanted=self._user.account.margin_mode)
        for symbol in symbols:
            self._attempted_ms[symbol] = self._clock.now_ms()
            try:
                found = await self._apply_settings(api, adapter, symbol, read[symbol])
            except (AccessDenied, Unavailable):
                raise
            except SignalbotError as e:
                self._block_entries(symbol, f"leverage and margin mode could not be set: {e}")
            else:
                self._store_and_compare(symbol, found)

    def _store_and_compare(self, symbol: str, found: SymbolMargin) -> None:
        """Store the settings read back; entries are blocked while they differ from the wanted."""
        self._store_setting(symbol, found)
        wanted = self._user.account
        if found.leverage not in (None, wanted.leverage):
            self._block_entries(symbol, f"leverage is {found.leverage}, not {wanted.leverage}")
        elif found.mode not in (None, wanted.margin_mode):
            self._block_entries(symbol, f"margin mode is {found.mode}, not {wanted.margin_mode}")
        elif self._block_reasons.pop(symbol, None) is not None:
            log.info("account.set_up", user_id=self._user.user_id, symbol=symbol)

    async def retry_blocked(self, api: ExchangeApi) -> None:
        """Set up blocked symbols again every half minute: the cause may be gone."""
        now_ms = self._clock.now_ms()
        for symbol in list(self._block_reasons):
            if now_ms >= self._attempted_ms.get(symbol, EPOCH) + _RETRY_MS:
                await self.set_up(api, MarketKind.SWAP, [symbol])

    def hedge_mode_error(self) -> AccessDenied:
        """The error of an account with hedged positions, which cannot be managed."""
        self._is_position_mode_stale = True
        return AccessDenied(_HEDGE_MODE_ERROR)

    def _incomplete(self, symbols: Collection[str]) -> Iterator[str]:
        """Symbols with settings that were never right, or not for a day."""
        now_ms, wanted = self._clock.now_ms(), self._user.account
        for symbol in symbols:
            if symbol in self._block_reasons and now_ms < self._attempted_ms[symbol] + _RETRY_MS:
                continue
            setting = self._settings.get(symbol)
            is_right = setting is not None and (
                setting.leverage in (None, wanted.leverage)
                and setting.mode in (None, wanted.margin_mode)
            )
            if not is_right or self._is_due(symbol, now_ms, DAY_MS):
                yield symbol

    def _has_leverage(self, symbol: str) -> bool:
        return self._markets.adapter_of(symbol).capabilities.leverage

    def _is_due(self, symbol: str, now_ms: Ms, limit_ms: int) -> bool:
        return symbol in self._stale or now_ms - self._checked_ms(symbol) > limit_ms

    def _checked_ms(self, symbol: str) -> Ms:
        setting = self._settings.get(symbol)
        return EPOCH if setting is None else setting.checked_ms

    async def _check_one_way(self, api: ExchangeApi, adapter: ExchangeAdapter, symbol: str) -> None:
        now_ms = self._clock.now_ms()
        if now_ms - self._one_way_ms <= DAY_MS and not self._is_position_mode_stale:
            return
        if await adapter.is_one_way(api, symbol) is False:
            raise AccessDenied(_HEDGE_MODE_ERROR)
        self._one_way_ms, self._is_position_mode_stale = now_ms, False
        self._memory.save_one_way(now_ms)

    async def _apply_settings(
        self, api: ExchangeApi, adapter: ExchangeAdapter, symbol: str, found: SymbolMargin
    ) -> SymbolMargin:
        """Set what differs from ``found``, and return what is read back."""
        wanted = self._user.account
        if found.mode is not wanted.margin_mode:
            await adapter.set_margin_mode(api, symbol, wanted.leverage, wanted.margin_mode)
        if found.leverage != wanted.leverage or found.mode is not wanted.margin_mode:
            await adapter.set_leverage(api, symbol, wanted.leverage, wanted.margin_mode)
            found = await adapter.symbol_margin(api, symbol, wanted=wanted.margin_mode)
        return found

    def _store_setting(self, symbol: str, found: SymbolMargin) -> None:
        setting = MarginSetting(
            leverage=found.leverage, mode=found.mode, checked_ms=self._clock.now_ms()
        )
        self._settings[symbol] = setting
        self._stale.discard(symbol)
        self._memory.save_margin(symbol, setting)

    def _block_entries(self, symbol: str, why: str) -> None:
        """Block entries of a symbol; the same cause is logged once."""
        if self._block_reasons.get(symbol) != why:
            log.error("account.setup_failed", user_id=self._user.user_id, symbol=symbol, cause=why)
        self._block_reasons[symbol] = why
