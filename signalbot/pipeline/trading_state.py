"""Blocks entries of one user or of all users; exits and protective orders are never blocked."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog

from signalbot.decision.decision_input import Skip
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.errors import LedgerError, OrderRejected, RejectionReason
from signalbot.domain.users import StatusBy, UserId, UserStatus
from signalbot.ledger.accounts import Accounts
from signalbot.pipeline.account import Account
from signalbot.ports import Clock

log = structlog.get_logger()


MAX_MARGIN_REJECTIONS = 3
"""Consecutive entries rejected for insufficient margin before the user is halted."""


class TradingState:
    """Holds which users may not enter and why; persisted, so it survives a restart."""

    def __init__(self, accounts: Accounts, clock: Clock, *, halted: str | None = None) -> None:
        self._accounts = accounts
        self._clock = clock
        self.halted = halted  #: why no user may enter; None when trading is on
        self.disk_low: str | None = (
            None  #: why nobody enters though trading is on; passes by itself
        )

    @property
    def entry_block(self) -> Skip | None:
        """Why entries of all users are blocked although trading is not halted."""
        return (
            None if self.disk_low is None else Skip(DecisionCode.DISK_LOW, {"why": self.disk_low})
        )

    async def halt_all(self, reason: str) -> None:
        """Block entries of every user."""
        self.halted = reason
        await self._accounts.set_halted(reason, now_ms=self._clock.now_ms())
        log.warning("trading.halted", reason=reason)

    async def resume_all(self) -> None:
        """Allow entries again; users halted individually stay halted."""
        self.halted = None
        await self._accounts.set_halted(None, now_ms=self._clock.now_ms())
        log.info("trading.resumed")

    async def set_user_status(
        self,
        account: Account,
        status: UserStatus,
        *,
        reason: str = "",
        by: StatusBy = StatusBy.DAEMON,
    ) -> None:
        """Pause, halt or resume one user."""
        account.user = replace(account.user, status=status, status_reason=reason, status_by=by)
        await self._accounts.set_user_status(
            account.user_id, status, reason=reason, by=by, now_ms=self._clock.now_ms()
        )
        log.warning(
            "user.status_changed", user_id=account.user_id, status=status.value, reason=reason
        )

    async def on_rejection(self, account: Account, error: OrderRejected) -> None:
        """Halt a user after an entry was rejected for the key, or repeatedly for the margin."""
        is_margin = error.rejection_reason is RejectionReason.INSUFFICIENT_MARGIN
        account.margin_rejections = account.margin_rejections + 1 if is_margin else 0
        if error.rejection_reason is RejectionReason.ACCESS_DENIED:
            await self.on_access_denied(account, str(error))
        elif account.margin_rejections >= MAX_MARGIN_REJECTIONS:
            account.margin_rejections = 0
            reason = f"margin was insufficient {MAX_MARGIN_REJECTIONS} times in a row: {error}"
            await self.set_user_status(account, UserStatus.HALTED, reason=reason)

    async def on_access_denied(self, account: Account, cause: str) -> None:
        """Halt an active user after the exchange denied its key access or a permission."""
        if account.user.status is UserStatus.ACTIVE:
            reason = f"the exchange refuses the key: {cause}"
            await self.set_user_status(account, UserStatus.HALTED, reason=reason, by=StatusBy.KEY)

    @asynccontextmanager
    async def halt_on_error(self, account: Account, what: str) -> AsyncIterator[None]:
        """Halt this user on any error inside the block; other users are not affected.

        Raises:
            LedgerError: the ledger failed, which affects every user.
        """
        try:
            yield
        except LedgerError:
            raise
        except Exception as e:
            log.exception("user.failed", user_id=account.user_id, during=what)
            reason = f"{what} failed: {type(e).__name__}: {e}"
            await self.set_user_status(account, UserStatus.HALTED, reason=reason)


AccountsByUser = Mapping[UserId, Account]
