"""Queues orders with an unknown outcome for a look-up."""

import structlog

from signalbot.domain.errors import OrderOutcomeUnknown, SignalbotError
from signalbot.domain.orders import Leg, Order
from signalbot.pipeline.account import Account
from signalbot.pipeline.trading_state import failure_log_level
from signalbot.stream import Stream

log = structlog.get_logger()


class UnresolvedOrderQueue:
    """Passes orders with an unknown outcome from the code that sends to the poller."""

    def __init__(self) -> None:
        self.queue: Stream[tuple[Account, Order]] = Stream()

    def add(self, account: Account, order: Order) -> None:
        """Have ``order`` looked up before the next comparison; repeating is harmless."""
        self.queue.put((account, order))

    def retry_later(
        self, account: Account, order: Order, *, cause: str, error: SignalbotError | None = None
    ) -> None:
        """Block entries in the symbol and have the order looked up again."""
        is_repeat = order.request.symbol in account.unresolved_symbols
        account.mark_unresolved(order.request.symbol)
        log.log(
            failure_log_level(error or OrderOutcomeUnknown(cause), is_repeat=is_repeat),
            "order.outcome_pending",
            user_id=account.user_id,
            leg=order.request.leg.value,
            cause=cause,
        )
        if order.request.leg in (Leg.ENTRY, Leg.EXIT):
            self.add(account, order)
