"""Moves trailing stops after the price, in steps, and only toward profit."""

from dataclasses import replace
from decimal import Decimal

import structlog

from signalbot.decision.levels import round_stop
from signalbot.domain.market import PriceRange
from signalbot.domain.money import HUNDRED, ONE, text
from signalbot.domain.positions import Position, PositionStatus, StopKind
from signalbot.domain.signals import Side
from signalbot.pipeline.account import Account, AccountsByUser
from signalbot.pipeline.positions.protection import Protector
from signalbot.pipeline.trading_state import TradingState
from signalbot.ports import Market

log = structlog.get_logger()

#: A stop moves once it gains this share of its distance; smaller steps would waste requests.
MIN_STEP_SHARE = Decimal("0.25")


class TrailingStops:
    """Follows a symbol's price for every account with a trailing stop in it."""

    def __init__(
        self, accounts: AccountsByUser, protector: Protector, trading_state: TradingState
    ) -> None:
        self._accounts = accounts
        self._protector = protector
        self._trading_state = trading_state

    async def run(self, market: Market, symbol: str) -> None:
        """Follow the price of ``symbol`` until cancelled."""
        async for price in market.prices(symbol):
            for account in list(self._accounts.values()):
                position = account.positions.get(symbol)
                if position is None or account.market is not market:
                    continue
                moved = trail_position(position, price, percent=_percent(account, position))
                if moved is not position:
                    await self._move(account, moved)

    async def _move(self, account: Account, moved: Position) -> None:
        async with (
            self._trading_state.halt_on_error(account, "trailing stop"),
            account.lock(moved.symbol),
        ):
            current = account.positions.get(moved.symbol)
            if current is None or current.position_id != moved.position_id:
                return
            stop = current.stop_loss
            if moved.stop_loss is not None and moved.stop_loss != stop:
                instrument = account.market.instrument(moved.symbol)
                stop = round_stop(instrument, side=moved.side, price=moved.stop_loss)
            account.update_position(
                replace(
                    current,
                    best_price=moved.best_price,
                    stop_loss=stop,
                    stop_kind=moved.stop_kind,
                )
            )
            if stop is None or stop == current.stop_loss:
                return
            log.info(
                "position.stop_moved",
                user_id=account.user_id,
                symbol=moved.symbol,
                position_id=moved.position_id,
                stop=text(stop),
            )
            await self._protector.protect(account, moved.symbol)


def trail_position(position: Position, price: PriceRange, *, percent: Decimal) -> Position:
    """Return the position after ``price``: its new best price, and a moved stop if due.

    Returns the same object if nothing changes. ``percent`` is the stop's distance to the best
    price. Of a range that ended before the position opened, only the last price counts.
    """
    if percent <= 0 or position.status is not PositionStatus.OPEN or position.stop_loss is None:
        return position
    is_long = position.side is Side.LONG
    reached = price.high if is_long else price.low
    if price.at_ms <= position.opened_at_ms:
        reached = price.last
    best = position.best_price or position.entry_price
    if (reached - best) * position.side.sign <= 0:
        return position
    stop = reached * (ONE - position.side.sign * percent / HUNDRED)
    gained = (stop - position.stop_loss) * position.side.sign
    if gained < reached * percent / HUNDRED * MIN_STEP_SHARE:
        return replace(position, best_price=reached)
    return replace(position, best_price=reached, stop_loss=stop, stop_kind=StopKind.TRAILING)


def _percent(account: Account, position: Position) -> Decimal:
    if position.trailing_percent is not None:
        return position.trailing_percent
    return account.settings_for(position.strategy).protection.trailing_percent
