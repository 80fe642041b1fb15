"""The state of an account that entries rely on: one-way mode, leverage and margin mode.

It is set and read back once, remembered across restarts, and read again now and then: an owner may
change it in the exchange's own app at any time, and the next entry must not go out with that.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

import structlog

from signalbot.domain.errors import AccessDenied, OrderRejected, SignalbotError, Unavailable
from signalbot.domain.market import MarketKind
from signalbot.domain.timeframe import DAY_MS, EPOCH, Ms
from signalbot.domain.users import MarginMode, User
from signalbot.exchange.live.accounts.balances import AdaptersByKind
from signalbot.exchange.live.adapters.base import ExchangeAdapter
from signalbot.exchange.live.adapters.types import SymbolMargin
from signalbot.exchange.live.orders.order_index import AdapterOf
from signalbot.exchange.live.transport.exchange_api import ExchangeApi
from signalbot.ledger.account_states import AccountState, AccountStates, MarginSetting
from signalbot.ports import Clock

log = structlog.get_logger()

REFRESH_MS: Final = 300_000
"""Settings older than this are read again in the background, as far as limits allow."""

_ENTRY_MAX_AGE_MS: Final = 900_000  # older than this they are read before an entry
_RETRY_MS: Final = 30_000  # what is refused while the owner's orders rest may pass later
_HEDGE_MODE_ERROR: Final = "the account is in hedge mode: switch it to one-way mode at the exchange"


class AccountSetup:
    """``state`` is what a former process remembered; ``states`` keeps what is learnt."""

    def __init__(
        self,
        user: User,
        *,
        adapters: AdaptersByKind,
        adapter_of: AdapterOf,
        state: AccountState,
        states: AccountStates | None,
        clock: Clock,
    ) -> None:
        self._user = user
        self._dialects = adapters
        self._adapter_of = adapter_of
        self._settings = dict(state.margins)
        self._one_way_ms = state.one_way_ms or EPOCH
        self._is_position_mode_stale = False
        self._states = states
        self._clock = clock
        self._stale: set[str] = set()
        self._block_reasons: dict[str, str] = {}
        self._attempted_ms: dict[str, Ms] = {}

    def refusal(self, symbol: str) -> str | None:
        """Why a symbol takes no entry; None if it does."""
        return self._block_reasons.get(symbol)

    def mark_stale(self, symbols: Collection[str] | None = None) -> None:
        """The owner may have changed something: read it again before the next entry."""
        self._stale |= set(self._settings if symbols is None else symbols)

    async def recheck_position_mode(self, api: ExchangeApi, symbol: str) -> None:
        """An order was refused for its position side: read the position mode again.

        Raises:
            AccessDenied: it is hedge mode.
            Unavailable: it cannot be read now; it will be, before the next entry.
        """
        self._is_position_mode_stale = True
        await self._check_one_way(api, self._adapter_of(symbol), symbol)

    def stale_symbols(self, symbols: Collection[str]) -> list[str]:
        """Those of ``symbols`` that should be read again, the longest unread first."""
        now_ms = self._clock.now_ms()
        old = [
            symbol
            for symbol in symbols
            if self._has_leverage(symbol) and self._is_due(symbol, now_ms, REFRESH_MS)
        ]
        return sorted(old, key=self._checked_ms)

    async def mode(self, api: ExchangeApi, symbol: str) -> MarginMode | None:
        """The margin mode to name in an order; None where orders name none.

        Raises:
            Unavailable: it is not known, so nothing may be sent.
        """
        adapter = self._adapter_of(symbol)
        if not adapter.sends_margin_mode:
            return None
        setting = self._settings.get(symbol)
        known = None if setting is None else setting.mode
        if known is None:
            found = await adapter.symbol_margin(api, symbol)
            if found.mode is None:
                raise Unavailable(f"never sent: the margin mode of {symbol} is not known")
            self._store_setting(symbol, found)
            known = found.mode
        return known

    async def ensure_complete(
        self, api: ExchangeApi, symbols_by_kind: Mapping[MarketKind, Sequence[str]]
    ) -> None:
        """Bring everything that is not known to be right into the state entries rely on.

        Raises:
            AccessDenied: only the owner can help: the key is not let in, or hedge mode.
            Unavailable: the exchange does not answer.
        """
        for kind, symbols in symbols_by_kind.items():
            if kind is not MarketKind.SWAP:
                continue
            await self._check_one_way(api, self._dialects[kind], symbols[0])
            await self.set_up(api, kind, list(self._incomplete(symbols)))

    async def prepare_entry(self, api: ExchangeApi, symbol: str) -> None:
        """See that an entry goes out with the leverage and margin mode that it was decided for.

        Raises:
            AccessDenied: as ``complete``.
            OrderRejected: they are others, and cannot be set.
            Unavailable: they cannot be read now.
        """
        if self._is_position_mode_stale:
            await self._check_one_way(api, self._adapter_of(symbol), symbol)
        if symbol in self._settings and self._is_due(
            symbol, self._clock.now_ms(), _ENTRY_MAX_AGE_MS
        ):
            await self.set_up(api, MarketKind.SWAP, [symbol])
        block_reason = self._block_reasons.get(symbol)
        if block_reason is not None:
            raise OrderRejected(block_reason)

    async def set_up(self, api: ExchangeApi, kind: MarketKind, symbols: Collection[str]) -> None:
        """Read both, set what is not as wanted, and read it back.

        A symbol in which they do not stick takes no entry.

        Raises:
            AccessDenied: the key is not let in.
            Unavailable: they cannot be read now.
        """
        adapter = self._dialects[kind]
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
        """Remember what was read back; entries wait while it is not what is wanted."""
        self._store_setting(symbol, found)
        wanted = self._user.account
        if found.leverage not in (None, wanted.leverage):
            self._block_entries(symbol, f"leverage is {found.leverage}, not {wanted.leverage}")
        elif found.mode not in (None, wanted.margin_mode):
            self._block_entries(symbol, f"margin mode is {found.mode}, not {wanted.margin_mode}")
        elif self._block_reasons.pop(symbol, None) is not None:
            log.info("account.set_up", user_id=self._user.user_id, symbol=symbol)

    async def retry_blocked(self, api: ExchangeApi) -> None:
        """Try again, now and then; the owner may have made possible what was refused."""
        now_ms = self._clock.now_ms()
        for symbol in list(self._block_reasons):
            if now_ms >= self._attempted_ms.get(symbol, EPOCH) + _RETRY_MS:
                await self.set_up(api, MarketKind.SWAP, [symbol])

    def hedge_mode_error(self) -> AccessDenied:
        """Positions face both ways: nothing of this account can be managed."""
        self._is_position_mode_stale = True
        return AccessDenied(_HEDGE_MODE_ERROR)

    def _incomplete(self, symbols: Collection[str]) -> Iterator[str]:
        """Symbols whose settings were never right, or not for a day."""
        now_ms, wanted = self._clock.now_ms(), self._user.account
        for symbol in symbols:
            if symbol in self._block_reasons and now_ms < self._attempted_ms[symbol] + _RETRY_MS:
                continue
            known = self._settings.get(symbol)
            is_right = known is not None and (
                known.leverage in (None, wanted.leverage)
                and known.mode in (None, wanted.margin_mode)
            )
            if not is_right or self._is_due(symbol, now_ms, DAY_MS):
                yield symbol

    def _has_leverage(self, symbol: str) -> bool:
        return self._adapter_of(symbol).capabilities.leverage

    def _is_due(self, symbol: str, now_ms: Ms, limit_ms: int) -> bool:
        return symbol in self._stale or now_ms - self._checked_ms(symbol) > limit_ms

    def _checked_ms(self, symbol: str) -> Ms:
        known = self._settings.get(symbol)
        return EPOCH if known is None else known.checked_ms

    async def _check_one_way(self, api: ExchangeApi, adapter: ExchangeAdapter, symbol: str) -> None:
        now_ms = self._clock.now_ms()
        if now_ms - self._one_way_ms <= DAY_MS and not self._is_position_mode_stale:
            return
        if await adapter.is_one_way(api, symbol) is False:
            raise AccessDenied(_HEDGE_MODE_ERROR)
        self._one_way_ms, self._is_position_mode_stale = now_ms, False
        if self._states is not None:
            self._states.save_one_way(self._user.user_id, now_ms)

    async def _apply_settings(
        self, api: ExchangeApi, adapter: ExchangeAdapter, symbol: str, found: SymbolMargin
    ) -> SymbolMargin:
        """What is read back, or was ``found`` so before."""
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
        if self._states is not None:
            self._states.save_margin(self._user.user_id, symbol, setting)

    def _block_entries(self, symbol: str, why: str) -> None:
        """Take no entries in a symbol; the same cause is told once."""
        if self._block_reasons.get(symbol) != why:
            log.error("account.setup_failed", user_id=self._user.user_id, symbol=symbol, cause=why)
        self._block_reasons[symbol] = why
