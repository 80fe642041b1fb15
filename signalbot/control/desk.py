"""What people do by hand while the daemon runs: pause, halt, close, withdraw.

Whoever asks has been let in before; here it is only carried out, and lasts beyond a restart.
"""

from dataclasses import dataclass, replace

import structlog

from signalbot.control.roster import Roster
from signalbot.domain.errors import Conflict, NotFound
from signalbot.domain.orders import Leg
from signalbot.domain.positions import CloseReason
from signalbot.domain.signals import PositionId, SignalId
from signalbot.domain.users import Subscription, SubscriptionStatus, User, UserId, UserStatus
from signalbot.ledger.accounts import Accounts
from signalbot.pipeline.account import Account
from signalbot.pipeline.expire import Expirer
from signalbot.pipeline.halt import Halts
from signalbot.pipeline.protect import Protector
from signalbot.pipeline.settle import Settler
from signalbot.ports import Clock

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """What came of closing one position by hand."""

    position_id: PositionId
    symbol: str
    closed: bool  #: False: the exchange refused; the position keeps its stop


class Desk:
    def __init__(
        self,
        *,
        roster: Roster,
        accounts: Accounts,
        halts: Halts,
        protector: Protector,
        settler: Settler,
        expirer: Expirer,
        clock: Clock,
    ) -> None:
        self._roster = roster
        self._accounts = accounts
        self._halts = halts
        self._protector = protector
        self._settler = settler
        self._expirer = expirer
        self._clock = clock

    @property
    def halted(self) -> str | None:
        """Why nobody may enter; None when trading is on."""
        return self._halts.halted

    async def halt(self, reason: str) -> None:
        """Stop entries of everybody; exits and stops go on."""
        await self._halts.halt_all(reason)

    async def unhalt(self) -> None:
        """Allow entries again; users halted one by one stay so."""
        await self._halts.resume_all()

    async def pause(self, user_id: UserId, *, reason: str = "") -> User:
        """Stop a user's entries until resumed."""
        return await self._set_status(user_id, UserStatus.PAUSED, reason)

    async def resume(self, user_id: UserId) -> User:
        """Let a paused or halted user enter again."""
        return await self._set_status(user_id, UserStatus.ACTIVE, "")

    async def pause_subscription(self, user_id: UserId, strategy: str) -> Subscription:
        """Stop entries on one strategy's signals until resumed."""
        return await self._set_subscription(user_id, strategy, SubscriptionStatus.PAUSED)

    async def resume_subscription(self, user_id: UserId, strategy: str) -> Subscription:
        return await self._set_subscription(user_id, strategy, SubscriptionStatus.ACTIVE)

    async def close(self, user_id: UserId, symbol: str | None = None) -> list[Closing]:
        """Close the user's positions at market, or the one in ``symbol``; cancel their entries.

        Raises:
            NotFound: nothing is open there.
        """
        account = self._account(user_id)
        symbols = [symbol] if symbol is not None else sorted({*account.positions, *account.working})
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

    async def _close(self, account: Account, symbol: str) -> list[Closing]:
        for order in account.orders(symbol, Leg.ENTRY):
            if order.status.is_live:
                await self._settler.withdraw(account, order)
        position = account.positions.get(symbol)
        if position is None:
            return []
        log.warning(
            "position.close_asked",
            user_id=account.user_id,
            symbol=symbol,
            position_id=position.position_id,
        )
        closed = await self._protector.close(account, position, CloseReason.MANUAL)
        return [Closing(position_id=position.position_id, symbol=symbol, closed=closed)]

    async def _set_status(self, user_id: UserId, status: UserStatus, reason: str) -> User:
        account = self._account(user_id)
        await self._halts.set_status(account, status, reason=reason)
        await self._roster.count(user_id)
        return account.user

    async def _set_subscription(
        self, user_id: UserId, strategy: str, status: SubscriptionStatus
    ) -> Subscription:
        known = self._roster.subscriptions.get(user_id, {}).get(strategy)
        if known is None:
            raise NotFound("no such subscription")
        await self._accounts.set_subscription_status(
            user_id, strategy, status, now_ms=self._clock.now_ms()
        )
        changed = replace(known, status=status)
        await self._roster.subscribe(changed)
        log.info(
            "subscription.status_changed", user_id=user_id, strategy=strategy, status=status.value
        )
        return changed

    def _account(self, user_id: UserId) -> Account:
        account = self._roster.accounts.get(user_id)
        if account is None:
            raise NotFound("no such user")
        return account
