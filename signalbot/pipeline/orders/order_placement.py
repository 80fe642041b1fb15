"""Places one order that must end up known: protective and exit orders, which may be tried again.

An entry is never placed from here: its outcome may stay unknown, a stop's may not.
"""

from dataclasses import replace

import structlog

from signalbot.domain.errors import OrderOutcomeUnknown, OrderRejected, Unavailable
from signalbot.domain.orders import Order, OrderReport, OrderRequest, OrderStatus
from signalbot.pipeline.account import Account
from signalbot.pipeline.log_levels import failure_log_level
from signalbot.ports import Clock
from signalbot.tasks import backoff_s, crash_point

log = structlog.get_logger()


class OrderPlacer:
    """Submits, and looks up what got no answer, until the outcome is known."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def place(self, account: Account, request: OrderRequest) -> OrderReport:
        """Submit a durable intent and return what became of it.

        A lost answer is looked up until the exchange tells; only an order proven never to have
        arrived is sent again, under the same id. Bound the wait with ``asyncio.timeout``.

        Raises:
            OrderRejected: the exchange refused it.
        """
        crash_point(f"{request.leg}.before_send")
        for tries, delay_s in enumerate(backoff_s(initial_s=0.1, max_s=2.0)):
            try:
                report = await account.trading_broker.submit(request)
            except OrderOutcomeUnknown as e:
                log.warning(
                    "order.outcome_unknown",
                    user_id=account.user_id,
                    client_order_id=request.client_order_id,
                    leg=request.leg.value,
                    cause=str(e),
                )
                found = await self.find(account, Order(request=request))
                if found is not None:
                    return found
            except Unavailable as e:
                log.log(
                    failure_log_level(e, is_repeat=tries > 0),
                    "order.send_failed",
                    user_id=account.user_id,
                    leg=request.leg.value,
                    cause=str(e),
                )
            else:
                crash_point(f"{request.leg}.after_answer")
                return report
            await self._clock.sleep(delay_s)
        raise AssertionError("backoff never ends")

    async def find(self, account: Account, order: Order) -> OrderReport | None:
        """Look an order up until the exchange gives a sure answer; None: it is not there.

        Bound the wait with ``asyncio.timeout``.
        """
        for tries, delay_s in enumerate(backoff_s(initial_s=0.1, max_s=2.0)):
            try:
                return await account.trading_broker.lookup(order)
            except (OrderOutcomeUnknown, Unavailable) as e:
                level = failure_log_level(e, is_repeat=tries > 0)
                log.log(level, "order.lookup_failed", user_id=account.user_id, cause=str(e))
            await self._clock.sleep(delay_s)
        raise AssertionError("backoff never ends")


def mark_rejected(order: Order, error: OrderRejected, clock: Clock) -> Order:
    """The order after the exchange refused it."""
    return replace(
        order, status=OrderStatus.REJECTED, error=str(error), updated_at_ms=clock.now_ms()
    )


def mark_unsent(order: Order, why: str, clock: Clock) -> Order:
    """The order as an intent that never went out and never will."""
    return replace(
        order, status=OrderStatus.CANCELLED, error=f"not sent: {why}", updated_at_ms=clock.now_ms()
    )
