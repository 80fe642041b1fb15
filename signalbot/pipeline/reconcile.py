"""Makes ledger and exchange agree: at a start, on schedule, and when something foreign happens.

The exchange is right about orders, the ledger about why. Everything here may be repeated: it looks
first, books what it finds, and sends only what is proven not to be there. A position the exchange
does not show is kept, with its stop, until fills explain it or its absence is proven.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog

from signalbot.decision.situation import ExitPlan
from signalbot.domain.errors import AccessDenied, Unavailable
from signalbot.domain.failures import Failure
from signalbot.domain.market import MarketKind
from signalbot.domain.money import text
from signalbot.domain.orders import ClientOrderId, Leg, Order, OrderReport, OrderStatus
from signalbot.domain.positions import CloseReason, Position, PositionStatus
from signalbot.domain.signals import Execution
from signalbot.domain.users import UserStatus
from signalbot.ledger.executions import Executions
from signalbot.ledger.mismatches import Mismatch, Mismatches
from signalbot.ledger.signals import Signals
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.close import Closer
from signalbot.pipeline.coins import is_short
from signalbot.pipeline.execute import Executor
from signalbot.pipeline.external_changes import ExternalChanges
from signalbot.pipeline.foreign_orders import ForeignOrders
from signalbot.pipeline.halt import Halts
from signalbot.pipeline.opposite import OppositeGuard
from signalbot.pipeline.order_recovery import OrderRecovery
from signalbot.pipeline.protect import Protector
from signalbot.pipeline.reduce import is_reduction
from signalbot.ports import Clock, Holding

log = structlog.get_logger()

_Resting = Mapping[ClientOrderId, OrderReport]


class Reconciler:
    def __init__(
        self,
        *,
        signals: Signals,
        executions: Executions,
        trades: Trades,
        executor: Executor,
        recovery: OrderRecovery,
        protector: Protector,
        closer: Closer,
        halts: Halts,
        external: ExternalChanges,
        foreign: ForeignOrders,
        mismatches: Mismatches,
        opposite: OppositeGuard,
        clock: Clock,
    ) -> None:
        self._opposite = opposite
        self._mismatches = mismatches
        self._signals = signals
        self._executions = executions
        self._trades = trades
        self._executor = executor
        self._recovery = recovery
        self._protector = protector
        self._closer = closer
        self._halts = halts
        self._external = external
        self._foreign = foreign
        self._clock = clock

    async def reconcile(self, account: Account, *, is_urgent: bool = False) -> None:
        """Bring one account in step with its exchange.

        What is urgent looks only where the ledger has something, in the lane of what protects.
        One read that fails does not keep the others from being made, and what breaks on one order
        or execution no other from being looked at, and no position from its stop.

        Raises:
            Unavailable: not everything could be compared; nothing was assumed of the rest.
        """
        missed: list[Unavailable] = []
        resting = await self._resting(account, missed, is_urgent=is_urgent)
        if resting is not None:
            if not is_urgent:
                await self._foreign.check(account, resting)
            for symbol in list(account.working):
                async with self._contained(account, symbol, missed), account.lock(symbol):
                    await self._recovery.settle_all(account, symbol, resting)
        holdings = await self._held(account, missed, is_urgent=is_urgent)
        for symbol in dict.fromkeys((*(holdings or ()), *account.business, *account.working)):
            if holdings is not None:
                async with self._contained(account, symbol, missed), account.lock(symbol):
                    await self._compare(account, symbol, holdings.get(symbol))
            async with self._contained(account, symbol, missed), account.lock(symbol):
                await self._protector.protect(account, symbol)
                await self._clear_orphans(account, symbol)
        for execution in await self._executions.executions_in_doubt(account.user_id):
            async with self._contained(account, execution.signal_id, missed):
                await self._settle_execution(account, execution)
        if missed:
            raise missed[0]

    @asynccontextmanager
    async def _contained(
        self, account: Account, what: str, missed: list[Unavailable]
    ) -> AsyncIterator[None]:
        """What breaks on one thing keeps no other from being looked at, and is tried again.

        A bug halts the user's entries, and nothing else.

        Raises:
            AccessDenied: the exchange does not let the account in: nothing more can be asked.
        """
        denied: AccessDenied | None = None
        async with self._halts.containing_bugs(account, f"reconciliation of {what}"):
            try:
                yield
            except AccessDenied as e:
                denied = e
            except Unavailable as e:
                missed.append(e)
        if denied is not None:
            raise denied

    async def _resting(
        self, account: Account, missed: list[Unavailable], *, is_urgent: bool
    ) -> _Resting | None:
        symbols = account.business if is_urgent else None
        try:
            reports = await account.trading.open_orders(symbols, is_urgent=is_urgent)
        except AccessDenied:
            raise
        except Unavailable as e:
            missed.append(e)
            return None
        return {report.client_order_id: report for report in reports}

    async def _held(
        self, account: Account, missed: list[Unavailable], *, is_urgent: bool
    ) -> dict[str, Holding] | None:
        try:
            return await self._holdings(account, is_urgent=is_urgent)
        except AccessDenied:
            raise
        except Unavailable as e:
            missed.append(e)
            return None

    async def _holdings(self, account: Account, *, is_urgent: bool = False) -> dict[str, Holding]:
        claimed = {symbol: each.quantity for symbol, each in account.positions.items()}
        holdings = await account.trading.holdings(claimed, is_urgent=is_urgent)
        return {each.symbol: each for each in holdings}

    # --- positions ------------------------------------------------------------------------

    async def _compare(self, account: Account, symbol: str, holding: Holding | None) -> None:
        """Compare a position with what the exchange holds; a difference is looked at twice.

        The first look may be older than what has been booked since, and a fill may still be on its
        way to us. So before anything is concluded, orders and holdings are asked for again while
        nothing else can happen in this symbol.
        """
        if not _agree(account, symbol, holding):
            await self._recovery.settle_all(account, symbol, {})
            holding = (await self._holdings(account)).get(symbol)
        if not _agree(account, symbol, holding):
            await self._explain(account, symbol, holding)
            return
        await self._agreed(account, symbol)
        await self._protector.finish_close(account, symbol)

    async def _agreed(self, account: Account, symbol: str) -> None:
        position = account.positions.get(symbol)
        if position is not None:
            account.absences.seen(position.position_id)
        if account.mismatches.pop(symbol, None) is not None:
            await self._mismatches.end(account.user_id, symbol)
            log.info("position.agrees_again", user_id=account.user_id, symbol=symbol)
        if not any(order.status is OrderStatus.UNKNOWN for order in _working(account, symbol)):
            account.in_doubt.discard(symbol)

    async def _explain(self, account: Account, symbol: str, holding: Holding | None) -> None:
        """Exchange and ledger differ for sure: book what is certain, flag the rest."""
        position = account.positions.get(symbol)
        if position is not None and _is_less(holding, position):
            explained = await self._external.explain(account, position)
            if explained.is_liquidation:
                why = f"the position in {symbol} was liquidated"
                await self._halts.set_status(account, UserStatus.HALTED, reason=why)
        elif (holding is not None and await self._recovery.find_late(account, symbol)) or (
            position is None
            and holding is not None
            and await self._opposite.close_latest(account, holding)
        ):
            holding = (await self._holdings(account)).get(symbol)
        if _agree(account, symbol, holding):
            await self._agreed(account, symbol)
            await self._release_closed(account, position)
            return
        position = account.positions.get(symbol)
        account.in_doubt.add(symbol)
        if position is not None and (holding is None or holding.side is not position.side):
            await self._not_shown(account, position)
        await self._note_mismatch(account, symbol, holding)

    async def _release_closed(self, account: Account, before: Position | None) -> None:
        """What rested for a position that was closed elsewhere goes."""
        if before is not None and before.symbol not in account.positions:
            await self._closer.release(account, before)

    async def _not_shown(self, account: Account, position: Position) -> None:
        """No fill explains why it is not held: lists may be late. Its stop stays meanwhile."""
        is_proven = account.absences.look(
            position.position_id,
            self._clock.now_ms(),
            apart_ms=account.trading.visibility_lag_ms,
        )
        if is_proven:
            await self._close_outside(account, position)

    async def _note_mismatch(self, account: Account, symbol: str, holding: Holding | None) -> None:
        """Once for every difference, however long it lasts."""
        position = account.positions.get(symbol)
        if position is None and holding is None:
            return
        mismatch = Mismatch(
            ledger="nothing" if position is None else f"{position.side} {text(position.quantity)}",
            held="nothing" if holding is None else f"{holding.side} {text(holding.quantity)}",
        )
        if account.mismatches.get(symbol) == mismatch:
            return
        account.mismatches[symbol] = mismatch
        exchange = account.user.account.exchange
        await self._mismatches.put(
            account.user_id, exchange, symbol, mismatch, now_ms=self._clock.now_ms()
        )
        log.error(
            "position.mismatch",
            user_id=account.user_id,
            symbol=symbol,
            ledger=mismatch.ledger,
            exchange=mismatch.held,
        )

    async def _clear_orphans(self, account: Account, symbol: str) -> None:
        """Protective orders of a position that is gone must not wait for the next one."""
        position = account.positions.get(symbol)
        entering = {order.request.position_id for order in account.orders(symbol, Leg.ENTRY)}
        needed = entering | ({position.position_id} if position else set())
        for order in list(account.working.get(symbol, {}).values()):
            if order.request.position_id not in needed:
                await self._closer.withdraw(account, order)

    async def _close_outside(self, account: Account, position: Position) -> None:
        """The exchange has held nothing for long: something closed it, and no fill tells what."""
        gone = replace(
            position,
            status=PositionStatus.CLOSED,
            close_reason=CloseReason.EXTERNAL,
            closed_at_ms=self._clock.now_ms(),
        )
        log.warning("position.closed_outside", user_id=account.user_id, symbol=position.symbol)
        account.absences.seen(position.position_id)
        await self._trades.save_position(gone)
        account.hold(gone)
        await self._closer.release(account, gone)

    # --- executions -----------------------------------------------------------------------

    async def _settle_execution(self, account: Account, execution: Execution) -> None:
        """Close the books on a claim that was interrupted after its orders were over."""
        if execution.client_order_id is None:
            await self._settle_exit(account, execution)
            return
        order = await self._trades.order(ClientOrderId(execution.client_order_id))
        if order is None or not order.status.is_final:
            return
        if is_reduction(order.request):
            await self._executor.settle_reduction(account, execution, order)
        elif not order.filled:
            await self._executions.mark_failed(
                execution.signal_id,
                account.user_id,
                reason=Failure.NOT_FILLED,
                details=order.error or f"the entry is {order.status}, nothing filled",
                now_ms=self._clock.now_ms(),
            )

    async def _settle_exit(self, account: Account, execution: Execution) -> None:
        """An exit that was claimed and interrupted: done if its position is gone, else again."""
        if execution.position_id is None:
            return
        signal = await self._signals.signal(execution.signal_id)
        position = await self._trades.position(execution.position_id)
        if signal is None or position is None:
            return
        if not position.is_open:
            await self._executor.left(account, signal, execution, position)
            return
        is_opposite = signal.action.is_entry
        reason = CloseReason.OPPOSITE_SIGNAL if is_opposite else CloseReason.EXIT_SIGNAL
        async with account.lock(position.symbol):
            plan = ExitPlan(position=position, reason=reason)
            await self._executor.leave(account, signal, execution, plan)


def _is_less(holding: Holding | None, position: Position) -> bool:
    if holding is None or holding.side is not position.side:
        return True
    return holding.quantity < position.quantity


def _agree(account: Account, symbol: str, holding: Holding | None) -> bool:
    position = account.positions.get(symbol)
    if position is None or holding is None:
        return position is None and holding is None
    if account.market.instrument(symbol).kind is MarketKind.SPOT:
        return not is_short(holding.quantity, position.quantity)
    return (position.side, position.quantity) == (holding.side, holding.quantity)


def _working(account: Account, symbol: str) -> Iterable[Order]:
    return account.working.get(symbol, {}).values()
