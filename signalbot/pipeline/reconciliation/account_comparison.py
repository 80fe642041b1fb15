"""Compares single accounts, sets them up for entries, and remembers when that was done."""

from collections.abc import Callable
from typing import Final

import structlog

from signalbot.domain.errors import AccessDenied, Unavailable
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.domain.users import UserId
from signalbot.ledger.account_states import Reconciliations
from signalbot.pipeline.account import Account
from signalbot.pipeline.key_permissions import KeyPermissionCheck
from signalbot.pipeline.reconciliation.reconciler import Reconciler
from signalbot.pipeline.trading_state import TradingState, failure_log_level
from signalbot.ports import Clock

log = structlog.get_logger()

_IDLE_INTERVAL_MS: Final = 600_000
_RETRY_INITIAL_MS: Final = 1_000  # of accounts that could not be compared, or are not ready
_RETRY_MAX_MS: Final = 10_000


class AccountComparer:
    """Compares accounts and makes them ready; failures are retried at growing intervals."""

    def __init__(
        self,
        reconciler: Reconciler,
        trading_state: TradingState,
        key_permissions: KeyPermissionCheck,
        reconciliations: Reconciliations,
        clock: Clock,
    ) -> None:
        self._reconciler = reconciler
        self._trading_state = trading_state
        self._key_permissions = key_permissions
        self._reconciliations = reconciliations
        self._clock = clock
        self._compared: dict[UserId, Ms] = {}
        self._tried: dict[UserId, Ms] = {}
        self._failures: dict[UserId, int] = {}  # consecutive attempts that did not make it ready
        self._unwritten: dict[UserId, Ms] = {}
        self._last_ms: dict[str, Ms] = {}  # by exchange

    async def compare(self, account: Account, *, is_urgent: bool = False) -> bool:
        """Compare one account with its exchange; True if the comparison was complete.

        An unavailable exchange is retried later; any other error halts this user alone.
        """
        if account.broker is None:
            return True
        done = False
        async with self._trading_state.halt_on_error(account, "reconciliation"):
            try:
                await self._reconciler.reconcile(account, is_urgent=is_urgent)
            except AccessDenied as e:
                await self._trading_state.on_access_denied(account, str(e))
            except Unavailable as e:
                log.log(
                    failure_log_level(e),
                    "account.reconcile_failed",
                    user_id=account.user_id,
                    cause=str(e),
                )
            else:
                done = True
        now_ms = self._tried[account.user_id] = self._clock.now_ms()
        self._last_ms[account.user.account.exchange] = now_ms
        if done:
            self._compared[account.user_id] = now_ms
            if account.is_ready:
                self._unwritten[account.user_id] = now_ms
            self._failures.pop(account.user_id, None)
        else:
            self._count_failure(account)
        return done

    async def make_ready(self, account: Account) -> None:
        """Compare an account and set it up for entries, if its exchange responds."""
        if account.broker is None:
            account.mark_ready()
        elif await self.compare(account):
            await self.set_up(account)

    async def set_up(self, account: Account, *, checks_key: bool = True) -> None:
        """Set an account up at its exchange; it is ready for entries once that succeeded."""
        async with self._trading_state.halt_on_error(account, "setting up"):
            try:
                await account.trading_broker.set_up()
                if checks_key:
                    await self._key_permissions.check(account)
            except AccessDenied as e:
                await self._trading_state.on_access_denied(account, str(e))
            except Unavailable as e:
                log.log(
                    failure_log_level(e),
                    "account.setup_deferred",
                    user_id=account.user_id,
                    cause=str(e),
                )
            else:
                account.mark_ready()
                if (compared_ms := self._compared.get(account.user_id)) is not None:
                    self._unwritten[account.user_id] = compared_ms
        if not account.is_ready:
            self._count_failure(account)

    def _count_failure(self, account: Account) -> None:
        self._failures[account.user_id] = self._failures.get(account.user_id, 0) + 1

    async def check_key_permissions(self, account: Account) -> None:
        """Check what the account's key may do, and halt the user if it must not trade."""
        async with self._trading_state.halt_on_error(account, "key permission check"):
            try:
                await self._key_permissions.check(account)
            except AccessDenied as e:
                await self._trading_state.on_access_denied(account, str(e))

    def trust(self, account: Account, compared_ms: Ms) -> None:
        """Take over a comparison by the previous process."""
        self._compared[account.user_id] = compared_ms

    def expedite(self, account: Account) -> None:
        """Make an account due now."""
        self._compared.pop(account.user_id, None)
        self._tried.pop(account.user_id, None)

    def is_due(self, account: Account, *, active_interval_ms: Callable[[UserId], int]) -> bool:
        """Whether an account is to be compared, or set up, again."""
        if account.broker is None:
            return False
        user_id = account.user_id
        compared_ms = self._compared.get(user_id, EPOCH)
        tried_ms = self._tried.get(user_id, EPOCH)
        interval_ms = _IDLE_INTERVAL_MS
        if account.has_activity or account.late_entries.symbols(self._clock.now_ms()):
            interval_ms = active_interval_ms(user_id)
        if failures := self._failures.get(user_id, 0):
            again_ms = min(_RETRY_INITIAL_MS * 2 ** min(failures - 1, 8), _RETRY_MAX_MS)
            interval_ms = min(interval_ms, again_ms)
        elif not account.is_ready:
            interval_ms = min(interval_ms, _RETRY_MAX_MS)
        return self._clock.now_ms() - max(compared_ms, tried_ms) >= interval_ms

    def note_round(self, exchange: str) -> None:
        """Note that the accounts of an exchange were checked for due comparisons."""
        self._last_ms[exchange] = self._clock.now_ms()

    def oldest_ms(self) -> Ms:
        """Return the oldest of the exchanges' last comparisons, which shows that all are served."""
        return min(self._last_ms.values(), default=self._clock.now_ms())

    def flush(self) -> None:
        """Save which accounts were compared since the last call."""
        if self._unwritten:
            self._reconciliations.record_later(self._unwritten)
            self._unwritten = {}
