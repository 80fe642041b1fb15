"""Learns what became of orders whose outcome is not known: by looking, never by sending again.

An entry that got no answer is never sent a second time: what an exchange shows may be later than
anybody waits, and a second order is worse than none. Only one of which this process knows nothing
but the intent, because a former one died, is sent once its absence is proven; and any where the
exchange shows everything at once.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

import structlog

from signalbot.domain.errors import OrderOutcomeUnknown, SignalbotError, Unavailable
from signalbot.domain.failures import Failure
from signalbot.domain.market import MarketKind
from signalbot.domain.orders import ClientOrderId, Leg, Order, OrderReport, OrderStatus
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.close import Closer
from signalbot.pipeline.entry_orders import EntryOrders
from signalbot.pipeline.execute import Executor
from signalbot.pipeline.follow import Follower
from signalbot.pipeline.halt import Halts
from signalbot.pipeline.news import level_of
from signalbot.pipeline.place import unsent
from signalbot.pipeline.protect import Protector
from signalbot.pipeline.reduce import is_reduction
from signalbot.pipeline.settle import Settler
from signalbot.pipeline.unresolved import UnresolvedOrders
from signalbot.ports import Clock
from signalbot.tasks import Alarms, crash_point

log = structlog.get_logger()

PAUSES_MS = (
    500, 500, 1_000, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000, 15_000, 15_000, 15_000, 30_000,
    60_000, 120_000, 300_000,
)  # fmt: skip
_RECENT_MS = 86_400_000  # orders that came to nothing are remembered for a day


@dataclass(frozen=True, slots=True)
class _Look:
    """One whole look for an order."""

    report: OrderReport | None  #: None: it was shown nowhere

    @property
    def filled_ms(self) -> Ms:
        """When it last filled, as far as is known."""
        if self.report is None:
            return EPOCH
        fills = (fill.filled_at_ms for fill in self.report.fills)
        return max(fills, default=self.report.updated_at_ms)


class OrderRecovery:
    def __init__(
        self,
        *,
        trades: Trades,
        entries: EntryOrders,
        executor: Executor,
        settler: Settler,
        follower: Follower,
        protector: Protector,
        closer: Closer,
        unresolved: UnresolvedOrders,
        clock: Clock,
    ) -> None:
        self._trades = trades
        self._entries = entries
        self._executor = executor
        self._settler = settler
        self._follower = follower
        self._protector = protector
        self._closer = closer
        self._unresolved = unresolved
        self._clock = clock

    async def settle_all(
        self, account: Account, symbol: str, resting: Mapping[ClientOrderId, OrderReport]
    ) -> None:
        """Learn what became of every unfinished order; the lock is held.

        Entries come first. Orders that close are booked in the order in which they filled: the
        last of them says why the position closed.
        """
        orders = list(account.working.get(symbol, {}).values())
        for order in (each for each in orders if each.request.leg is Leg.ENTRY):
            await self._settle_known(account, order, resting.get(order.client_order_id))
        looks: list[tuple[Order, _Look]] = []
        for order in (each for each in orders if each.request.leg is not Leg.ENTRY):
            look = await self._look(account, order, resting.get(order.client_order_id))
            if look is not None:
                looks.append((order, look))
        for order, look in sorted(looks, key=_when_filled):
            if order.client_order_id in account.working[symbol]:
                await self._conclude(account, order, look)
                crash_point("reconcile.order")

    async def _settle_known(
        self, account: Account, order: Order, report: OrderReport | None
    ) -> None:
        if order.client_order_id in account.working[order.request.symbol]:
            await self.settle(account, order, report)
            crash_point("reconcile.order")

    async def settle(
        self, account: Account, order: Order, report: OrderReport | None = None
    ) -> None:
        """Learn what became of one unfinished order, by ``report`` or by asking.

        The symbol's lock is held; what cannot be known yet stays as it is.
        """
        look = await self._look(account, order, report)
        if look is not None:
            await self._conclude(account, order, look)

    async def _look(
        self, account: Account, order: Order, report: OrderReport | None
    ) -> _Look | None:
        """What is seen of an order; None when it could not be looked for everywhere."""
        try:
            return _Look(report or await account.trading.lookup(order))
        except (OrderOutcomeUnknown, Unavailable) as e:
            self._wait(account, order, cause=str(e), error=e)
            return None

    async def _conclude(self, account: Account, order: Order, look: _Look) -> None:
        if look.report is not None:
            account.absences.seen(order.client_order_id)
            await self._follower.absorb(account, look.report)
            account.in_doubt.discard(order.request.symbol)
            await self._watch_limit(account, order)
        elif order.request.leg is Leg.ENTRY:
            await self._entry_not_shown(account, order)
        else:
            await self._exit_not_shown(account, order)

    async def settle_and_protect(self, account: Account, order: Order) -> None:
        """``settle``, and what follows for the position. The symbol's lock is held."""
        await self.settle(account, order)
        if order.request.leg is not Leg.ENTRY:
            await self._protector.finish_close(account, order.request.symbol)
            await self._protector.protect(account, order.request.symbol)

    async def find_late(self, account: Account, symbol: str) -> bool:
        """Look once more for entries that came to nothing lately; True if one did something.

        The exchange holds more than the ledger knows: such an entry may be why.
        """
        since_ms = Ms(self._clock.now_ms() - _RECENT_MS)
        for order in await self._trades.orders_of_symbol(account.user_id, symbol, since_ms):
            if order.request.leg is not Leg.ENTRY or order.status is not OrderStatus.CANCELLED:
                continue
            try:
                report = await account.trading.lookup(order)
            except (OrderOutcomeUnknown, Unavailable):
                continue
            if report is not None and report.filled > order.filled:
                entry = await self._entries.load(account, order)
                await self._settler.settle(account, entry, order, report)
                return True
        return False

    # --- what is not shown ----------------------------------------------------------------

    async def _entry_not_shown(self, account: Account, order: Order) -> None:
        """One more whole look without it; once that proves its absence, it is over or goes on."""
        lag_ms = account.trading.visibility_lag_ms
        is_proven = account.absences.look(
            order.client_order_id, self._clock.now_ms(), apart_ms=lag_ms // 2
        )
        if not is_proven:
            self._wait(account, order, cause="not shown, which proves nothing yet")
            return
        may_send = order.status is OrderStatus.INTENDED or lag_ms == 0
        if may_send and not await self._has_traces(account, order):
            await self._resume(account, order)
        else:
            await self._not_received(account, order)

    async def _exit_not_shown(self, account: Account, order: Order) -> None:
        """An order that only closes: a second one does no harm where it cannot open anything.

        That of a part may close too much: whatever becomes of it follows from a proof alone. A stop
        or target that was only intended is sent by whoever protects.
        """
        is_exit, was_taken = order.request.leg is Leg.EXIT, order.exchange_order_id is not None
        is_part = is_reduction(order.request)
        if order.status is OrderStatus.INTENDED and not is_exit:
            return
        if was_taken or is_part or (is_exit and _is_spot(account, order)):
            is_proven = account.absences.look(
                order.client_order_id,
                self._clock.now_ms(),
                apart_ms=account.trading.visibility_lag_ms,
            )
            if not is_proven:
                if not order.status.is_live:
                    self._wait(account, order, cause="not shown, which proves nothing yet")
                return
        if is_part:
            account.in_doubt.discard(order.request.symbol)
            account.absences.seen(order.client_order_id)
            await self._executor.reduction_not_received(account, order)
        elif is_exit:
            account.in_doubt.discard(order.request.symbol)
            await self._closer.forget(account, order, why="it never arrived")
        elif was_taken:
            await self._vanished(account, order)
        else:
            account.keep(Order(request=order.request))

    async def _vanished(self, account: Account, order: Order) -> None:
        """It was there, and the exchange has not shown it for long: it was cancelled."""
        log.warning(
            "order.vanished",
            user_id=account.user_id,
            symbol=order.request.symbol,
            leg=order.request.leg.value,
            client_order_id=order.client_order_id,
        )
        account.absences.seen(order.client_order_id)
        await self._closer.forget(account, order, why="the exchange does not show it any more")

    async def _resume(self, account: Account, order: Order) -> None:
        """A claimed entry that is proven never to have arrived: send it while it still counts."""
        account.in_doubt.discard(order.request.symbol)
        account.absences.seen(order.client_order_id)
        entry = await self._entries.load(account, order)
        limit_ms = account.rules(entry.signal.strategy).filters.max_signal_age_ms
        age_ms = self._clock.now_ms() - entry.signal.event_ms
        if entry.signal.is_open(self._clock.now_ms()) and (limit_ms is None or age_ms <= limit_ms):
            log.info("execution.resumed", user_id=account.user_id, signal_id=entry.signal.signal_id)
            await self._executor.enter(account, entry, is_resumed=True)
            return
        error = "interrupted before the entry was sent, and the signal is over"
        over = unsent(order, error, self._clock)
        await self._entries.fail(account, entry, over, reason=Failure.INTERRUPTED, error=error)

    async def _not_received(self, account: Account, order: Order) -> None:
        """It went out, or may have, and nothing shows it: it is over, and not sent again."""
        account.in_doubt.discard(order.request.symbol)
        account.absences.seen(order.client_order_id)
        entry = await self._entries.load(account, order)
        error = "no answer came, and the exchange does not know the order"
        over = unsent(order, error, self._clock)
        await self._entries.fail(account, entry, over, reason=Failure.NOT_RECEIVED, error=error)

    async def _has_traces(self, account: Account, order: Order) -> bool:
        """Whether anything in the account could be the doing of an order that is not shown.

        What the ledger knows is no trace: a reversal's exit trades on the same side.
        """
        request = order.request
        held = account.positions.get(request.symbol)
        claimed = {} if held is None else {request.symbol: held.quantity}
        holdings = await account.trading.holdings(claimed)
        holding = next((each for each in holdings if each.symbol == request.symbol), None)
        if holding is not None and (held is None or holding.quantity > held.quantity):
            return True
        since_ms = Ms(request.intended_at_ms - 1_000)
        orders = await self._trades.orders_of_symbol(
            account.user_id, request.symbol, Ms(since_ms - _RECENT_MS)
        )
        known = set(_ids(each for each in orders if each.client_order_id != order.client_order_id))
        fills = await account.trading.fills(request.symbol, since_ms=since_ms)
        return any(
            fill.side is request.side and fill.client_order_id not in known for fill in fills
        )

    def _wait(
        self, account: Account, order: Order, *, cause: str, error: SignalbotError | None = None
    ) -> None:
        """Nothing is known yet: entries in this symbol wait, and it is looked up again soon."""
        is_repeat = order.request.symbol in account.in_doubt
        account.in_doubt.add(order.request.symbol)
        log.log(
            level_of(error or OrderOutcomeUnknown(cause), is_repeat=is_repeat),
            "order.unsettled",
            user_id=account.user_id,
            leg=order.request.leg.value,
            cause=cause,
        )
        if order.request.leg in (Leg.ENTRY, Leg.EXIT):
            self._unresolved.add(account, order)

    async def _watch_limit(self, account: Account, order: Order) -> None:
        """A limit entry that still rests gets its timeout back."""
        current = account.working.get(order.request.symbol, {}).get(order.client_order_id)
        if current is not None and current.request.leg is Leg.ENTRY:
            entry = await self._entries.load(account, current)
            self._settler.watch_limit(account, entry.signal.strategy, current)


