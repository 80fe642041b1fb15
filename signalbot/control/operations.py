"""What people do by hand while the daemon runs: pause, halt, close, withdraw.

Whoever asks has been let in before; here it is only carried out, and lasts beyond a restart.
"""

from dataclasses import dataclass, replace

import structlog

from signalbot.control.registry import TradingRegistry
from signalbot.domain.errors import Conflict, NotAllowed, NotFound
from signalbot.domain.orders import Leg
from signalbot.domain.positions import CloseReason
from signalbot.domain.signals import PositionId, SignalId
from signalbot.domain.users import (
    StatusBy,
    Subscription,
    SubscriptionStatus,
    User,
    UserId,
    UserStatus,
)
from signalbot.ledger.accounts import Accounts
from signalbot.pipeline.account import Account
from signalbot.pipeline.execution.entry_settlement import EntrySettler
from signalbot.pipeline.key_permissions import KeyPermissionCheck
from signalbot.pipeline.positions.protection import Protector
from signalbot.pipeline.signals.expiry import SignalExpirer
from signalbot.pipeline.trading_state import TradingState
from signalbot.ports import Clock

log = structlog.get_logger()

_STATUS_EVENTS = {
    SubscriptionStatus.ACTIVE: "subscription.resumed",
    SubscriptionStatus.PAUSED: "subscription.paused",
    SubscriptionStatus.CANCELLED: "subscription.cancelled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseResult:
    """What came of closing one position by hand."""

    position_id: PositionId
    symbol: str
    closed: bool  #: False: the exchange refused; the position keeps its stop


class Operations:
    def __init__(
        self,
        *,
        registry: TradingRegistry,
        accounts: Accounts,
        trading_state: TradingState,
        protector: Protector,
        key_permissions: KeyPermissionCheck,
        entry_settler: EntrySettler,
        expirer: SignalExpirer,
        clock: Clock,
    ) -> None:
        self._registry = registry
        self._accounts = accounts
        self._trading_state = trading_state
        self._protector = protector
        self._key_permissions = key_permissions
        self._entry_settler = entry_settler
        self._expirer = expirer
        self._clock = clock

    @property
    def halted(self) -> str | None:
        """Why nobody may enter; None when trading is on."""
        return self._trading_state.halted

    async def halt(self, reason: str) -> None:
        """Stop entries of everybody; exits and stops go on."""
        await self._trading_state.halt_all(reason)

    async def unhalt(self) -> None:
        """Allow entries again; users halted one by one stay so."""
        await self._trading_state.resume_all()

    async def pause(self, user_id: UserId, *, by: StatusBy, reason: str = "") -> User:
        """Stop a user's entries until resumed; what stands against them already stays as it is."""
        user = self._account(user_id).user
        if by is StatusBy.USER and user.status is not UserStatus.ACTIVE:
            return user
        return await self._set_status(user_id, UserStatus.PAUSED, reason, by)

    async def resume(self, user_id: UserId, *, by: StatusBy) -> User:
        """Let a paused or halted user enter again.

        Raises:
            NotAllowed: a user may end only what that user has set.
            Conflict: the account's key is one that must not trade.
        """
        user = self._account(user_id).user
        if user.status is UserStatus.ACTIVE:
            return user
        if by is StatusBy.USER and user.status_by is not by:
            raise NotAllowed(_not_permitted(user))
        await self._key_permissions.require_safe_key(self._account(user_id))
        return await self._set_status(user_id, UserStatus.ACTIVE, "", by)

    async def pause_subscription(
        self, user_id: UserId, strategy: str, *, by: StatusBy
    ) -> Subscription:
        """Stop entries on one strategy's signals until resumed."""
        current = self._subscription(user_id, strategy)
        if by is StatusBy.USER and current.status is SubscriptionStatus.PAUSED:
            return current
        return await self._set_subscription(current, SubscriptionStatus.PAUSED, by)

    async def resume_subscription(
        self, user_id: UserId, strategy: str, *, by: StatusBy
    ) -> Subscription:
        """Allow entries on one strategy's signals again.

        Raises:
            NotAllowed: a user may end only what that user has set.
        """
        current = self._subscription(user_id, strategy)
        if current.status is SubscriptionStatus.ACTIVE:
            return current
        if by is StatusBy.USER and current.status_by is not by:
            raise NotAllowed("the operator has paused this subscription: only the operator resumes")
        return await self._set_subscription(current, SubscriptionStatus.ACTIVE, by)

    async def close(self, user_id: UserId, symbol: str | None = None) -> list[CloseResult]:
        """Close the user's positions at market, or the one in ``symbol``; cancel their entries.

        Raises:
            NotFound: nothing is open there.
        """
        account = self._account(user_id)
        symbols = (
            [symbol]
            if symbol is not None
            else sorted({*account.positions, *account.working_orders})
        )
        closings = []
        for each in symbols:
            async with account.lock(each):
                closings += await self._close(account, each)
        if not closings:
            raise NotFound("no position is open there")
        return closings

    async def cancel_signal(self, signal_id: SignalId) -> None:
        """Withdraw a signal: nobody can execute it from now on; what was executed stays.

        Raises:
            Conflict: it is not ACTIVE.
        """
        if not await self._expirer.cancel(signal_id):
            raise Conflict("the signal is not ACTIVE: it has expired, or was cancelled before")

    # --- steps ----------------------------------------------------------------------------

    async def _close(self, account: Account, symbol: str) -> list[CloseResult]:
        for order in account.orders(symbol, Leg.ENTRY):
            if order.status.is_live:
                await self._entry_settler.cancel_and_book(account, order)
        position = account.positions.get(symbol)
        if position is None:
            return []
        log.warning(
            "position.close_requested",
            user_id=account.user_id,
            symbol=symbol,
            position_id=position.position_id,
        )
        closed = await self._protector.close(account, position, CloseReason.MANUAL)
        return [CloseResult(position_id=position.position_id, symbol=symbol, closed=closed)]

    async def _set_status(
        self, user_id: UserId, status: UserStatus, reason: str, by: StatusBy
    ) -> User:
        account = self._account(user_id)
        await self._trading_state.set_user_status(account, status, reason=reason, by=by)
        await self._registry.sync_strategies(user_id)
        return account.user

    def _subscription(self, user_id: UserId, strategy: str) -> Subscription:
        current = self._registry.subscriptions.get(user_id, {}).get(strategy)
        if current is None:
            raise NotFound("no such subscription")
        return current

    async def _set_subscription(
        self, current: Subscription, status: SubscriptionStatus, by: StatusBy
    ) -> Subscription:
        user_id, strategy = current.user_id, current.strategy
        await self._accounts.set_subscription_status(
            user_id, strategy, status, by=by, now_ms=self._clock.now_ms()
        )
        changed = replace(current, status=status, status_by=by)
        await self._registry.subscribe(changed)
        log.info(_STATUS_EVENTS[status], user_id=user_id, strategy=strategy)
        return changed

    def _account(self, user_id: UserId) -> Account:
        account = self._registry.accounts.get(user_id)
        if account is None:
            raise NotFound("no such user")
        return account


def _not_permitted(user: User) -> str:
    """Why a user cannot end a status that somebody else has set."""
    if user.status is UserStatus.PAUSED:
        return "the operator has paused this account: only the operator resumes it"
    return (
        f"the daemon has halted this account: only the operator resumes it ({user.status_reason})"
    )
