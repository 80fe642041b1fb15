"""Places protective and exit orders, which may be sent again once proven absent.

Entries are never placed here: they are sent at most once.
"""

from dataclasses import replace

import structlog

from signalbot.domain.errors import OrderOutcomeUnknown, OrderRejected, Unavailable
from signalbot.domain.orders import Order, OrderReport, OrderRequest, OrderStatus
from signalbot.pipeline.account import Account
from signalbot.pipeline.trading_state import failure_log_level
from signalbot.ports import Clock
from signalbot.tasks import backoff_s, crash_point

log = structlog.get_logger()


class OrderPlacer:
    """Submits orders, and looks up those without a response until the outcome is known."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def place(self, account: Account, request: OrderRequest) -> OrderReport:
        """Submit a committed intent and return the exchange's report.

        Without a response the order is looked up; only one that provably never arrived is sent
        again, with the same id. Callers limit the wait with ``asyncio.timeout``.

        Raises:
            OrderRejected: the exchange rejected it.
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
        """Look an order up until the exchange responds; None if it provably does not exist.

        Callers limit the wait with ``asyncio.timeout``.
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
    """Return the order as rejected by the exchange."""
    return replace(
        order, status=OrderStatus.REJECTED, error=str(error), updated_at_ms=clock.now_ms()
    )


def mark_unsent(order: Order, why: str, clock: Clock) -> Order:
    """Return the order as cancelled before it was sent."""
    return replace(
        order, status=OrderStatus.CANCELLED, error=f"not sent: {why}", updated_at_ms=clock.now_ms()
    )
