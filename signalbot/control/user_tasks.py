"""The tasks of every user: its listener, its order events, and the prices of trailing stops."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

from signalbot.domain.users import Subscription, UserId
from signalbot.pipeline.account import Account
from signalbot.pipeline.execution.listener import Listener
from signalbot.pipeline.positions.trailing_stop import TrailingStops
from signalbot.pipeline.reconciliation.order_events import OrderEventHandler
from signalbot.pipeline.signals.broadcaster import InProcessBroadcaster
from signalbot.ports import Market
from signalbot.tasks import SupervisedTasks

CreateListener = Callable[[Account, Mapping[str, Subscription]], Listener]


class UserTasks:
    """Starts and stops the tasks of users."""

    def __init__(
        self,
        tasks: SupervisedTasks,
        *,
        broadcaster: InProcessBroadcaster,
        order_events: OrderEventHandler,
        trailing_stops: TrailingStops,
        create_listener: CreateListener,
    ) -> None:
        self._tasks = tasks
        self._broadcaster = broadcaster
        self._order_events = order_events
        self._trailing_stops = trailing_stops
        self._create_listener = create_listener
        self._by_user: dict[UserId, list[asyncio.Task[None]]] = {}
        self._trailed_symbols: set[tuple[str, str]] = set()

    def start(self, account: Account, subscriptions: Mapping[str, Subscription]) -> None:
        """Start a user's listener and, if the account can trade, its order event handler."""
        user_id = account.user_id
        listener = self._create_listener(account, subscriptions)
        started = [self._tasks.start(f"listener {user_id}", listener.run)]
        if account.broker is not None:
            run = partial(self._order_events.run, account)
            started.append(self._tasks.start(f"follower {user_id}", run))
        self._by_user[user_id] = started

    async def stop(self, account: Account) -> None:
        """Stop a user's tasks after they have finished their current work. The inbox is kept."""
        await self._broadcaster.open(account.user_id).join()
        await account.wait_idle()
        for task in self._by_user.pop(account.user_id, []):
            task.cancel()
            await asyncio.wait([task])

    def close_inbox(self, user_id: UserId) -> None:
        """Discard the inbox of a removed user."""
        self._broadcaster.close(user_id)

    def trail(self, exchange: str, symbol: str, market: Market) -> None:
        """Start trailing stops in ``symbol`` at ``exchange``; repeated calls have no effect."""
        if (exchange, symbol) not in self._trailed_symbols:
            self._trailed_symbols.add((exchange, symbol))
            run = partial(self._trailing_stops.run, market, symbol)
            self._tasks.start(f"trail {symbol}", run)
