"""Schedules the comparison of accounts with their exchanges: at startup, periodically, on changes.

Rate limits do not allow comparing a thousand accounts at once. Startup therefore first compares
active accounts, unprotected ones before all others, and reads only what protection needs. Accounts
that were compared and flat shortly before the stop take entries at once. Exchanges are
independent: an unreachable one delays its own users only.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from signalbot.domain.errors import Unavailable
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.domain.users import UserId, UserStatus
from signalbot.pipeline.account import Account, AccountsByUser
from signalbot.pipeline.reconciliation.account_comparison import AccountComparer
from signalbot.ports import Clock, Exchange
from signalbot.tasks import backoff_s

log = structlog.get_logger()

_URGENT_CONCURRENCY: Final = 4  # low, so that the first accounts are protected soon
_CONCURRENCY: Final = 16
_RETRY_DELAY_S: Final = 1.0  # between the attempts of a startup
_STARTUP_ATTEMPTS: Final = 3  # per account before startup counts as complete
_POLL_INTERVAL_S: Final = 1.0
_COALESCE_S: Final = 1.0  # changes of one account within it cause one comparison

CatchUp = Callable[[Collection[UserId]], Awaitable[None]]
"""Delivers open signals to accounts that have just become ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentComparisons:
    """Comparisons by the previous process that let flat accounts take entries at once.

    Accounts with an entry that may still appear at their exchange are not among them.
    """

    compared_ms: Mapping[UserId, Ms]  #: last comparison of each account
    since_ms: Ms | None  #: comparisons from then on count; None: none does

    def covers(self, account: Account, now_ms: Ms) -> bool:
        """Whether the account is flat and was compared recently enough."""
        if self.since_ms is None or account.has_activity or account.late_entries.symbols(now_ms):
            return False
        return self.compared_ms.get(account.user_id, EPOCH) >= self.since_ms


