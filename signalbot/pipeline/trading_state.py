"""Blocks entries of one user or of all users; exits and protective orders are never blocked."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from signalbot.decision.decision_input import Skip
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.errors import (
    LedgerError,
    OrderRejected,
    RejectionReason,
    SignalbotError,
    Unreachable,
)
from signalbot.domain.users import StatusBy, UserStatus
from signalbot.ledger.accounts import Accounts
from signalbot.pipeline.account import Account
from signalbot.ports import Clock

log = structlog.get_logger()

_STATUS_EVENTS = {
    UserStatus.ACTIVE: "user.resumed",
    UserStatus.PAUSED: "user.paused",
    UserStatus.HALTED: "user.halted",
    UserStatus.REMOVED: "user.removed",
}

MAX_MARGIN_REJECTIONS = 3
"""Consecutive entries rejected for insufficient margin before the user is halted."""


class TradingState:
    """Decides who may enter: halts of all users and of single users, and low disk space.

    Halts are persisted, so they survive a restart. A halt and low disk space are independent: each
    blocks entries until it is lifted. Exits and protective orders go on under both.
    """

    def __init__(self, accounts: Accounts, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock
        self._halted: str | None = None
        self._disk_low: str | None = None

    @property
    def halted(self) -> str | None:
        """Why all users are halted; None while trading is on."""
        return self._halted

    @property
    def disk_low(self) -> str | None:
        """Why entries of all users are blocked until disk space is free again; None if not."""
        return self._disk_low

    @property
    def entry_block(self) -> Skip | None:
        """Why entries of all users are blocked although trading is not halted."""
        if self._disk_low is None:
            return None
        return Skip(DecisionCode.DISK_LOW, {"why": self._disk_low})

    def restore(self, halted: str | None) -> None:
        """Take over the persisted halt of all users."""
        self._halted = halted

    def set_disk_low(self, reason: str | None) -> None:
        """Block entries of every user for lack of disk space; None allows them again."""
        self._disk_low = reason

    async def halt_all(self, reason: str) -> None:
        """Block entries of every user."""
        self._halted = reason
        await self._accounts.set_halted(reason, now_ms=self._clock.now_ms())
        log.warning("trading.halted", reason=reason)

    async def resume_all(self) -> None:
        """Allow entries again; users halted individually stay halted."""
        self._halted = None
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
        account.set_status(status, reason=reason, by=by)
        await self._accounts.set_user_status(
            account.user_id, status, reason=reason, by=by, now_ms=self._clock.now_ms()
        )
        log.warning(_STATUS_EVENTS[status], user_id=account.user_id, reason=reason)

    async def on_rejection(self, account: Account, error: OrderRejected) -> None:
        """Halt a user after an entry was rejected for the key, or repeatedly for the margin."""
        if error.rejection_reason is not RejectionReason.INSUFFICIENT_MARGIN:
            account.reset_margin_rejections()
            if error.rejection_reason is RejectionReason.ACCESS_DENIED:
                await self.on_access_denied(account, str(error))
        elif account.count_margin_rejection() >= MAX_MARGIN_REJECTIONS:
            account.reset_margin_rejections()
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


def failure_log_level(error: SignalbotError, *, is_repeat: bool = False) -> int:
    """Return WARNING for a first failure; DEBUG for a repeat or an unreachable exchange."""
    return logging.DEBUG if is_repeat or isinstance(error, Unreachable) else logging.WARNING
