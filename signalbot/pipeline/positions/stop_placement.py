"""Places one stop, and finds those that were sent without a sure answer.

A stop counts once the exchange shows it. One that it has taken and cannot be read, or does not
show, is kept in mind: it may rest, and is withdrawn once it comes to light beside another.
"""

import asyncio
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum, auto
from typing import Final

import structlog

from signalbot.domain.errors import OrderOutcomeUnknown, OrderRejected, Unavailable
from signalbot.domain.market import MarketKind
from signalbot.domain.money import ZERO
from signalbot.domain.orders import (
    Confirmation,
    Leg,
    Order,
    OrderReport,
    OrderStatus,
    OrderType,
)
from signalbot.domain.positions import Position
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.orders.order_intents import closing_request
from signalbot.pipeline.orders.order_placement import OrderPlacer, mark_rejected
from signalbot.pipeline.positions.closing import PositionCloser
from signalbot.pipeline.positions.spot_coverage import stop_size
from signalbot.ports import Clock
from signalbot.tasks import backoff_s, crash_point

log = structlog.get_logger()

_LOOKUP_TIMEOUT_S: Final = 1.0  # then another one is sent: a second reduce-only stop does no harm
_MAX_UNRESOLVED: Final = 3  # stops that may rest unseen: a further one helps nobody


_UNREAD: Final = "the exchange has taken it, and cannot be read"
_NOT_FOUND: Final = "the exchange has taken it, and does not show it"


class StopOutcome(Enum):
    """What came of trying to place a stop."""

    CONFIRMED = auto()
    UNCONFIRMED = auto()  #: the exchange has taken one, and has not shown it
    REJECTED = auto()
    WOULD_TRIGGER = auto()  #: the price is beyond it


@dataclass(slots=True)
class StopAttempt:
    """How trying for a stop stands."""

    outcome: StopOutcome = StopOutcome.REJECTED
    cause: str = ""

    @property
    def is_unread(self) -> bool:
        """Whether nothing says that the stop is not there."""
        return self.outcome is StopOutcome.UNCONFIRMED and self.cause == _UNREAD


def unread_attempt() -> StopAttempt:
    """A stop that the exchange has taken, while it cannot be read."""
    return StopAttempt(StopOutcome.UNCONFIRMED, _UNREAD)


