"""Manual operations on the running daemon: halt, pause, resume and close.

Callers are already authorized. Every change of status is persistent.
"""

from dataclasses import dataclass, replace

import structlog

from signalbot.control.user_registry import UserRegistry
from signalbot.domain.errors import NotAllowed, NotFound
from signalbot.domain.orders import Leg
from signalbot.domain.positions import CloseReason
from signalbot.domain.signals import PositionId
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
    """The result of closing one position manually."""

    position_id: PositionId
    symbol: str
    closed: bool  #: False: the exchange rejected the order; the position keeps its stop


class Operations:
    """Changes the status of users and subscriptions, and closes positions."""

    def __init__(
        self,
        *,
        users: UserRegistry,
        accounts: Accounts,
        trading_state: TradingState,
        protector: Protector,
        key_permissions: KeyPermissionCheck,
        entry_settler: EntrySettler,
        clock: Clock,
    ) -> None:
        self._users = users
        self._accounts = accounts
        self._trading_state = trading_state
        self._protector = protector
        self._key_permissions = key_permissions
        self._entry_settler = entry_settler

        self._clock = clock

    @property
    def halted(self) -> str | None:
        """Why all entries are stopped; None if they are not."""
        return self._trading_state.halted

    async def halt(self, reason: str) -> None:
        """Stop the entries of all users; exits and stops continue."""
        await self._trading_state.halt_all(reason)

    async def unhalt(self) -> None:
        """Allow entries again; users halted individually stay halted."""
        await self._trading_state.resume_all()

    async def pause(self, user_id: UserId, *, by: StatusBy, reason: str = "") -> User:
        """Stop a user's entries until resumed. By USER: no effect on a user already stopped."""
        user = self._account(user_id).user
        if by is StatusBy.USER and user.status is not UserStatus.ACTIVE:
            return user
        return await self._set_status(user_id, UserStatus.PAUSED, reason, by)

    async def resume(self, user_id: UserId, *, by: StatusBy) -> User:
        """Allow a paused or halted user's entries again.

        Raises:
            NotAllowed: a user may end only its own pause.
            Conflict: the account's key must not trade.
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
        """Stop a user's entries on one strategy's signals until resumed."""
        current = self._subscription(user_id, strategy)
        if by is StatusBy.USER and current.status is SubscriptionStatus.PAUSED:
            return current
        return await self._set_subscription(current, SubscriptionStatus.PAUSED, by)

    async def resume_subscription(
        self, user_id: UserId, strategy: str, *, by: StatusBy
    ) -> Subscription:
        """Allow a user's entries on one strategy's signals again.

        Raises:
            NotAllowed: a user may end only its own pause.
        """
        current = self._subscription(user_id, strategy)
        if current.status is SubscriptionStatus.ACTIVE:
            return current
        if by is StatusBy.USER and current.status_by is not by:
            raise NotAllowed("the operator has paused this subscription: only the operator resumes")
        return await self._set_subscription(current, SubscriptionStatus.ACTIVE, by)

    async def close(self, user_id: UserId, symbol: str | None = None) -> list[CloseResult]:
        """Close the user's positions at market, or the one in ``symbol``, and cancel open entries.

        Raises:
            NotFound: there is no open position.
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
        await self._users.sync_strategies(user_id)
        return account.user

    def _subscription(self, user_id: UserId, strategy: str) -> Subscription:
        current = self._users.subscription(user_id, strategy)
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
        await self._users.subscribe(changed)
        log.info(_STATUS_EVENTS[status], user_id=user_id, strategy=strategy)
        return changed

    def _account(self, user_id: UserId) -> Account:
        account = self._users.accounts.get(user_id)
        if account is None:
            raise NotFound("no such user")
        return account


def _not_permitted(user: User) -> str:
    """Why a user's own token may not end the user's status."""
    if user.status is UserStatus.PAUSED:
        return "the operator has paused this account: only the operator resumes it"
    return (
        f"the daemon has halted this account: only the operator resumes it ({user.status_reason})"
    )
