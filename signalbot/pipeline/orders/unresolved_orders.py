"""Orders whose outcome is not known: whoever meets one says so here, and it is looked up soon."""

from signalbot.domain.orders import Order
from signalbot.pipeline.account import Account
from signalbot.stream import Stream


class UnresolvedOrderQueue:
    """A queue between those who send orders and the one who looks them up."""

    def __init__(self) -> None:
        self.queue: Stream[tuple[Account, Order]] = Stream()

    def add(self, account: Account, order: Order) -> None:
        """Have ``order`` looked up before the next comparison; saying it twice is harmless."""
        self.queue.put((account, order))