class StopPlacer:
    def __init__(
        self,
        trades: Trades,
        order_placer: OrderPlacer,
        position_closer: PositionCloser,
        clock: Clock,
    ) -> None:
        self._trades = trades
        self._order_placer = order_placer
        self._position_closer = position_closer
        self._clock = clock

    async def find_sent_stops(
        self, account: Account, position: Position, *, limit_s: float
    ) -> bool:
        """Look for stops that went out without a sure answer, or with their entry.

        Each for at most ``limit_s`` seconds; one that cannot be found stays unknown. True when
        one that the exchange has taken could not be read at all.
        """
        attaches = account.trading_broker.attaches_stops(position.symbol)
        is_unread = False
        for stop in stops_of(account, position):
            went_along = attaches and is_unsent(stop) and stop.request.is_initial_stop
            if not went_along and stop.status is not OrderStatus.UNKNOWN:
                continue
            unknown = replace(stop, status=OrderStatus.UNKNOWN)
            account.track_order(unknown)
            try:
                async with asyncio.timeout(limit_s):
                    found = await self._find(account, unknown)
            except (TimeoutError, OrderOutcomeUnknown, Unavailable) as e:
                log.warning(
                    "order.outcome_pending", user_id=account.user_id, leg="stop_loss", cause=str(e)
                )
                is_unread = is_unread or (
                    unknown.exchange_order_id is not None and isinstance(e, Unavailable)
                )
                continue
            if found is not None:
                await self._confirm(account, position, unknown, found)
            elif unknown.exchange_order_id is None:
                account.track_order(replace(stop, status=OrderStatus.INTENDED))
        return is_unread

    async def size(self, account: Account, position: Position) -> Decimal | None:
        """What of a position a stop can close; None when that cannot be known now.

        On spot the exchange may have kept its fee in the coins that were bought.
        """
        instrument = account.market.instrument(position.symbol)
        if instrument.kind is not MarketKind.SPOT:
            return instrument.floor_quantity(position.quantity)
        try:
            held = await account.trading_broker.closable_quantity(
                position.symbol, position.quantity
            )
        except Unavailable as e:
            log.warning("balance.fetch_failed", user_id=account.user_id, cause=str(e))
            return None
        guarded = [stop for stop in stops_of(account, position) if stop.status.is_live]
        size = stop_size(
            account,
            position,
            held,
            guarded=sum((each.request.quantity - each.filled for each in guarded), ZERO),
            now_ms=self._clock.now_ms(),
        )
        return instrument.floor_quantity(size) or None if size is not None else None

    async def _find(self, account: Account, stop: Order) -> OrderReport | None:
        """A stop the exchange has taken is looked for once; one it may not have, until it is sure.

        Raises:
            OrderOutcomeUnknown, Unavailable: of the one look.
        """
        if stop.exchange_order_id is None:
            return await self._order_placer.find(account, stop)
        return await account.trading_broker.lookup(stop)

    async def place_within(
        self,
        limit_s: float,
        account: Account,
        position: Position,
        intent: Order | None,
        *,
        size: Decimal,
    ) -> StopAttempt:
        """Try for at most ``limit_s`` seconds to have a stop of ``size`` confirmed.

        A refused stop, or one that is not shown, is followed by one under a new id: two
        reduce-only stops are better than none, but no more than a few are left unresolved.
        """
        attempt = StopAttempt(cause=f"no answer within {limit_s:g} s")
        if any(each.exchange_order_id for each in _unresolved(account, position)):
            attempt.outcome, attempt.cause = StopOutcome.UNCONFIRMED, _NOT_FOUND
        try:
            async with asyncio.timeout(limit_s):
                for delay_s in backoff_s(initial_s=0.1, max_s=1.0):
                    if len(_unresolved(account, position)) >= _MAX_UNRESOLVED:
                        return attempt
                    order = intent or await self._intend_stop(account, position, size)
                    crash_point("stop_loss.intended")
                    intent = await self._place_once(account, position, order, attempt)
                    if attempt.outcome in (StopOutcome.CONFIRMED, StopOutcome.WOULD_TRIGGER):
                        return attempt
                    if attempt.is_unread:
                        return attempt
                    await self._clock.sleep(delay_s)
        except TimeoutError:
            pass
        return attempt

    async def _place_once(
        self, account: Account, position: Position, order: Order, attempt: StopAttempt
    ) -> Order | None:
        """Send one stop and note how it went; the order itself if it may be sent again."""
        try:
            report = await self._send_stop(account, order)
        except OrderRejected as e:
            await self._record_rejection(account, order, e)
            attempt.cause = str(e)
            if e.would_trigger:
                attempt.outcome = StopOutcome.WOULD_TRIGGER
        except Unavailable as e:
            attempt.cause = f"not sent: {e}"
            return order
        except OrderOutcomeUnknown as e:
            await self._record_unknown(account, order, str(e))
            attempt.cause = str(e)
        else:
            await self._check_report(account, position, order, report, attempt)
        return None

    async def _check_report(
        self,
        account: Account,
        position: Position,
        order: Order,
        report: OrderReport,
        attempt: StopAttempt,
    ) -> None:
        """A stop counts once it was read back."""
        if report.confirmation is not Confirmation.READ_BACK:
            taken = replace(order, exchange_order_id=report.exchange_order_id)
            is_unread = report.confirmation is Confirmation.ACKNOWLEDGED
            attempt.cause = _UNREAD if is_unread else _NOT_FOUND
            await self._record_unknown(account, taken, attempt.cause)
            attempt.outcome = StopOutcome.UNCONFIRMED
            return
        await self._confirm(account, position, order, report)
        if report.status.is_live or report.filled:
            attempt.outcome = StopOutcome.CONFIRMED
        else:
            attempt.cause = f"it ended {report.status}"

    async def _send_stop(self, account: Account, order: Order) -> OrderReport:
        """Send one stop; an answer that got lost is looked up before anything else is tried.

        Raises:
            OrderRejected: it was refused.
            OrderOutcomeUnknown: it went out, and cannot be found.
            Unavailable: it provably never arrived.
        """
        crash_point("stop_loss.before_send")
        try:
            report = await account.trading_broker.submit(order.request)
        except OrderOutcomeUnknown as e:
            log.warning(
                "order.outcome_unknown",
                user_id=account.user_id,
                client_order_id=order.client_order_id,
                leg="stop_loss",
                cause=str(e),
            )
            found = await self._find_soon(account, order)
            if found is None:
                raise Unavailable(str(e)) from e
            return found
        crash_point("stop_loss.after_answer")
        return report

    async def _find_soon(self, account: Account, order: Order) -> OrderReport | None:
        try:
            async with asyncio.timeout(_LOOKUP_TIMEOUT_S):
                return await self._order_placer.find(account, order)
        except TimeoutError as e:
            raise OrderOutcomeUnknown("no answer, and it cannot be found") from e

    async def _confirm(
        self, account: Account, position: Position, order: Order, report: OrderReport
    ) -> None:
        """Note that the exchange has a stop; or book it, if it has been filled already."""
        account.absences.record_seen(order.client_order_id)
        if report.filled or report.status.is_final:
            await self._position_closer.book(account, order, report)
            return
        placed = order.apply(report)
        account.track_order(placed)
        current = account.positions.get(position.symbol, position)
        held = replace(current, protected_at_ms=current.protected_at_ms or self._clock.now_ms())
        account.update_position(held)
        self._trades.save_position_later(held, [placed])

    async def _record_rejection(self, account: Account, order: Order, error: OrderRejected) -> None:
        refused = mark_rejected(order, error, self._clock)
        account.track_order(refused)
        await self._trades.save_order(refused)
        log.warning(
            "order.rejected", user_id=account.user_id, leg="stop_loss", reason=str(error)
        )  # fmt: skip

    async def _record_unknown(self, account: Account, order: Order, cause: str) -> None:
        unknown = replace(
            order, status=OrderStatus.UNKNOWN, error=cause, updated_at_ms=self._clock.now_ms()
        )
        account.track_order(unknown)
        await self._trades.save_order(unknown)

    async def _intend_stop(self, account: Account, position: Position, size: Decimal) -> Order:
        """A stop of what can be sold now: a refusal may have come of coins that were not there.

        ``size`` where that cannot be known now.
        """
        now_sellable = await self.size(account, position)
        request = closing_request(
            position,
            leg=Leg.STOP_LOSS,
            type_=OrderType.STOP,
            trigger=position.stop_loss,
            quantity=now_sellable or size,
            attempt=account.next_attempt(position.position_id, Leg.STOP_LOSS),
            now_ms=self._clock.now_ms(),
        )
        order = Order(request=request)
        await self._trades.intend([request], position)
        account.track_order(order)
        return order


def stops_of(account: Account, position: Position) -> list[Order]:
    """Every unfinished stop of a position."""
    return [order for order in account.orders_of(position) if order.request.leg is Leg.STOP_LOSS]


def _unresolved(account: Account, position: Position) -> list[Order]:
    """Stops that may rest, as far as is known."""
    return [stop for stop in stops_of(account, position) if stop.status is OrderStatus.UNKNOWN]


def is_unsent(order: Order) -> bool:
    """Whether an order is planned and was never sent, as far as is known."""
    return order.status is OrderStatus.INTENDED
