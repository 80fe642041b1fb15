"""Reads live accounts regularly and on changes, as often as the exchange's limits allow.

An account with resting orders is polled every few seconds, and much less often while its stream is
reliable. Balances and margin settings are refreshed in turn. Each kind of read has a share of the
limits of its address, so that none uses up what another needs.
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
from signalbot.exchange.live.orders.order_stream import AccountChange, OrderStreams
from signalbot.exchange.live.transport.rate_limiter import RateLimiter
from signalbot.ports import Clock
from signalbot.stream import Stream

log = structlog.get_logger()

_POLL_INTERVAL_MS: Final = 5_000
_STREAMED_POLL_INTERVAL_MS: Final = 60_000  # of an account with a reliable stream
_BALANCE_INTERVAL_MS: Final = 60_000
_COMPARE_INTERVAL_MS: Final = 20_000
_STREAMED_COMPARE_INTERVAL_MS: Final = 60_000
_CHECK_INTERVAL_S: Final = 0.5
_MAX_CONCURRENT: Final = 8
_POLL_SHARE, _COMPARISON_SHARE = 0.25, 0.2
_BALANCE_SHARE, _SETTINGS_SHARE = 0.1, 0.1


@dataclass(slots=True)
class _PollState:
    """When an account was last polled, and whether it is being polled."""

    at_ms: Ms = EPOCH
    is_running: bool = False


class AccountPoller:
    """``brokers`` are the followed accounts, ``rate_limiter_of`` the limits of each."""

    def __init__(
        self,
        brokers: Mapping[UserId, LiveBroker],
        streams: OrderStreams,
        *,
        rate_limiter_of: Callable[[UserId], RateLimiter],
        clock: Clock,
    ) -> None:
        self._brokers = brokers
        self._streams = streams
        self._rate_limiter_of = rate_limiter_of
        self._clock = clock
        self._due: dict[UserId, LiveBroker] = {}
        self._is_due = asyncio.Event()
        self._states: dict[UserId, _PollState] = {}
        self.changed_accounts: Stream[UserId] = (
            Stream()
        )  #: accounts with a change that we did not cause

    async def run(self) -> None:
        """Poll every account until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name, run in (
                ("changes", self._consume_changes),
                ("due", self._poll_due),
                ("regular", self._poll_regularly),
                ("balances", self._refresh_balances),
                ("settings", self._refresh_settings),
            ):
                group.create_task(run(), name=name)

    def unfollow(self, user_id: UserId) -> None:
        """Stop polling an account."""
        self._due.pop(user_id, None)
        self._states.pop(user_id, None)

    async def _consume_changes(self) -> None:
        async for change in self._streams.changes:
            self._handle_change(change)

    def _handle_change(self, change: AccountChange) -> None:
        """Poll the account soon; after a change of a foreign order it is reconciled."""
        broker = self._brokers.get(change.user_id)
        if broker is None:
            return
        if change.leverage is not None:
            if change.leverage != broker.user.account.leverage:
                broker.setup.mark_stale()
            return
        if not change.orders or not all(broker.is_own_order(*ids) for ids in change.orders):
            self.changed_accounts.put(change.user_id)
        if broker.watched:
            self._poll_soon(change.user_id, broker)

    def on_price(self, price_range: PriceRange) -> None:
        """Poll accounts at once when the price reaches one of their resting orders."""
        for user_id, broker in self._brokers.items():
            if broker.watched and broker.is_price_touched(price_range):
                self._poll_soon(user_id, broker)

    def reconciliation_interval_ms(self, user_id: UserId) -> int:
        """How often an account with orders or positions is reconciled, within the limits."""
        is_streaming = self._streams.is_reliable(user_id)
        least_ms = _STREAMED_COMPARE_INTERVAL_MS if is_streaming else _COMPARE_INTERVAL_MS
        broker = self._brokers.get(user_id)
        if broker is None:
            return least_ms
        busy = sum(bool(each.watched) for each in self._brokers.values())
        rate_limiter = self._rate_limiter_of(user_id)
        return max(
            least_ms,
            round(rate_limiter.pace_s(broker.comparison_cost * busy, _COMPARISON_SHARE) * 1000),
        )

    # --- in turn --------------------------------------------------------------------------

    def _poll_soon(self, user_id: UserId, broker: LiveBroker) -> None:
        self._due[user_id] = broker
        self._is_due.set()

    async def _poll_due(self) -> None:
        while True:
            await self._is_due.wait()
            self._is_due.clear()
            due, self._due = self._due, {}
            await self._poll_all(due)

    async def _poll_all(self, due: Mapping[UserId, LiveBroker]) -> None:
        """Poll several accounts, a few at a time."""
        waiting = list(due.values())

        async def take_turns() -> None:
            while waiting:
                await self._run_logged(waiting.pop(), LiveBroker.poll)

        async with asyncio.TaskGroup() as group:
            for number in range(min(_MAX_CONCURRENT, len(waiting))):
                group.create_task(take_turns(), name=f"poll {number}")

    async def _poll_regularly(self) -> None:
        """Poll accounts with resting orders in turn, evenly spread; a slow one delays no other."""

        async def poll(user_id: UserId, broker: LiveBroker, state: _PollState) -> None:
            try:
                await self._run_logged(broker, LiveBroker.poll)
            finally:
                state.at_ms, state.is_running = self._clock.now_ms(), False

        async with asyncio.TaskGroup() as group:
            while True:
                for user_id, broker in list(self._brokers.items()):
                    state = self._states.setdefault(user_id, _PollState())
                    if not broker.watched or not broker.is_initialized or state.is_running:
                        continue
                    if not self._is_old(user_id, state):
                        continue
                    state.is_running = True
                    group.create_task(poll(user_id, broker, state), name=f"poll {user_id}")
                    rate_limiter = self._rate_limiter_of(user_id)
                    await self._clock.sleep(rate_limiter.pace_s(broker.poll_cost, _POLL_SHARE))
                await self._clock.sleep(_CHECK_INTERVAL_S)

    def _is_old(self, user_id: UserId, state: _PollState) -> bool:
        now_ms = self._clock.now_ms()
        if not self._streams.is_reliable(user_id):
            return now_ms - state.at_ms >= _POLL_INTERVAL_MS
        covered_ms = self._streams.covers_from_ms(user_id)
        if state.at_ms < covered_ms:  # once more for what happened before
            return now_ms >= covered_ms
        return now_ms - state.at_ms >= _STREAMED_POLL_INTERVAL_MS

    async def _refresh_balances(self) -> None:
        """Refresh balances older than a minute, the oldest first."""
        while True:
            limit_ms = self._clock.now_ms() - _BALANCE_INTERVAL_MS
            old = [
                (broker.balance().as_of_ms, user_id)
                for user_id, broker in self._brokers.items()
                if broker.is_initialized and broker.balance().as_of_ms < limit_ms
            ]
            for _, user_id in sorted(old):
                broker = self._brokers.get(user_id)
                if broker is not None:
                    await self._run_logged(broker, LiveBroker.refresh_balance)
                    pace_s = self._rate_limiter_of(user_id).pace_s(
                        broker.balance_cost, _BALANCE_SHARE
                    )
                    await self._clock.sleep(pace_s)
            await self._clock.sleep(_CHECK_INTERVAL_S)

    async def _refresh_settings(self) -> None:
        """Refresh leverage and margin mode, which owners can change at the exchange."""
        while True:
            for user_id, broker in list(self._brokers.items()):
                if broker.is_initialized and broker.is_setup_due():
                    await self._run_logged(broker, LiveBroker.refresh_setup)
                    pace_s = self._rate_limiter_of(user_id).pace_s(
                        broker.setup_cost, _SETTINGS_SHARE
                    )
                    await self._clock.sleep(pace_s)
            await self._clock.sleep(_CHECK_INTERVAL_S)

    async def _run_logged(
        self, broker: LiveBroker, work: Callable[[LiveBroker], Awaitable[object]]
    ) -> None:
        """Log a failure: the next turn tries again."""
        try:
            await work(broker)
        except SignalbotError as e:
            log.debug("account.poll_failed", user_id=broker.user.user_id, cause=str(e))
