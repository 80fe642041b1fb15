"""Checks live accounts at their exchange, for ``keys test`` and ``check --online``."""

from pathlib import Path

from signalbot.app.exchanges import live_settings
from signalbot.config.checks.live import exchange_capabilities
from signalbot.config.settings import Config
from signalbot.domain.errors import SignalbotError
from signalbot.domain.users import Mode, User
from signalbot.exchange.live.exchange import LiveExchange
from signalbot.exchange.live.preflight import AccountCheck
from signalbot.exchange.live.registry import adapters_of
from signalbot.ledger.database import open_database
from signalbot.ledger.vault_store import VaultStore
from signalbot.state_dir import LEDGER_NAME
from signalbot.tasks import SystemClock
from signalbot.vault.vault import Vault


async def check_accounts(
    config: Config, users: list[User], key_file: Path
) -> dict[str, list[AccountCheck]]:
    """Return the checks of each user's account; a failure is a failed check."""
    clock = SystemClock()
    config.daemon.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    found: dict[str, list[AccountCheck]] = {}
    async with open_database(config.daemon.state_dir / LEDGER_NAME) as database:
        vault = await Vault.unlock(VaultStore(database), key_file, now_ms=clock.now_ms())
        keys = await vault.credentials()
        for name in dict.fromkeys(user.account.exchange for user in users):
            settings = config.exchanges[name]
            exchange = LiveExchange(
                live_settings(settings),
                adapters=adapters_of(settings.ccxt_id),
                credentials={user: each.fields for (user, at), each in keys.items() if at == name},
                clock=clock,
            )  # fmt: skip
            try:
                await exchange.open(database)
                await exchange.connect()
                for user in users:
                    if user.account.exchange == name:
                        found[user.user_id] = await _of_user(config, exchange, user)
            finally:
                await exchange.close()
    return found


async def _of_user(config: Config, exchange: LiveExchange, user: User) -> list[AccountCheck]:
    symbols = {
        symbol
        for each in config.subscriptions
        if each.user_id == user.user_id
        for symbol in config.strategies[each.strategy].symbols
    }
    try:
        return await exchange.check_account(user, symbols=symbols)
    except (SignalbotError, KeyError) as e:
        return [AccountCheck(False, "key", str(e))]


def live_users(config: Config) -> list[User]:
    """Return users in live mode at a real exchange."""
    return [
        user
        for user in config.users.values()
        if user.mode is Mode.LIVE and exchange_capabilities(config.exchanges[user.account.exchange])
    ]
