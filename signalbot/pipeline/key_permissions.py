"""Lets no key trade that may withdraw: whoever steals it could take more than a bad trade costs."""

import structlog

from signalbot.domain.errors import AccessDenied, Conflict, Unavailable
from signalbot.domain.timeframe import DAY_MS, Ms
from signalbot.domain.users import Mode, StatusBy, UserId, UserStatus
from signalbot.pipeline.account import Account
from signalbot.pipeline.trading_state import TradingState
from signalbot.ports import Clock

log = structlog.get_logger()

RECHECK_INTERVAL_MS = DAY_MS
"""How long an answer of the exchange counts: a right can be given to a key at any time."""

RETRY_INTERVAL_MS = 600_000
"""How soon it is asked again when it has not told."""


class KeyPermissionCheck:
    """Asks exchanges what the keys of live accounts may do, and halts those that may withdraw."""

    def __init__(self, trading_state: TradingState, clock: Clock) -> None:
        self._trading_state = trading_state
        self._clock = clock
        self._next_ms: dict[UserId, Ms] = {}

    def reset(self, user_id: UserId) -> None:
        """The account has another key: ask anew."""
        self._next_ms.pop(user_id, None)

    async def check(self, account: Account) -> None:
        """Ask if it is time to, and halt the user whose key may withdraw.

        Raises:
            AccessDenied: the exchange does not let the key in.
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
        """See that a user who is to be active again has a key that may be.

        Raises:
            Conflict: it may withdraw, or is not let in.
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
    """Whether a key of this account is used and must not be able to withdraw."""
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
