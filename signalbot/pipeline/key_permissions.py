"""Halts users with a key that can withdraw: a stolen one would lose more than bad trades do."""

import structlog

from signalbot.domain.errors import AccessDenied, Conflict, Unavailable
from signalbot.domain.timeframe import DAY_MS, Ms
from signalbot.domain.users import Mode, StatusBy, UserId, UserStatus
from signalbot.pipeline.account import Account
from signalbot.pipeline.trading_state import TradingState
from signalbot.ports import Clock

log = structlog.get_logger()

RECHECK_INTERVAL_MS = DAY_MS
"""How long a result is valid: a permission can be granted to a key at any time."""

RETRY_INTERVAL_MS = 600_000
"""Delay before the next check when the exchange did not report the permissions."""


class KeyPermissionCheck:
    """Checks the permissions of live accounts' keys and halts users with keys that can withdraw."""

    def __init__(self, trading_state: TradingState, clock: Clock) -> None:
        self._trading_state = trading_state
        self._clock = clock
        self._next_ms: dict[UserId, Ms] = {}

    def reset(self, user_id: UserId) -> None:
        """Forget the last check of an account: its key was replaced."""
        self._next_ms.pop(user_id, None)

    async def check(self, account: Account) -> None:
        """Check the key if its last check has expired; halt the user if it can withdraw.

        Raises:
            AccessDenied: the exchange rejected the key.
        """
        if not _is_applicable(account) or self._clock.now_ms() < self._next_ms.get(
            account.user_id, 0
        ):
            return
        if await self._may_withdraw(account) and account.user.status is UserStatus.ACTIVE:
            await self._trading_state.set_user_status(
                account, UserStatus.HALTED, reason=_halt_reason(account), by=StatusBy.KEY
            )

    async def require_safe_key(self, account: Account) -> None:
        """Check the key of a user who is to be resumed.

        Raises:
            Conflict: it can withdraw, or the exchange rejected it.
        """
        if not _is_applicable(account):
            return
        try:
            may_withdraw = await self._may_withdraw(account)
        except AccessDenied as e:
            raise Conflict(f"the exchange refuses the key: {e}") from None
        if may_withdraw:
            raise Conflict(_halt_reason(account))

    async def _may_withdraw(self, account: Account) -> bool:
        assert account.broker is not None  # noqa: S101 - it trades
        may_withdraw: bool | None = None
        try:
            may_withdraw = await account.broker.may_withdraw()
        except AccessDenied:
            raise
        except Unavailable as e:
            log.debug("key.permissions_unknown", user_id=account.user_id, cause=str(e))
        pause_ms = RETRY_INTERVAL_MS if may_withdraw is None else RECHECK_INTERVAL_MS
        self._next_ms[account.user_id] = Ms(self._clock.now_ms() + pause_ms)
        return bool(may_withdraw)


def _is_applicable(account: Account) -> bool:
    """Whether the account trades live with a key that must not be able to withdraw."""
    user = account.user
    return (
        user.mode is Mode.LIVE
        and account.broker is not None
        and not user.account.allow_withdrawal_keys
    )


def _halt_reason(account: Account) -> str:
    return (
        "the key may withdraw: take that right from it at the exchange, or store another with "
        f"'signalbot keys set {account.user_id}' (account.allow_withdrawal_keys = true lets it be)"
    )
