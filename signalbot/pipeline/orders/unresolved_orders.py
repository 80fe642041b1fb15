"""Queues orders with an unknown outcome for a look-up."""

from signalbot.domain.orders import Order
from signalbot.pipeline.account import Account
from signalbot.stream import Stream


class UnresolvedOrderQueue:
    """Passes orders with an unknown outcome from the code that sends to the poller."""

    def __init__(self) -> None:
        self.queue: Stream[tuple[Account, Order]] = Stream()

    def add(self, account: Account, order: Order) -> None:
        """Have ``order`` looked up before the next comparison; repeating is harmless."""
        self.queue.put((account, order))
