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
from signalbot.exchange.live.dialects.base import Api, Dialect, Margin
from signalbot.exchange.live.known import DialectOf
from signalbot.exchange.live.wallet import Dialects
from signalbot.ledger.account_states import AccountState, AccountStates, MarginSetting
from signalbot.ports import Clock

log = structlog.get_logger()

REFRESH_MS: Final = 300_000
"""Settings older than this are read again in the background, as far as limits allow."""

_ENTRY_MS: Final = 900_000  # older than this they are read before an entry
_AGAIN_MS: Final = 30_000  # what is refused while the owner's orders rest may pass later
_HEDGE: Final = "the account is in hedge mode: switch it to one-way mode at the exchange"


class AccountSetup:
    """``state`` is what a former process remembered; ``states`` keeps what is learnt."""

    def __init__(
        self,
        user: User,
        *,
        dialects: Dialects,
        dialect_of: DialectOf,
        state: AccountState,
        states: AccountStates | None,
        clock: Clock,
    ) -> None:
        self._user = user
        self._dialects = dialects
        self._dialect_of = dialect_of
        self._known = dict(state.margins)
        self._one_way_ms = state.one_way_ms or EPOCH
        self._is_mode_doubted = False
        self._states = states
        self._clock = clock
        self._doubted: set[str] = set()
        self._refused: dict[str, str] = {}
        self._tried_ms: dict[str, Ms] = {}

    def refusal(self, symbol: str) -> str | None:
        """Why a symbol takes no entry; None if it does."""
        return self._refused.get(symbol)

    def doubt(self, symbols: Collection[str] | None = None) -> None:
        """The owner may have changed something: read it again before the next entry."""
        self._doubted |= set(self._known if symbols is None else symbols)

    async def check_mode(self, api: Api, symbol: str) -> None:
        """An order was refused for its position side: read the position mode again.

        Raises:
            AccessDenied: it is hedge mode.
            Unavailable: it cannot be read now; it will be, before the next entry.
        """
        self._is_mode_doubted = True
        await self._check_one_way(api, self._dialect_of(symbol), symbol)

    def due(self, symbols: Collection[str]) -> list[str]:
        """Those of ``symbols`` that should be read again, the longest unread first."""
        now_ms = self._clock.now_ms()
        old = [
            symbol
            for symbol in symbols
            if self._has_leverage(symbol) and self._is_due(symbol, now_ms, REFRESH_MS)
        ]
        return sorted(old, key=self._checked_ms)

    async def mode(self, api: Api, symbol: str) -> MarginMode | None:
        """The margin mode to name in an order; None where orders name none.

        Raises:
            Unavailable: it is not known, so nothing may be sent.
        """
        dialect = self._dialect_of(symbol)
        if not dialect.says_margin_mode:
            return None
        setting = self._known.get(symbol)
        known = None if setting is None else setting.mode
        if known is None:
            found = await dialect.margin(api, symbol)
            if found.mode is None:
                raise Unavailable(f"never sent: the margin mode of {symbol} is not known")
            self._learn(symbol, found)
            known = found.mode
        return known

    async def complete(self, api: Api, symbols_by_kind: Mapping[MarketKind, Sequence[str]]) -> None:
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

    async def before_entry(self, api: Api, symbol: str) -> None:
        """See that an entry goes out with the leverage and margin mode that it was decided for.

        Raises:
            AccessDenied: as ``complete``.
            OrderRejected: they are others, and cannot be set.
            Unavailable: they cannot be read now.
        """
        if self._is_mode_doubted:
            await self._check_one_way(api, self._dialect_of(symbol), symbol)
        if symbol in self._known and self._is_due(symbol, self._clock.now_ms(), _ENTRY_MS):
            await self.set_up(api, MarketKind.SWAP, [symbol])
        refused = self._refused.get(symbol)
        if refused is not None:
            raise OrderRejected(refused)

    async def set_up(self, api: Api, kind: MarketKind, symbols: Collection[str]) -> None:
        """Read both, set what is not as wanted, and read it back.

        A symbol in which they do not stick takes no entry.

        Raises:
            AccessDenied: the key is not let in.
            Unavailable: they cannot be read now.
        """
        dialect = self._dialects[kind]
        if not symbols or not dialect.capabilities.leverage:
            return
        read = await dialect.margins(api, symbols, wanted=self._user.account.margin_mode)
        for symbol in symbols:
            self._tried_ms[symbol] = self._clock.now_ms()
            try:
                found = await self._set(api, dialect, symbol, read[symbol])
            except (AccessDenied, Unavailable):
                raise
            except SignalbotError as e:
                self._refuse(symbol, f"leverage and margin mode could not be set: {e}")
            else:
                self._judge(symbol, found)

    def _judge(self, symbol: str, found: Margin) -> None:
        """Remember what was read back; entries wait while it is not what is wanted."""
        self._learn(symbol, found)
        wanted = self._user.account
        if found.leverage not in (None, wanted.leverage):
            self._refuse(symbol, f"leverage is {found.leverage}, not {wanted.leverage}")
        elif found.mode not in (None, wanted.margin_mode):
            self._refuse(symbol, f"margin mode is {found.mode}, not {wanted.margin_mode}")
        elif self._refused.pop(symbol, None) is not None:
            log.info("account.set_up", user_id=self._user.user_id, symbol=symbol)

    async def retry_refused(self, api: Api) -> None:
        """Try again, now and then; the owner may have made possible what was refused."""
        now_ms = self._clock.now_ms()
        for symbol in list(self._refused):
            if now_ms >= self._tried_ms.get(symbol, EPOCH) + _AGAIN_MS:
                await self.set_up(api, MarketKind.SWAP, [symbol])

    def refuse_hedge(self) -> AccessDenied:
        """Positions face both ways: nothing of this account can be managed."""
        self._is_mode_doubted = True
        return AccessDenied(_HEDGE)

    def _incomplete(self, symbols: Collection[str]) -> Iterator[str]:
        """Symbols whose settings were never right, or not for a day."""
        now_ms, wanted = self._clock.now_ms(), self._user.account
        for symbol in symbols:
            if symbol in self._refused and now_ms < self._tried_ms[symbol] + _AGAIN_MS:
                continue
            known = self._known.get(symbol)
            is_right = known is not None and (
                known.leverage in (None, wanted.leverage)
                and known.mode in (None, wanted.margin_mode)
            )
            if not is_right or self._is_due(symbol, now_ms, DAY_MS):
                yield symbol

    def _has_leverage(self, symbol: str) -> bool:
        return self._dialect_of(symbol).capabilities.leverage

    def _is_due(self, symbol: str, now_ms: Ms, limit_ms: int) -> bool:
        return symbol in self._doubted or now_ms - self._checked_ms(symbol) > limit_ms

    def _checked_ms(self, symbol: str) -> Ms:
        known = self._known.get(symbol)
        return EPOCH if known is None else known.checked_ms

    async def _check_one_way(self, api: Api, dialect: Dialect, symbol: str) -> None:
        now_ms = self._clock.now_ms()
        if now_ms - self._one_way_ms <= DAY_MS and not self._is_mode_doubted:
            return
        if await dialect.is_one_way(api, symbol) is False:
            raise AccessDenied(_HEDGE)
        self._one_way_ms, self._is_mode_doubted = now_ms, False
        if self._states is not None:
            self._states.save_one_way(self._user.user_id, now_ms)

    async def _set(self, api: Api, dialect: Dialect, symbol: str, found: Margin) -> Margin:
        """What is read back, or was ``found`` so before."""
        wanted = self._user.account
        if found.mode is not wanted.margin_mode:
            await dialect.set_margin_mode(api, symbol, wanted.leverage, wanted.margin_mode)
        if found.leverage != wanted.leverage or found.mode is not wanted.margin_mode:
            await dialect.set_leverage(api, symbol, wanted.leverage, wanted.margin_mode)
            found = await dialect.margin(api, symbol, wanted=wanted.margin_mode)
        return found

    def _learn(self, symbol: str, found: Margin) -> None:
        setting = MarginSetting(
            leverage=found.leverage, mode=found.mode, checked_ms=self._clock.now_ms()
        )
        self._known[symbol] = setting
        self._doubted.discard(symbol)
        if self._states is not None:
            self._states.save_margin(self._user.user_id, symbol, setting)

    def _refuse(self, symbol: str, why: str) -> None:
        """Take no entries in a symbol; the same cause is told once."""
        if self._refused.get(symbol) != why:
            log.error("account.not_set_up", user_id=self._user.user_id, symbol=symbol, cause=why)
        self._refused[symbol] = why
