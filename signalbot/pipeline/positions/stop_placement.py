"""Places one stop, and finds stops with an unconfirmed outcome.

A stop is confirmed once it was read back from the exchange. One that was accepted but cannot be
read, or is not listed, stays UNKNOWN: it may be live, and is cancelled once it shows up beside
another.
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

_LOOKUP_TIMEOUT_S: Final = 1.0  # then another is sent: a second reduce-only stop is harmless
_MAX_UNRESOLVED: Final = 3  # stops that may be live but unseen; no more are sent beyond that

_UNREAD: Final = "the exchange accepted it and cannot be read"
_NOT_FOUND: Final = "the exchange accepted it and does not list it"


class StopOutcome(Enum):
    """Outcome of placing a stop."""

    CONFIRMED = auto()
    UNCONFIRMED = auto()  #: accepted, and not read back
    REJECTED = auto()
    WOULD_TRIGGER = auto()  #: the price has passed its trigger


@dataclass(slots=True)
class StopAttempt:
    """The outcome so far of placing a stop, and the cause of the last failure."""

    outcome: StopOutcome = StopOutcome.REJECTED
    cause: str = ""

    @property
    def is_unread(self) -> bool:
        """Whether the stop was accepted and could not be read."""
        return self.outcome is StopOutcome.UNCONFIRMED and self.cause == _UNREAD


def unread_attempt() -> StopAttempt:
    """Return the attempt of a stop that was accepted and cannot be read."""
    return StopAttempt(StopOutcome.UNCONFIRMED, _UNREAD)


class StopPlacer:
    """Sends stops until one is confirmed."""

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
        """Look up stops with an unknown outcome, or attached to their entry.

        Each look-up takes at most ``limit_s`` seconds; a stop not found stays UNKNOWN. True if an
        accepted stop could not be read at all.
        """
        attaches = account.trading_broker.attaches_stops(position.symbol)
        is_unread = False
        for stop in stops_of(account, position):
            is_attached = attaches and is_unsent(stop) and stop.request.is_initial_stop
            if not is_attached and stop.status is not OrderStatus.UNKNOWN:
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
        """Return the quantity a stop can close; None if the spot balance cannot be read.

        On spot the exchange may have kept its fee in the bought coins.
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
        """Try for at most ``limit_s`` seconds to place and confirm a stop of ``size``.

        A stop that is rejected or not listed is followed by one with a new id: two reduce-only
        stops are better than none, but at most ``_MAX_UNRESOLVED`` are left unresolved.
        """
        attempt = StopAttempt(cause=f"no response within {limit_s:g} s")
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
        """Send one stop and note the outcome; return the order if it may be sent again."""
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
        """Confirm a stop that was read back; mark any other UNKNOWN."""
        if report.confirmation is not Confirmation.READ_BACK:
            accepted = replace(order, exchange_order_id=report.exchange_order_id)
            is_unread = report.confirmation is Confirmation.ACKNOWLEDGED
            attempt.cause = _UNREAD if is_unread else _NOT_FOUND
            await self._record_unknown(account, accepted, attempt.cause)
            attempt.outcome = StopOutcome.UNCONFIRMED
            return
        await self._confirm(account, position, order, report)
        if report.status.is_live or report.filled:
            attempt.outcome = StopOutcome.CONFIRMED
        else:
            attempt.cause = f"it ended {report.status}"

    async def _send_stop(self, account: Account, order: Order) -> OrderReport:
        """Send one stop; without a response it is looked up.

        Raises:
            OrderRejected: the exchange rejected it.
            OrderOutcomeUnknown: it was sent and cannot be found.
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
            raise OrderOutcomeUnknown("no response, and it cannot be found") from e

    async def _confirm(
        self, account: Account, position: Position, order: Order, report: OrderReport
    ) -> None:
        """Record a live stop, or book one that has already been filled."""
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
        rejected = mark_rejected(order, error, self._clock)
        account.track_order(rejected)
        await self._trades.save_order(rejected)
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
        """Commit the intent of a stop, with a freshly read size; ``size`` if it cannot be read.

        On spot the previous stop may have been rejected for missing coins.
        """
        current_size = await self.size(account, position)
        request = closing_request(
            position,
            leg=Leg.STOP_LOSS,
            type_=OrderType.STOP,
            trigger=position.stop_loss,
            quantity=current_size or size,
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
    """Stops of a position that may be live."""
    return [stop for stop in stops_of(account, position) if stop.status is OrderStatus.UNKNOWN]


def is_unsent(order: Order) -> bool:
    """Whether an order is committed and, by the ledger, was never sent."""
    return order.status is OrderStatus.INTENDED