Settle = Callable[[Account, Order], Awaitable[None]]
"""Learns what became of one order; the symbol's lock is held."""


class UnresolvedOrderPoller:
    """Looks orders of unknown outcome up within seconds, then ever less often.

    Comparisons would find them too, but half a minute is long for a position without a stop.
    """

    def __init__(
        self,
        settle: Settle,
        unresolved: UnresolvedOrders,
        halts: Halts,
        alarms: Alarms,
        clock: Clock,
    ) -> None:
        self._settle = settle
        self._unresolved = unresolved
        self._halts = halts
        self._alarms = alarms
        self._clock = clock
        self._watched: set[ClientOrderId] = set()

    async def run(self) -> None:
        """Take up every order that is said to be unresolved, until cancelled."""
        async for account, order in self._unresolved.queue:
            if order.client_order_id not in self._watched:
                self._watched.add(order.client_order_id)
                self._look_after(account, order, tries=0)

    def _look_after(self, account: Account, order: Order, *, tries: int) -> None:
        at_ms = Ms(self._clock.now_ms() + PAUSES_MS[tries])
        self._alarms.at(at_ms, lambda: self._look(account, order, tries=tries))

    async def _look(self, account: Account, order: Order, *, tries: int) -> None:
        symbol = order.request.symbol
        async with self._halts.containing_bugs(account, "look-up"), account.lock(symbol):
            if (current := _in_doubt(account, order)) is not None:
                await self._settle(account, current)
        if _in_doubt(account, order) is None:
            self._watched.discard(order.client_order_id)
        elif tries + 1 < len(PAUSES_MS):
            self._look_after(account, order, tries=tries + 1)
        else:
            self._watched.discard(order.client_order_id)
            log.error(
                "order.parked",
                user_id=account.user_id,
                symbol=symbol,
                client_order_id=order.client_order_id,
            )


def _when_filled(each: tuple[Order, _Look]) -> tuple[Ms, bool]:
    """Orders within one millisecond: a target leaves something for the stop, never the reverse."""
    order, look = each
    return look.filled_ms, order.request.leg is not Leg.TAKE_PROFIT


def _in_doubt(account: Account, order: Order) -> Order | None:
    """The order as it is now, if it is not known yet what became of it."""
    current = account.working.get(order.request.symbol, {}).get(order.client_order_id)
    unknown = (OrderStatus.UNKNOWN, OrderStatus.INTENDED)
    return current if current is not None and current.status in unknown else None


def _is_spot(account: Account, order: Order) -> bool:
    """Whether a second sale would take the owner's other coins: nothing there only reduces."""
    return account.market.instrument(order.request.symbol).kind is MarketKind.SPOT


def _ids(orders: Iterable[Order]) -> Iterable[str]:
    """Both ids of each order: a fill may carry the exchange's."""
    for order in orders:
        yield order.client_order_id
        if order.exchange_order_id is not None:
            yield order.exchange_order_id
