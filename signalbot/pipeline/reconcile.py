"""Makes ledger and exchange agree: at boot, and again on schedule.

The exchange is right about orders, the ledger about why. Everything here may be repeated: it looks
first, books what it finds, and sends only what is proven not to be there.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import structlog

from signalbot.decision.situation import ExitPlan
from signalbot.domain.errors import OrderOutcomeUnknown, Unavailable
from signalbot.domain.failures import Failure
from signalbot.domain.orders import ClientOrderId, Leg, Order, OrderReport, OrderStatus
from signalbot.domain.positions import CloseReason, Position, PositionStatus
from signalbot.domain.signals import Execution
from signalbot.domain.timeframe import Ms, day_start
from signalbot.domain.users import UserStatus
from signalbot.ledger.executions import Executions
from signalbot.ledger.signals import Signals
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.close import Closer
from signalbot.pipeline.execute import Executor
from signalbot.pipeline.follow import Follower
from signalbot.pipeline.halt import Halts
from signalbot.pipeline.news import level_of
from signalbot.pipeline.outside import Outsider
from signalbot.pipeline.place import unsent
from signalbot.pipeline.protect import Protector
from signalbot.pipeline.settle import Entry, Settler
from signalbot.ports import Clock, Holding
from signalbot.tasks import crash_point

log = structlog.get_logger()


class Reconciler:
    def __init__(
        self,
        *,
        signals: Signals,
        executions: Executions,
        trades: Trades,
        executor: Executor,
        settler: Settler,
        follower: Follower,
        protector: Protector,
        closer: Closer,
        halts: Halts,
        outsider: Outsider,
        on_untold: Callable[[Account, Order], None],
        clock: Clock,
    ) -> None:
        self._on_untold = on_untold
        self._halts = halts
        self._outsider = outsider
        self._signals = signals
        self._executions = executions
        self._trades = trades
        self._executor = executor
        self._settler = settler
        self._follower = follower
        self._protector = protector
        self._closer = closer
        self._clock = clock

    async def restore(self, account: Account) -> None:
        """Fill a fresh account with what the ledger knows of it."""
        now_ms, user_id = self._clock.now_ms(), account.user_id
        positions = await self._trades.open_positions(user_id)
        unfinished = await self._trades.unfinished_orders(user_id)
        if account.broker is not None:
            for order in unfinished:
                account.broker.watch(order.request)
            for order in await self._trades.untold_orders(user_id):
                self._on_untold(account, order)
        today_ms = day_start(now_ms)
        cooldown_ms = max((each.risk.cooldown_ms for each in account.settings.values()), default=0)
        since_ms = min(today_ms, Ms(now_ms - cooldown_ms))
        account.restore(
            positions=positions,
            unfinished=unfinished,
            known=[
                order
                for position in positions
                for order in await self._trades.orders_of_position(position.position_id)
            ],
            closed=await self._trades.closed_since(user_id, since_ms),
            entries_today=await self._trades.entries_since(user_id, today_ms),
            slippages=await self._executions.latest_slippages(user_id),
            now_ms=now_ms,
        )

    async def reconcile(self, account: Account) -> None:
        """Bring one account in step with its exchange.

        Raises:
            Unavailable: the exchange cannot be asked; nothing was assumed.
        """
        resting = {report.client_order_id: report for report in await account.trading.open_orders()}
        await self._look_at_foreign(account, resting)
        for symbol in list(account.working):
            async with account.lock(symbol):
                await self._settle_orders(account, symbol, resting)
        holdings = await self._holdings(account)
        for symbol in dict.fromkeys((*account.positions, *holdings, *account.working)):
            async with account.lock(symbol):
                await self._reconcile_position(account, symbol, holdings.get(symbol))
                await self._protector.protect(account, symbol)
                await self._clear_orphans(account, symbol)
        for execution in await self._executions.executions_in_doubt(account.user_id):
            await self._settle_execution(account, execution)

    async def _settle_orders(
        self, account: Account, symbol: str, resting: Mapping[ClientOrderId, OrderReport]
    ) -> None:
        """Learn what became of every unfinished order, entries first; the lock is held."""
        entries_first = sorted(
            account.working.get(symbol, {}).values(),
            key=lambda order: order.request.leg is not Leg.ENTRY,
        )
        for order in entries_first:
            if order.client_order_id in account.working[symbol]:
                await self._reconcile_order(account, order, resting.get(order.client_order_id))
                crash_point("reconcile.order")

    async def _look_at_foreign(
        self, account: Account, resting: Mapping[ClientOrderId, OrderReport]
    ) -> None:
        """Orders that are not ours stay untouched; while they rest, entries beside them wait.

        One with an id only signalbot makes, and this ledger does not know, means that another
        signalbot trades the account: then nothing more must be entered.
        """
        foreign: dict[str, set[str]] = {}
        for client_order_id, report in resting.items():
            if client_order_id in account.working.get(report.symbol, {}):
                continue
            if await self._trades.order(client_order_id) is None:
                foreign.setdefault(report.symbol, set()).add(client_order_id)
        for symbol, ids in foreign.items():
            for new in ids - account.foreign.get(symbol, frozenset()):
                log.warning(
                    "order.foreign", user_id=account.user_id, symbol=symbol, client_order_id=new
                )
                if looks_like_ours(new):
                    await self._halts.set_status(
                        account,
                        UserStatus.HALTED,
                        reason=f"order {new} in {symbol} has an id of signalbot's that this "
                        "ledger does not know: does another signalbot trade this account?",
                    )
        account.foreign = {symbol: frozenset(ids) for symbol, ids in foreign.items()}

    async def settle_order(self, account: Account, order: Order) -> None:
        """Learn what became of one unfinished order. The symbol's lock is held."""
        await self._reconcile_order(account, order, None)
        if order.request.leg is not Leg.ENTRY:
            await self._protector.protect(account, order.request.symbol)

    async def _holdings(self, account: Account) -> dict[str, Holding]:
        claimed = {symbol: each.quantity for symbol, each in account.positions.items()}
        return {each.symbol: each for each in await account.trading.holdings(claimed)}

    async def _reconcile_order(
        self, account: Account, order: Order, report: OrderReport | None
    ) -> None:
        """Learn what became of one unfinished order; an unsent entry goes on or is given up."""
        try:
            found = report or await account.trading.lookup(order.request)
        except (OrderOutcomeUnknown, Unavailable) as e:
            level = level_of(e, is_repeat=order.request.symbol in account.in_doubt)
            account.in_doubt.add(order.request.symbol)
            log.log(level, "order.unsettled", user_id=account.user_id, cause=str(e))
            if order.request.leg is Leg.ENTRY:
                self._settler.look_soon(account, order)
            return
        if found is not None:
            await self._follower.absorb(account, found)
            account.in_doubt.discard(order.request.symbol)
            await self._watch_limit(account, order)
        elif order.request.leg is Leg.ENTRY:
            await self._resume(account, order)
        elif order.status is OrderStatus.UNKNOWN:
            await self._unsent_after_all(account, order)
        elif order.status.is_live:
            await self._vanished(account, order)

    async def _vanished(self, account: Account, order: Order) -> None:
        """It was there, and the exchange does not know it any more: somebody cancelled it."""
        log.warning(
            "order.vanished",
            user_id=account.user_id,
            symbol=order.request.symbol,
            leg=order.request.leg.value,
            client_order_id=order.client_order_id,
        )
        gone = replace(order, status=OrderStatus.CANCELLED, error="the exchange forgot it")
        account.keep(gone)
        await self._trades.save_order(gone)

    async def _unsent_after_all(self, account: Account, order: Order) -> None:
        """Proven never to have arrived: a stop or target is placed anew, an exit decided anew."""
        if order.request.leg is Leg.EXIT:
            dropped = unsent(order, "it never arrived", self._clock)
            account.keep(dropped)
            await self._trades.save_order(dropped)
        else:
            account.keep(replace(order, status=OrderStatus.INTENDED))

    async def _resume(self, account: Account, order: Order) -> None:
        """A claimed entry that is proven never to have arrived: send it while it still counts."""
        account.in_doubt.discard(order.request.symbol)
        entry = await self._settler.load(account, order)
        limit_ms = account.rules(entry.signal.strategy).filters.max_signal_age_ms
        age_ms = self._clock.now_ms() - entry.signal.event_ms
        if entry.signal.is_open(self._clock.now_ms()) and (limit_ms is None or age_ms <= limit_ms):
            log.info("execution.resumed", user_id=account.user_id, signal_id=entry.signal.signal_id)
            await self._executor.enter(account, entry, is_resumed=True)
        else:
            await self._give_up(account, entry, order)

    async def _give_up(self, account: Account, entry: Entry, order: Order) -> None:
        error = "interrupted before the entry was sent, and the signal is over"
        over = unsent(order, error, self._clock)
        await self._settler.fail(account, entry, over, reason=Failure.INTERRUPTED, error=error)

    async def _reconcile_position(
        self, account: Account, symbol: str, holding: Holding | None
    ) -> None:
        """Compare a position with what the exchange holds; a difference is looked at twice.

        The first look may be older than what has been booked since, and a fill may still be on its
        way to us. So before anything is concluded, orders and holdings are asked for again while
        nothing else can happen in this symbol.
        """
        if not _agree(account.positions.get(symbol), holding):
            await self._settle_orders(account, symbol, {})
            holding = (await self._holdings(account)).get(symbol)
        position = account.positions.get(symbol)
        if not _agree(position, holding):
            await self._explain(account, symbol, position, holding)
            return
        if not any(order.status is OrderStatus.UNKNOWN for order in _working(account, symbol)):
            account.in_doubt.discard(symbol)
        if position is not None and position.status is PositionStatus.CLOSING:
            reason = position.close_reason or CloseReason.MANUAL
            await self._closer.close(account, position, reason)

    async def _explain(
        self, account: Account, symbol: str, position: Position | None, holding: Holding | None
    ) -> None:
        """Exchange and ledger differ for sure: book what is certain, flag the rest."""
        if position is not None and _is_less(holding, position):
            if await self._outsider.explain(account, position):
                await self._halts.set_status(
                    account,
                    UserStatus.HALTED,
                    reason=f"the position in {symbol} was liquidated",
                )
            position = account.positions.get(symbol)
            if _agree(position, holding):
                return
        if position is not None and (holding is None or holding.side is not position.side):
            await self._close_outside(account, position)
        if holding is None:
            return
        account.in_doubt.add(symbol)
        log.error(
            "position.mismatch",
            user_id=account.user_id,
            symbol=symbol,
            ledger="nothing" if position is None else f"{position.side} {position.quantity}",
            exchange=f"{holding.side} {holding.quantity}",
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
        """The exchange holds nothing: somebody or something else closed it."""
        gone = replace(
            position,
            status=PositionStatus.CLOSED,
            close_reason=CloseReason.EXTERNAL,
            closed_at_ms=self._clock.now_ms(),
        )
        log.warning("position.closed_outside", user_id=account.user_id, symbol=position.symbol)
        await self._trades.save_position(gone)
        account.hold(gone)
        await self._closer.release(account, gone)

    async def _watch_limit(self, account: Account, order: Order) -> None:
        """A limit entry that still rests gets its timeout back."""
        current = account.working.get(order.request.symbol, {}).get(order.client_order_id)
        if current is not None and current.request.leg is Leg.ENTRY:
            entry = await self._settler.load(account, current)
            self._settler.watch_limit(account, entry.signal.strategy, current)

    async def _settle_execution(self, account: Account, execution: Execution) -> None:
        """Close the books on a claim that was interrupted after its orders were over."""
        if execution.client_order_id is None:
            await self._settle_exit(account, execution)
            return
        order = await self._trades.order(ClientOrderId(execution.client_order_id))
        if order is not None and order.status.is_final and not order.filled:
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


def looks_like_ours(client_order_id: str) -> bool:
    """Whether an id has the form that only signalbot gives: 32 hex digits."""
    return len(client_order_id) == 32 and set(client_order_id) <= set("0123456789abcdef")  # noqa: PLR2004


def _is_less(holding: Holding | None, position: Position) -> bool:
    if holding is None or holding.side is not position.side:
        return True
    return holding.quantity < position.quantity


def _agree(position: Position | None, holding: Holding | None) -> bool:
    if position is None or holding is None:
        return position is None and holding is None
    return (position.side, position.quantity) == (holding.side, holding.quantity)


def _working(account: Account, symbol: str) -> Iterable[Order]:
    return account.working.get(symbol, {}).values()
