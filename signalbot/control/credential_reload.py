"""Loads a user's changed API keys without a restart."""

import structlog

from signalbot.config.settings import Config
from signalbot.control.configuration_activation import LoadCredentials
from signalbot.control.user_registry import UserRegistry
from signalbot.domain.errors import Conflict, NotFound
from signalbot.domain.users import Mode, StatusBy, UserId, UserStatus
from signalbot.pipeline.account import Account
from signalbot.pipeline.key_permissions import KeyPermissionCheck
from signalbot.pipeline.trading_state import TradingState

log = structlog.get_logger()


class CredentialReloader:
    """Reopens an account with its changed keys."""

    def __init__(
        self,
        *,
        users: UserRegistry,
        load_credentials: LoadCredentials,
        trading_state: TradingState,
        key_permissions: KeyPermissionCheck,
    ) -> None:
        self._users = users
        self._load_credentials = load_credentials
        self._trading_state = trading_state
        self._key_permissions = key_permissions

    async def reload(self, config: Config, user_id: UserId) -> None:
        """Read a user's keys from the vault again and open the account with them.

        A user who was halted because of its key is resumed if the new key is safe.

        Raises:
            NotFound: there is no such user. ConfigError: the vault cannot be opened.
        """
        account = self._users.accounts.get(user_id)
        if account is None:
            raise NotFound("no such user")
        await self._load_credentials(config, (account.user,))
        if account.user.mode is Mode.LIVE:
            self._key_permissions.reset(user_id)
            await self._users.reopen(account.user)
            await self._end_key_halt(self._users.accounts[user_id])
        log.info("user.credentials_loaded", user_id=user_id)

    async def _end_key_halt(self, account: Account) -> None:
        """Resume a user who was halted because of its key, or update the reason."""
        if account.user.status is not UserStatus.HALTED or account.user.status_by != StatusBy.KEY:
            return
        status, reason = UserStatus.ACTIVE, ""
        try:
            await self._key_permissions.require_safe_key(account)
        except Conflict as e:
            status, reason = UserStatus.HALTED, str(e)
        await self._trading_state.set_user_status(account, status, reason=reason, by=StatusBy.KEY)
        await self._users.sync_strategies(account.user_id)
