"""Compares an account's positions with the exchange's holdings, and books or records differences.

A position the exchange does not list is kept, with its stop, until fills explain it or its absence
is proven.
"""

from collections.abc import Iterable

import structlog

from signalbot.domain.market import MarketKind
from signalbot.domain.money import text
from signalbot.domain.orders import Order, OrderStatus
from signalbot.domain.positions import Position
from signalbot.ledger.position_mismatches import PositionMismatch, PositionMismatches
from signalbot.pipeline.account import Account
from signalbot.pipeline.positions.opposite_positions import OppositePositionGuard
from signalbot.pipeline.positions.spot_coverage import is_short
from signalbot.pipeline.reconciliation.external_changes import ExternalChangeDetector
from signalbot.pipeline.reconciliation.late_entry_finder import LateEntryFinder
from signalbot.pipeline.reconciliation.order_recovery import OrderRecovery
from signalbot.ports import Clock, Holding

log = structlog.get_logger()


class PositionComparer:
    """Verifies differences, books what fills explain, and records the rest as mismatches."""

    def __init__(
        self,
        *,
        order_recovery: OrderRecovery,
        late_entries: LateEntryFinder,
        external_changes: ExternalChangeDetector,
        mismatches: PositionMismatches,
        opposite_guard: OppositePositionGuard,
        clock: Clock,
    ) -> None:
        self._order_recovery = order_recovery
        self._late_entries = late_entries
        self._external_changes = external_changes
        self._mismatches = mismatches
        self._opposite_guard = opposite_guard
        self._clock = clock

    async def compare(self, account: Account, symbol: str, holding: Holding | None) -> bool:
        """Compare a position with the exchange's holding; a difference is verified first.

        ``holding`` may be older than the last booking, and a fill may not have been reported yet.
        So orders and holdings are read again, under the symbol's lock, before anything is
        concluded. True if ledger and exchange agree. The symbol's lock is held.
        """
        if not _matches(account, symbol, holding):
            await self._order_recovery.resolve_all(account, symbol, {})
            holding = (await fetch_holdings(account)).get(symbol)
        if not _matches(account, symbol, holding):
            await self._handle_difference(account, symbol, holding)
            return False
        await self._record_agreement(account, symbol)
        return True

    async def _record_agreement(self, account: Account, symbol: str) -> None:
        position = account.positions.get(symbol)
        if position is not None:
            account.absences.record_seen(position.position_id)
        if account.clear_mismatch(symbol):
            await self._mismatches.end(account.user_id, symbol)
            log.info("position.mismatch_resolved", user_id=account.user_id, symbol=symbol)
        if not any(order.status is OrderStatus.UNKNOWN for order in _working(account, symbol)):
            account.resolve_symbol(symbol)

    async def _handle_difference(
        self, account: Account, symbol: str, holding: Holding | None
    ) -> None:
        """Book what explains a verified difference; record the rest as a mismatch."""
        position = account.positions.get(symbol)
        if position is not None and _is_less(holding, position):
            await self._external_changes.explain(account, position)
        elif (
            holding is not None and await self._late_entries.find_late_fills(account, symbol)
        ) or (
            position is None
            and holding is not None
            and await self._opposite_guard.close_latest(account, holding)
        ):
            holding = (await fetch_holdings(account)).get(symbol)
        if _matches(account, symbol, holding):
            await self._record_agreement(account, symbol)
            await self._external_changes.release_closed(account, position)
            return
        position = account.positions.get(symbol)
        account.mark_unresolved(symbol)
        if position is not None and (holding is None or holding.side is not position.side):
            await self._external_changes.record_absence(account, position)
        await self._record_mismatch(account, symbol, holding)

    async def _record_mismatch(
        self, account: Account, symbol: str, holding: Holding | None
    ) -> None:
        """Store and log a mismatch, once per distinct difference."""
        position = account.positions.get(symbol)
        if position is None and holding is None:
            return
        mismatch = PositionMismatch(
            ledger="nothing" if position is None else f"{position.side} {text(position.quantity)}",
            held="nothing" if holding is None else f"{holding.side} {text(holding.quantity)}",
        )
        if account.mismatches.get(symbol) == mismatch:
            return
        account.set_mismatch(symbol, mismatch)
        exchange = account.user.account.exchange
        await self._mismatches.put(
            account.user_id, exchange, symbol, mismatch, now_ms=self._clock.now_ms()
        )
        log.error(
            "position.mismatch_found",
            user_id=account.user_id,
            symbol=symbol,
            ledger=mismatch.ledger,
            exchange=mismatch.held,
        )


async def fetch_holdings(account: Account, *, is_urgent: bool = False) -> dict[str, Holding]:
    """Read the exchange's holdings by symbol.

    Raises:
        Unavailable: they cannot be read.
    """
    claimed = {symbol: each.quantity for symbol, each in account.positions.items()}
    holdings = await account.trading_broker.holdings(claimed, is_urgent=is_urgent)
    return {each.symbol: each for each in holdings}


def _is_less(holding: Holding | None, position: Position) -> bool:
    if holding is None or holding.side is not position.side:
        return True
    return holding.quantity < position.quantity


def _matches(account: Account, symbol: str, holding: Holding | None) -> bool:
    position = account.positions.get(symbol)
    if position is None or holding is None:
        return position is None and holding is None
    if account.market.instrument(symbol).kind is MarketKind.SPOT:
        return not is_short(holding.quantity, position.quantity)
    return (position.side, position.quantity) == (holding.side, holding.quantity)


def _working(account: Account, symbol: str) -> Iterable[Order]:
    return account.working_orders.get(symbol, {}).values()