class AccountSync:
    """Runs the comparisons of all accounts, exchange by exchange."""

    def __init__(
        self,
        accounts: AccountsByUser,
        exchanges: Mapping[str, Exchange],
        comparer: AccountComparer,
        *,
        catch_up: CatchUp,
        on_connected: Callable[[str], None],
        clock: Clock,
    ) -> None:
        """``on_connected`` is called with the name of each exchange once it is connected."""
        self._accounts = accounts
        self._exchanges = exchanges
        self._comparer = comparer
        self._catch_up = catch_up
        self._on_connected = on_connected
        self._clock = clock

        self._ready: dict[str, asyncio.Event] = {name: asyncio.Event() for name in exchanges}

    # --- one account ----------------------------------------------------------------------

    async def compare(self, account: Account, *, is_urgent: bool = False) -> bool:
        """Compare one account with its exchange; True if the comparison was complete."""
        return await self._comparer.compare(account, is_urgent=is_urgent)

    async def make_ready(self, account: Account) -> None:
        """Compare an account and set it up for entries, if its exchange responds."""
        await self._comparer.make_ready(account)

    def flush(self) -> None:
        """Save which accounts were compared since the last call."""
        self._comparer.flush()

    def expedite(self, name: str) -> None:
        """Make every active account of an exchange due now, after the exchange was away."""
        for account in self._accounts_of(name):
            if account.has_activity:
                self._comparer.expedite(account)

    # --- one exchange ---------------------------------------------------------------------

    async def serve(self, name: str, recent: RecentComparisons) -> None:
        """Connect one exchange, compare its accounts, and repeat that until cancelled."""
        exchange = self._exchanges[name]
        await self._connect(name, exchange)
        self._on_connected(name)
        await exchange.prepare()
        async with asyncio.TaskGroup() as group:
            group.create_task(exchange.run(), name=f"run {name}")
            if exchange.needs_reconciliation:
                group.create_task(self._flush_periodically(), name=f"note comparisons {name}")
            await self._start_accounts(name, recent)
            self._ready[name].set()
            if exchange.needs_reconciliation:
                group.create_task(self._follow_changes(name), name=f"hints {name}")
                await self._compare_periodically(name)

    async def wait_ready(self) -> None:
        """Return once every exchange is connected and has started its accounts."""
        for event in self._ready.values():
            await event.wait()

    @property
    def not_ready(self) -> Mapping[str, int]:
        """Number of accounts not ready, by exchange; exchanges without any are left out."""
        counts: dict[str, int] = {}
        for account in self._accounts.values():
            if not account.is_ready:
                name = account.user.account.exchange
                counts[name] = counts.get(name, 0) + 1
        return counts

    def oldest_comparison_ms(self) -> Ms:
        """Return the oldest of the exchanges' last comparisons, which shows that all are served."""
        return self._comparer.oldest_ms()

    async def _connect(self, name: str, exchange: Exchange) -> None:
        """Connect, retrying for as long as it takes."""
        for tries, delay_s in enumerate(backoff_s(initial_s=1.0, max_s=30.0)):
            try:
                await exchange.connect()
            except Unavailable as e:
                level = logging.DEBUG if tries else logging.WARNING
                log.log(level, "exchange.connect_failed", exchange=name, cause=str(e))
                now_ms = self._clock.now_ms()
                await self._clock.sleep_until(
                    max(Ms(now_ms + round(delay_s * 1000)), exchange.retry_at_ms)
                )
            else:
                log.info("exchange.connected", exchange=name)
                return

    async def _start_accounts(self, name: str, recent: RecentComparisons) -> None:
        """Compare active accounts first; flat ones compared recently are ready at once."""
        accounts = self._accounts_of(name)
        busy = sorted((each for each in accounts if each.has_activity), key=_by_urgency)
        await self._for_each(busy, self._reconcile_urgently, at_once=_URGENT_CONCURRENCY)
        now_ms = self._clock.now_ms()
        trusted = [account for account in accounts if recent.covers(account, now_ms)]
        for account in trusted:
            self._comparer.trust(account, recent.compared_ms[account.user_id])
        await self._for_each(trusted, self._set_up_as_before, at_once=_CONCURRENCY)
        await self._announce_ready(trusted)
        async with asyncio.TaskGroup() as group:
            group.create_task(
                self._for_each(trusted, self._comparer.check_key_permissions, at_once=_CONCURRENCY),
                name=f"rights {name}",
            )
            await self._start_remaining(accounts)

    async def _start_remaining(self, accounts: Iterable[Account]) -> None:
        waiting = (account for account in accounts if not account.is_ready)
        rest = sorted(waiting, key=lambda each: not each.has_activity)
        await self._for_each(rest, self._make_ready_and_announce, at_once=_CONCURRENCY)
        for _ in range(_STARTUP_ATTEMPTS - 1):  # one lost response must not cost the first signal
            if rest := [
                each for each in rest if not each.is_ready and each.user.status is UserStatus.ACTIVE
            ]:
                await self._clock.sleep(_RETRY_DELAY_S)
                await self._for_each(rest, self._make_ready_and_announce, at_once=_CONCURRENCY)

    async def _set_up_as_before(self, account: Account) -> None:
        """Set up without a key check: the previous process made it, and it follows later."""
        await self._comparer.set_up(account, checks_key=False)

    async def _reconcile_urgently(self, account: Account) -> None:
        await self.compare(account, is_urgent=True)

    async def _make_ready_and_announce(self, account: Account) -> None:
        await self.make_ready(account)
        await self._announce_ready([account])

    async def _announce_ready(self, accounts: Iterable[Account]) -> None:
        ready = {account.user_id for account in accounts if account.is_ready}
        if ready:
            await self._catch_up(ready)

    async def _compare_periodically(self, name: str) -> None:
        """Compare active accounts at the exchange's interval, idle ones every ten minutes."""
        while True:
            self._comparer.note_round(name)
            active_interval_ms = self._exchanges[name].reconciliation_interval_ms
            due = [
                account
                for account in self._accounts_of(name)
                if self._comparer.is_due(account, active_interval_ms=active_interval_ms)
            ]
            await self._for_each(due, self._compare_and_set_up, at_once=_CONCURRENCY)
            await self._clock.sleep(_POLL_INTERVAL_S)

    async def _flush_periodically(self) -> None:
        """Save comparisons every second, so that an interrupted startup keeps them, too."""
        while True:
            await self._clock.sleep(_POLL_INTERVAL_S)
            self.flush()

    async def _compare_and_set_up(self, account: Account) -> None:
        was_ready = account.is_ready
        await self.make_ready(account)
        if not was_ready:
            await self._announce_ready([account])

    async def _follow_changes(self, name: str) -> None:
        """Compare accounts with a change that none of our orders explains."""
        due: set[UserId] = set()

        async def compare(user_id: UserId) -> None:
            await self._clock.sleep(_COALESCE_S)
            due.discard(user_id)
            account = self._accounts.get(user_id)
            if account is not None and account.is_ready:
                await self.compare(account)

        async with asyncio.TaskGroup() as group:
            async for user_id in self._exchanges[name].unexplained_changes():
                if user_id not in due:
                    due.add(user_id)
                    group.create_task(compare(user_id), name=f"compare {user_id}")

    async def _for_each(
        self,
        accounts: Iterable[Account],
        work: Callable[[Account], Awaitable[None]],
        *,
        at_once: int,
    ) -> None:
        """Await ``work`` for each account, in order, at most ``at_once`` at a time."""
        waiting = deque(accounts)

        async def process() -> None:
            while waiting:
                await work(waiting.popleft())

        async with asyncio.TaskGroup() as group:
            for number in range(min(at_once, len(waiting))):
                group.create_task(process(), name=f"accounts {number}")

    def _accounts_of(self, name: str) -> list[Account]:
        return [each for each in self._accounts.values() if each.user.account.exchange == name]


def _by_urgency(account: Account) -> bool:
    """Sort accounts with an unprotected position first."""
    return not account.is_unprotected
