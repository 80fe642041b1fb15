"""Leverage and margin mode of one account: set, read back, named where orders must name it."""

import structlog

from signalbot.domain.errors import AccessDenied, SignalbotError, Unavailable
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.domain.users import MarginMode, User
from signalbot.exchange.live.dialects.base import Api, Dialect, Margin
from signalbot.exchange.live.known import DialectOf
from signalbot.ports import Clock

log = structlog.get_logger()

_AGAIN_MS = 30_000  # what is refused while the owner's orders rest may pass later


class Margins:
    def __init__(self, user: User, dialect_of: DialectOf, clock: Clock) -> None:
        self._user = user
        self._dialect_of = dialect_of
        self._clock = clock
        self._modes: dict[str, MarginMode] = {}  #: as last read
        self._refused: dict[str, str] = {}
        self._looked_ms = EPOCH

    def refusal(self, symbol: str) -> str | None:
        """Why a symbol takes no entry; None if it does."""
        return self._refused.get(symbol)

    async def mode(self, api: Api, symbol: str) -> MarginMode | None:
        """The margin mode to name in an order, as was read when the account was set up, or now.

        None where orders name none.

        Raises:
            Unavailable: it is not known, so nothing may be sent.
        """
        dialect = self._dialect_of(symbol)
        if not dialect.says_margin_mode:
            return None
        known = self._modes.get(symbol)
        if known is None:
            known = (await dialect.margin(api, symbol)).mode
        if known is None:
            raise Unavailable(f"never sent: the margin mode of {symbol} is not known")
        self._modes[symbol] = known
        return known

    async def set_up(self, api: Api, symbol: str) -> None:
        """Set both and read them back; a symbol in which they do not stick takes no entry.

        Raises:
            AccessDenied: the key is not let in.
        """
        dialect = self._dialect_of(symbol)
        if not dialect.capabilities.leverage:
            return
        self._looked_ms = self._clock.now_ms()
        try:
            found = await self._set(api, dialect, symbol)
        except AccessDenied:
            raise
        except SignalbotError as e:
            self._refuse(symbol, f"leverage and margin mode could not be set: {e}")
            return
        wanted = self._user.account
        if found.mode is not None:
            self._modes[symbol] = found.mode
        if found.leverage not in (None, wanted.leverage):
            self._refuse(symbol, f"leverage is {found.leverage}, not {wanted.leverage}")
        elif found.mode not in (None, wanted.margin_mode):
            self._refuse(symbol, f"margin mode is {found.mode}, not {wanted.margin_mode}")
        elif self._refused.pop(symbol, None) is not None:
            log.info("account.set_up", user_id=self._user.user_id, symbol=symbol)

    async def set_up_refused(self, api: Api) -> None:
        """Try again, now and then; the owner may have made possible what was refused."""
        if self._clock.now_ms() >= Ms(self._looked_ms + _AGAIN_MS):
            for symbol in list(self._refused):
                await self.set_up(api, symbol)

    async def _set(self, api: Api, dialect: Dialect, symbol: str) -> Margin:
        """What is read back, or was so before."""
        wanted = self._user.account
        found = await dialect.margin(api, symbol, wanted=wanted.margin_mode)
        if found.mode is not wanted.margin_mode:
            await dialect.set_margin_mode(api, symbol, wanted.leverage, wanted.margin_mode)
        if found.leverage != wanted.leverage or found.mode is not wanted.margin_mode:
            await dialect.set_leverage(api, symbol, wanted.leverage, wanted.margin_mode)
            found = await dialect.margin(api, symbol, wanted=wanted.margin_mode)
        return found

    def _refuse(self, symbol: str, why: str) -> None:
        """Take no entries in a symbol; the same cause is told once."""
        if self._refused.get(symbol) != why:
            log.error("account.not_set_up", user_id=self._user.user_id, symbol=symbol, cause=why)
        self._refused[symbol] = why
