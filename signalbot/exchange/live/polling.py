"""Looks at live accounts regularly and on hints, as often as the exchange's limits allow.

An account with resting orders is polled every few seconds, and much less often while its stream
speaks. Balances and margin settings are kept fresh in turn. Each kind of read has a part of the
limits of its address, so that none of them uses up what another needs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from signalbot.domain.errors import SignalbotError
from signalbot.domain.market import PriceRange
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.domain.users import UserId
from signalbot.exchange.live.broker import LiveBroker
from signalbot.exchange.live.budget import Budget
from signalbot.exchange.live.order_streams import Hint, OrderStreams
from signalbot.ports import Clock
from signalbot.stream import Stream

log = structlog.get_logger()

_POLL_EVERY_MS: Final = 5_000
_POLL_SPOKEN_EVERY_MS: Final = 60_000  # of an account whose stream speaks
_BALANCE_EVERY_MS: Final = 60_000
_COMPARE_EVERY_MS: Final = 20_000
_COMPARE_SPOKEN_EVERY_MS: Final = 60_000
_LOOK_EVERY_S: Final = 0.5
_AT_ONCE: Final = 8
_PART_OF_POLLS, _PART_OF_COMPARISONS = 0.25, 0.2
_PART_OF_BALANCES, _PART_OF_SETTINGS = 0.1, 0.1


@dataclass(slots=True)
class _Turn:
    """When an account was last looked at, and whether that is under way."""

    at_ms: Ms = EPOCH
    is_under_way: bool = False


class AccountPolling:
    """``brokers`` are the accounts now followed, ``budget_of`` what limits one of them."""

    def __init__(
        self,
        brokers: Mapping[UserId, LiveBroker],
        streams: OrderStreams,
        *,
        budget_of: Callable[[UserId], Budget],
        clock: Clock,
    ) -> None:
        self._brokers = brokers
        self._streams = streams
        self._budget_of = budget_of
        self._clock = clock
        self._due: dict[UserId, LiveBroker] = {}
        self._is_due = asyncio.Event()
        self._turns: dict[UserId, _Turn] = {}
        self.changed: Stream[UserId] = Stream()  #: accounts in which something not ours happened

    async def run(self) -> None:
        """Keep every account looked at, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name, run in (
                ("hints", self._take_hints),
                ("hinted", self._poll_hinted),
                ("regular", self._poll_regularly),
                ("balances", self._keep_balances),
                ("settings", self._keep_settings),
            ):
                group.create_task(run(), name=name)

    def forget(self, user_id: UserId) -> None:
        """An account is not followed any more."""
        self._due.pop(user_id, None)
        self._turns.pop(user_id, None)

    async def _take_hints(self) -> None:
        async for hint in self._streams.hints:
            self._take(hint)

    def _take(self, hint: Hint) -> None:
        """Look at an account soon; one in which a foreign order did something is compared."""
        broker = self._brokers.get(hint.user_id)
        if broker is None:
            return
        if hint.leverage is not None:
            if hint.leverage != broker.user.account.leverage:
                broker.setup.doubt()
            return
        if not hint.orders or not all(broker.is_ours(*ids) for ids in hint.orders):
            self.changed.put(hint.user_id)
        if broker.live:
            self._hasten(hint.user_id, broker)

    def on_price(self, reached: PriceRange) -> None:
        """Where the price has touched a resting order, its account is looked at at once."""
        for user_id, broker in self._brokers.items():
            if broker.live and broker.is_touched(reached):
                self._hasten(user_id, broker)

    def comparison_interval_ms(self, user_id: UserId) -> int:
        """How long an account with business may go without a comparison, within the limits."""
        spoken = self._streams.speaks(user_id)
        least_ms = _COMPARE_SPOKEN_EVERY_MS if spoken else _COMPARE_EVERY_MS
        broker = self._brokers.get(user_id)
        if broker is None:
            return least_ms
        busy = sum(bool(each.live) for each in self._brokers.values())
        budget = self._budget_of(user_id)
        return max(
            least_ms,
            round(budget.pace_s(broker.comparison_cost * busy, _PART_OF_COMPARISONS) * 1000),
        )

    # --- in turn --------------------------------------------------------------------------

    def _hasten(self, user_id: UserId, broker: LiveBroker) -> None:
        self._due[user_id] = broker
        self._is_due.set()

    async def _poll_hinted(self) -> None:
        while True:
            await self._is_due.wait()
            self._is_due.clear()
            due, self._due = self._due, {}
            await self._each(due)

    async def _each(self, due: Mapping[UserId, LiveBroker]) -> None:
        """Poll several accounts, a few at a time."""
        waiting = list(due.values())

        async def take_turns() -> None:
            while waiting:
                await self._try(waiting.pop(), LiveBroker.poll)

        async with asyncio.TaskGroup() as group:
            for number in range(min(_AT_ONCE, len(waiting))):
                group.create_task(take_turns(), name=f"poll {number}")

    async def _poll_regularly(self) -> None:
        """Every account with resting orders in turn, evenly spread; a slow one holds up none."""

        async def poll(user_id: UserId, broker: LiveBroker, turn: _Turn) -> None:
            try:
                await self._try(broker, LiveBroker.poll)
            finally:
                turn.at_ms, turn.is_under_way = self._clock.now_ms(), False

        async with asyncio.TaskGroup() as group:
            while True:
                for user_id, broker in list(self._brokers.items()):
                    turn = self._turns.setdefault(user_id, _Turn())
                    if not broker.live or not broker.is_begun or turn.is_under_way:
                        continue
                    if not self._is_old(user_id, turn):
                        continue
                    turn.is_under_way = True
                    group.create_task(poll(user_id, broker, turn), name=f"poll {user_id}")
                    budget = self._budget_of(user_id)
                    await self._clock.sleep(budget.pace_s(broker.poll_cost, _PART_OF_POLLS))
                await self._clock.sleep(_LOOK_EVERY_S)

    def _is_old(self, user_id: UserId, turn: _Turn) -> bool:
        spoken = self._streams.speaks(user_id)
        limit_ms = _POLL_SPOKEN_EVERY_MS if spoken else _POLL_EVERY_MS
        return self._clock.now_ms() - turn.at_ms >= limit_ms

    async def _keep_balances(self) -> None:
        """The oldest balance first, while any is older than a minute."""
        while True:
            limit_ms = self._clock.now_ms() - _BALANCE_EVERY_MS
            old = [
                (broker.balance().as_of_ms, user_id)
                for user_id, broker in self._brokers.items()
                if broker.is_begun and broker.balance().as_of_ms < limit_ms
            ]
            for _, user_id in sorted(old):
                broker = self._brokers.get(user_id)
                if broker is not None:
                    await self._try(broker, LiveBroker.refresh_balance)
                    pace_s = self._budget_of(user_id).pace_s(broker.balance_cost, _PART_OF_BALANCES)
                    await self._clock.sleep(pace_s)
            await self._clock.sleep(_LOOK_EVERY_S)

    async def _keep_settings(self) -> None:
        """Leverage and margin mode: owners change them at the exchange, unseen."""
        while True:
            for user_id, broker in list(self._brokers.items()):
                if broker.is_begun and broker.is_setup_due():
                    await self._try(broker, LiveBroker.refresh_setup)
                    pace_s = self._budget_of(user_id).pace_s(broker.setup_cost, _PART_OF_SETTINGS)
                    await self._clock.sleep(pace_s)
            await self._clock.sleep(_LOOK_EVERY_S)

    async def _try(
        self, broker: LiveBroker, work: Callable[[LiveBroker], Awaitable[object]]
    ) -> None:
        """One that fails holds up none: the next turn tries again."""
        try:
            await work(broker)
        except SignalbotError as e:
            log.debug("account.not_polled", user_id=broker.user.user_id, cause=str(e))
