"""Settles an entry: books whatever the exchange says of it, protects what was filled, tells it.

A report may come from the submit itself, from the event stream, from a cancel or from a look-up
after a crash; all of them end here.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

import structlog

from signalbot.domain.codes import Code
from signalbot.domain.errors import LedgerError, OrderOutcomeUnknown, Unavailable
from signalbot.domain.failures import Failure
from signalbot.domain.money import text
from signalbot.domain.orders import Order, OrderReport, OrderStatus, OrderType
from signalbot.domain.signals import Execution, ExecutionStatus, Signal, slippage_bps
from signalbot.domain.timeframe import Ms
from signalbot.ledger.executions import Executions
from signalbot.ledger.signals import Signals
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.intents import Intents, intents_from
from signalbot.pipeline.place import unsent
from signalbot.pipeline.protect import Protector
from signalbot.pipeline.record import Recorder
from signalbot.ports import Clock
from signalbot.tasks import Alarms, crash_point

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A claimed entry: the signal behind it, the right to act on it, the orders it stands for."""

    signal: Signal
    execution: Execution
    intents: Intents


class Settler:
    def __init__(
        self,
        *,
        signals: Signals,
        executions: Executions,
        trades: Trades,
        recorder: Recorder,
        protector: Protector,
        alarms: Alarms,
        clock: Clock,
    ) -> None:
        self._on_doubt: Callable[[Account, Order], None] = _wait_for_reconciliation
        self._signals = signals
        self._executions = executions
        self._trades = trades
        self._recorder = recorder
        self._protector = protector
        self._alarms = alarms
        self._clock = clock

    def when_in_doubt(self, look: Callable[[Account, Order], None]) -> None:
        """Call ``look`` with every entry whose outcome is not known, to have it looked up soon."""
        self._on_doubt = look

    def look_soon(self, account: Account, order: Order) -> None:
        """Have an entry of unknown outcome looked up before the next reconciliation."""
        self._on_doubt(account, order)

    async def load(self, account: Account, order: Order) -> Entry:
        """The entry an order belongs to, read back from the ledger.

        Raises:
            LedgerError: the order is in the ledger without its signal or execution.
        """
        signal_id = order.request.signal_id
        if signal_id is not None:
            signal = await self._signals.signal(signal_id)
            execution = await self._executions.execution(signal_id, account.user_id)
            orders = await self._trades.orders_of_signal(signal_id, account.user_id)
            if signal is not None and execution is not None:
                intents = intents_from(signal, account.user, orders)
                return Entry(signal=signal, execution=execution, intents=intents)
        raise LedgerError(f"order {order.client_order_id} has no signal or execution")

    async def settle(
        self, account: Account, entry: Entry, order: Order, report: OrderReport
    ) -> None:
        """Book ``report`` of an entry order. The symbol's lock is held; repeating is harmless."""
        account.in_doubt.discard(order.request.symbol)
        if report.filled:
            await self._settle_fill(account, entry, order, report)
        elif report.status.is_live:
            await self._rest(account, entry, order.apply(report))
        else:
            after = order.apply(report)
            error = report.error or f"the exchange reports it {report.status}, nothing filled"
            await self.fail(account, entry, after, reason=Failure.NOT_FILLED, error=error)

    async def _settle_fill(
        self, account: Account, entry: Entry, order: Order, report: OrderReport
    ) -> None:
        outcome = self._outcome(entry, report)
        opened_at_ms = report.fills[0].filled_at_ms if report.fills else report.updated_at_ms
        planned = replace(entry.intents.position, opened_at_ms=opened_at_ms)
        await self._recorder.record(account, order, report, opens=planned, execution=outcome)
        crash_point("entry.recorded")
        await self._protector.protect(account, order.request.symbol)
        if report.status.is_live:
            self.watch_limit(account, entry.signal.strategy, order)
        else:
            if outcome.slippage_bps is not None and order.request.type is OrderType.MARKET:
                account.slippage.learn(order.request.symbol, outcome.slippage_bps)
            self.tell(account, entry.signal, outcome, asked=order.request.quantity)

    async def fail(
        self, account: Account, entry: Entry, order: Order, *, reason: Code, error: str
    ) -> None:
        """The entry came to nothing: close its execution, drop the protection planned for it."""
        account.keep(order)
        await self._drop(account, order, entry.intents)
        crash_point("entry.dropped")
        await self._executions.mark_failed(
            entry.signal.signal_id,
            account.user_id,
            reason=reason,
            details=error,
            now_ms=self._clock.now_ms(),
        )
        log.warning(
            "execution.failed",
            user_id=account.user_id,
            signal_id=entry.signal.signal_id,
            symbol=entry.signal.symbol,
            reason=reason.value,
            error=error,
        )

    async def doubt(self, account: Account, entry: Entry, order: Order, *, cause: str) -> None:
        """No trustworthy answer: the order may be live. Entries in this symbol wait."""
        account.in_doubt.add(order.request.symbol)
        unknown = replace(order, status=OrderStatus.UNKNOWN, error=cause)
        account.keep(unknown)
        await self._trades.save_order(unknown)
        await self._executions.mark_unknown(
            entry.signal.signal_id, account.user_id, details=cause
        )  # fmt: skip
        log.warning(
            "order.outcome_unknown",
            user_id=account.user_id,
            signal_id=entry.signal.signal_id,
            client_order_id=order.client_order_id,
            cause=cause,
        )
        self.look_soon(account, unknown)

    async def _rest(self, account: Account, entry: Entry, resting: Order) -> None:
        account.keep(resting)
        await self._trades.save_order(resting)
        log.info(
            "order.resting",
            user_id=account.user_id,
            signal_id=entry.signal.signal_id,
            symbol=resting.request.symbol,
            price=text(resting.request.price or Decimal(0)),
        )
        self.watch_limit(account, entry.signal.strategy, resting)

    def watch_limit(self, account: Account, strategy: str, order: Order) -> None:
        """Cancel a resting entry once the user's timeout has passed."""
        timeout_ms = account.rules(strategy).entry.timeout_ms
        deadline_ms = Ms(order.request.intended_at_ms + timeout_ms)
        self._alarms.at(deadline_ms, lambda: self._end_limit(account, order))

    async def _end_limit(self, account: Account, order: Order) -> None:
        symbol = order.request.symbol
        async with account.lock(symbol):
            current = account.working.get(symbol, {}).get(order.client_order_id)
            if current is not None:
                await self.withdraw(account, current)

    async def withdraw(self, account: Account, order: Order) -> None:
        """Cancel a resting entry and settle what it came to. The symbol's lock is held."""
        try:
            report = await account.trading.cancel(order)
        except (OrderOutcomeUnknown, Unavailable) as e:
            account.in_doubt.add(order.request.symbol)
            log.warning("order.cancel_unknown", user_id=account.user_id, cause=str(e))
            return
        await self.settle(account, await self.load(account, order), order, report)

    def _outcome(self, entry: Entry, report: OrderReport) -> Execution:
        complete = report.filled == entry.intents.entry.quantity
        executed_at_ms = self._clock.now_ms()
        price = report.average_price
        return replace(
            entry.execution,
            status=ExecutionStatus.EXECUTED if complete else ExecutionStatus.PARTIAL,
            executed_at_ms=executed_at_ms,
            actual_entry_price=price,
            quantity=report.filled,
            order_id=report.exchange_order_id,
            slippage_bps=slippage(entry.signal, price),
            latency_ms=executed_at_ms - entry.signal.created_at_ms,
            failure_reason=None if complete else Failure.PARTIAL_FILL,
        )

    async def _drop(self, account: Account, order: Order, intents: Intents) -> None:
        """The protection of an entry that never filled was never sent and never will be."""
        dropped = [
            unsent(Order(request=request), "the entry did not fill", self._clock)
            for request in intents.protection
        ]
        for each in dropped:
            account.keep(each)
        await self._trades.save_orders([order, *dropped])

    def tell(self, account: Account, signal: Signal, outcome: Execution, *, asked: Decimal) -> None:
        """One line that is the whole story of an execution."""
        position = account.positions.get(signal.symbol)
        log.info(
            "execution.settled",
            user_id=account.user_id,
            signal_id=signal.signal_id,
            symbol=signal.symbol,
            action=signal.action.value,
            status=outcome.status.value,
            asked=text(asked),
            filled=text(outcome.quantity or Decimal(0)),
            price=None if outcome.actual_entry_price is None else text(outcome.actual_entry_price),
            slippage_bps=None if outcome.slippage_bps is None else text(outcome.slippage_bps),
            latency_ms=outcome.latency_ms,
            stop=text(position.stop_loss) if position and position.stop_loss else None,
            targets=_prices(aim.price for aim in position.take_profits) if position else None,
        )


def _wait_for_reconciliation(_account: Account, _order: Order) -> None:
    """It looks every minute."""


def slippage(signal: Signal, price: Decimal | None) -> Decimal | None:
    """Basis points against the signal's price; None when either price is not known."""
    if signal.price is None or price is None:
        return None
    return slippage_bps(action=signal.action, asked=signal.price, got=price)


def _prices(prices: Iterable[Decimal]) -> str:
    return " ".join(text(price) for price in prices)
