"""Brings every account in step with its exchange: at a start, then in turn, and on hints.

An exchange's limits do not allow to compare a thousand accounts at once. So a start looks first at
those that hold something, the unprotected before all others, and asks of them only what protection
needs; accounts that were flat a moment before the stop take entries at once. Exchanges are
independent: one that is away keeps only its own users waiting.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from signalbot.domain.errors import AccessDenied, Unavailable
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.domain.users import UserId, UserStatus
from signalbot.ledger.reconciliations import Reconciliations
from signalbot.pipeline.account import Account
from signalbot.pipeline.halt import AccountsByUser, Halts
from signalbot.pipeline.news import level_of
from signalbot.pipeline.reconcile import Reconciler
from signalbot.pipeline.rights import KeyRights
from signalbot.ports import Clock, Exchange
from signalbot.tasks import backoff_s

log = structlog.get_logger()

_URGENT_AT_ONCE: Final = 4  # what protects comes one after the other, not all at the same time
_AT_ONCE: Final = 16
_IDLE_EVERY_MS: Final = 600_000
_AGAIN_FIRST_MS: Final = 1_000  # accounts that could not be compared, or are not ready
_AGAIN_MOST_MS: Final = 10_000
_FIRST_TRIES: Final = 3  # of an account at a start, before the others are told to be ready
_LOOK_EVERY_S: Final = 1.0
_LOOK_SOON_S: Final = 1.0  # several hints of one account are one comparison

CatchUp = Callable[[Collection[UserId]], Awaitable[None]]
"""Hands the signals that are still open to accounts that have just become ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Which flat accounts need not be compared before they take entries."""

    compared_ms: Mapping[UserId, Ms]  #: when each was last compared, by a former process
    since_ms: Ms | None  #: comparisons since then are young enough; None: none is trusted

    def covers(self, account: Account) -> bool:
        if self.since_ms is None or account.has_business:
            return False
        return self.compared_ms.get(account.user_id, EPOCH) >= self.since_ms


class AccountSync:
    def __init__(
        self,
        accounts: AccountsByUser,
        exchanges: Mapping[str, Exchange],
        reconciler: Reconciler,
        halts: Halts,
        key_rights: KeyRights,
        reconciliations: Reconciliations,
        *,
        catch_up: CatchUp,
        on_connected: Callable[[str], None],
        clock: Clock,
    ) -> None:
        """``on_connected`` is called with the name of each exchange once its markets are known."""
        self._accounts = accounts
        self._exchanges = exchanges
        self._reconciler = reconciler
        self._halts = halts
        self._key_rights = key_rights
        self._reconciliations = reconciliations
        self._catch_up = catch_up
        self._on_connected = on_connected
        self._clock = clock
        self._compared: dict[UserId, Ms] = {}
        self._tried: dict[UserId, Ms] = {}
        self._failures: dict[UserId, int] = {}  # tries in a row that did not make it ready
        self._unnoted: dict[UserId, Ms] = {}
        self._looked_ms: dict[str, Ms] = {}
        self._ready: dict[str, asyncio.Event] = {name: asyncio.Event() for name in exchanges}

    # --- one account ----------------------------------------------------------------------

    async def compare(self, account: Account, *, is_urgent: bool = False) -> bool:
        """Compare one account with its exchange; True if all of it could be.

        One that cannot be asked is left for later; a bug halts this user alone.
        """
        if account.broker is None:
            return True
        done = False
        async with self._halts.containing_bugs(account, "reconciliation"):
            try:
                await self._reconciler.reconcile(account, is_urgent=is_urgent)
            except AccessDenied as e:
                await self._halts.on_access_denied(account, str(e))
            except Unavailable as e:
                log.log(
                    level_of(e), "account.not_reconciled", user_id=account.user_id, cause=str(e)
                )
            else:
                done = True
        now_ms = self._clock.now_ms()
        self._looked_ms[account.user.account.exchange] = self._tried[account.user_id] = now_ms
        if done:
            self._compared[account.user_id] = now_ms
            if account.is_ready:
                self._unnoted[account.user_id] = now_ms
            self._failures.pop(account.user_id, None)
        else:
            self._note_failure(account)
        return done

    async def make_ready(self, account: Account) -> None:
        """Compare an account and set it up for entries, for as much as its exchange answers."""
        if account.broker is None:
            account.is_ready = True
        elif await self.compare(account):
            await self._set_up(account)

    async def _set_up(self, account: Account, *, checks_rights: bool = True) -> None:
        """Let an account take entries; what was compared is noted once all of it is in order."""
        async with self._halts.containing_bugs(account, "setting up"):
            try:
                await account.trading.set_up()
                if checks_rights:
                    await self._key_rights.check(account)
            except AccessDenied as e:
                await self._halts.on_access_denied(account, str(e))
            except Unavailable as e:
                log.log(level_of(e), "account.not_ready", user_id=account.user_id, cause=str(e))
            else:
                account.is_ready = True
                if (compared_ms := self._compared.get(account.user_id)) is not None:
                    self._unnoted[account.user_id] = compared_ms
        if not account.is_ready:
            self._note_failure(account)

    def _note_failure(self, account: Account) -> None:
        self._failures[account.user_id] = self._failures.get(account.user_id, 0) + 1

    def hasten(self, name: str) -> None:
        """Compare every account of an exchange that has something there now: it was away."""
        for account in self._of(name):
            if account.has_business:
                self._compared.pop(account.user_id, None)
                self._tried.pop(account.user_id, None)

    # --- one exchange ---------------------------------------------------------------------

    async def serve(self, name: str, trust: Trust) -> None:
        """Connect one exchange, bring its accounts in step, and keep them there until cancelled."""
        exchange = self._exchanges[name]
        await self._connect(name, exchange)
        self._on_connected(name)
        await exchange.prepare()
        async with asyncio.TaskGroup() as group:
            group.create_task(exchange.run(), name=f"run {name}")
            if exchange.needs_comparing:
                group.create_task(self._note(), name=f"note comparisons {name}")
            await self._begin(name, trust)
            self._ready[name].set()
            if exchange.needs_comparing:
                group.create_task(self._hints(name), name=f"hints {name}")
                await self._in_turn(name)

    async def ready(self) -> None:
        """Return once every exchange is connected and its accounts have had their first turn."""
        for event in self._ready.values():
            await event.wait()

    @property
    def waiting(self) -> Mapping[str, int]:
        """How many accounts of each exchange take no entries yet; none where all do."""
        counts: dict[str, int] = {}
        for account in self._accounts.values():
            if not account.is_ready:
                name = account.user.account.exchange
                counts[name] = counts.get(name, 0) + 1
        return counts

    def oldest_look_ms(self) -> Ms:
        """When the exchange that was looked at longest ago was looked at: comparing is alive."""
        return min(self._looked_ms.values(), default=self._clock.now_ms())

    async def _connect(self, name: str, exchange: Exchange) -> None:
        """However long that takes: an exchange that is away at the start comes back."""
        for tries, delay_s in enumerate(backoff_s(first_s=1.0, most_s=30.0)):
            try:
                await exchange.connect()
            except Unavailable as e:
                level = logging.DEBUG if tries else logging.WARNING
                log.log(level, "exchange.unavailable", exchange=name, cause=str(e))
                now_ms = self._clock.now_ms()
                await self._clock.sleep_until(
                    max(Ms(now_ms + round(delay_s * 1000)), exchange.retry_at_ms)
                )
            else:
                log.info("exchange.connected", exchange=name)
                return

    async def _begin(self, name: str, trust: Trust) -> None:
        """What holds something is looked at first; who was flat a moment ago is believed."""
        accounts = self._of(name)
        busy = sorted((each for each in accounts if each.has_business), key=_by_need)
        await self._each(busy, self._secure, at_once=_URGENT_AT_ONCE)
        trusted = [account for account in accounts if trust.covers(account)]
        for account in trusted:
            self._compared[account.user_id] = trust.compared_ms[account.user_id]
        await self._each(trusted, self._set_up_as_before, at_once=_AT_ONCE)
        await self._tell_ready(trusted)
        async with asyncio.TaskGroup() as group:
            group.create_task(
                self._each(trusted, self._check_rights, at_once=_AT_ONCE), name=f"rights {name}"
            )
            await self._begin_rest(accounts)

    async def _begin_rest(self, accounts: Iterable[Account]) -> None:
        waiting = (account for account in accounts if not account.is_ready)
        rest = sorted(waiting, key=lambda each: not each.has_business)
        await self._each(rest, self._make_ready_and_tell, at_once=_AT_ONCE)
        for _ in range(_FIRST_TRIES - 1):  # one lost answer costs nobody the first signal
            if rest := [
                each for each in rest if not each.is_ready and each.user.status is UserStatus.ACTIVE
            ]:
                await self._clock.sleep(_AGAIN_FIRST_MS / 1000)
                await self._each(rest, self._make_ready_and_tell, at_once=_AT_ONCE)

    async def _set_up_as_before(self, account: Account) -> None:
        """The former process has seen what its key may do: it is asked again once all are ready."""
        await self._set_up(account, checks_rights=False)

    async def _check_rights(self, account: Account) -> None:
        async with self._halts.containing_bugs(account, "looking at what its key may do"):
            try:
                await self._key_rights.check(account)
            except AccessDenied as e:
                await self._halts.on_access_denied(account, str(e))

    async def _secure(self, account: Account) -> None:
        await self.compare(account, is_urgent=True)

    async def _make_ready_and_tell(self, account: Account) -> None:
        await self.make_ready(account)
        await self._tell_ready([account])

    async def _tell_ready(self, accounts: Iterable[Account]) -> None:
        ready = {account.user_id for account in accounts if account.is_ready}
        if ready:
            await self._catch_up(ready)

    async def _in_turn(self, name: str) -> None:
        """Accounts with business often, idle ones now and then, as the limits allow."""
        while True:
            self._looked_ms[name] = self._clock.now_ms()
            due = [account for account in self._of(name) if self._is_due(name, account)]
            await self._each(due, self._compare_and_set_up, at_once=_AT_ONCE)
            await self._clock.sleep(_LOOK_EVERY_S)

    async def _note(self) -> None:
        """Also of a start that is cut off before all accounts have had their turn."""
        while True:
            await self._clock.sleep(_LOOK_EVERY_S)
            self.write()

    async def _compare_and_set_up(self, account: Account) -> None:
        was_ready = account.is_ready
        await self.make_ready(account)
        if not was_ready:
            await self._tell_ready([account])

    def _is_due(self, name: str, account: Account) -> bool:
        if account.broker is None:
            return False
        user_id = account.user_id
        compared_ms = self._compared.get(user_id, EPOCH)
        tried_ms = self._tried.get(user_id, EPOCH)
        interval_ms = _IDLE_EVERY_MS
        if account.has_business:
            interval_ms = self._exchanges[name].comparison_interval_ms(user_id)
        if failures := self._failures.get(user_id, 0):
            again_ms = min(_AGAIN_FIRST_MS * 2 ** min(failures - 1, 8), _AGAIN_MOST_MS)
            interval_ms = min(interval_ms, again_ms)
        elif not account.is_ready:
            interval_ms = min(interval_ms, _AGAIN_MOST_MS)
        return self._clock.now_ms() - max(compared_ms, tried_ms) >= interval_ms

    async def _hints(self, name: str) -> None:
        """Compare accounts in which something happened that no order of ours explains."""
        due: set[UserId] = set()

        async def compare(user_id: UserId) -> None:
            await self._clock.sleep(_LOOK_SOON_S)
            due.discard(user_id)
            account = self._accounts.get(user_id)
            if account is not None and account.is_ready:
                await self.compare(account)

        async with asyncio.TaskGroup() as group:
            async for user_id in self._exchanges[name].changes():
                if user_id not in due:
                    due.add(user_id)
                    group.create_task(compare(user_id), name=f"compare {user_id}")

    async def _each(
        self,
        accounts: Iterable[Account],
        work: Callable[[Account], Awaitable[None]],
        *,
        at_once: int,
    ) -> None:
        """Do something with several accounts, in order, a few at a time."""
        waiting = deque(accounts)

        async def take_turns() -> None:
            while waiting:
                await work(waiting.popleft())

        async with asyncio.TaskGroup() as group:
            for number in range(min(at_once, len(waiting))):
                group.create_task(take_turns(), name=f"turn {number}")

    def _of(self, name: str) -> list[Account]:
        return [each for each in self._accounts.values() if each.user.account.exchange == name]

    def write(self) -> None:
        """Note in the ledger which accounts have been compared since the last time."""
        if self._unnoted:
            self._reconciliations.note_later(self._unnoted)
            self._unnoted = {}


def _by_need(account: Account) -> bool:
    """Accounts with a position that no stop guards come first, then those with a position."""
    return not account.is_unprotected
