"""Checks that the master key opens the vault, and that no configured secret is missing."""

import asyncio
import sqlite3
from collections.abc import Iterator

from signalbot.config.settings import Config
from signalbot.doctor.finding import Finding, passed, problem
from signalbot.doctor.installation import Installation
from signalbot.domain.errors import ConfigError, SignalbotError
from signalbot.domain.users import Mode
from signalbot.ledger.replay_database import ReplayDatabase
from signalbot.ledger.vault_store import VaultStore

NAME = "vault"
ORDER = 30
_PREFIX = "secret:"


def check(installation: Installation) -> Iterator[Finding]:
    configured = sorted(_secrets_named(installation.config))
    live = [
        (user.user_id, user.account.exchange)
        for user in installation.config.users.values()
        if user.mode is Mode.LIVE
        and not installation.config.exchanges[user.account.exchange].is_simulated
    ]
    with installation.open_ledger() as connection:
        locked = connection is not None and _is_locked(connection)
        if not locked and not configured and not live:
            return
        try:
            secrets, accounts = _open(installation, connection if locked else None)
        except ConfigError as e:
            yield problem(NAME, str(e), "restore the master key from your copy")
            return
        except SignalbotError as e:
            yield problem(NAME, f"a stored value cannot be decrypted: {e}", "set it again")
            return
    yield from _unfinished(installation)
    missing = [name for name in configured if name not in secrets]
    for name in missing:
        yield problem(NAME, f"secret {name!r} is missing", f"signalbot secret set {name}")
    keyless = [owner for owner in live if owner not in accounts]
    for user_id, exchange in keyless:
        yield problem(
            NAME, f"{user_id} trades live without keys for {exchange}",
            f"signalbot keys set {user_id}",
        )  # fmt: skip
    if not missing and not keyless:
        yield passed(NAME, f"opens, with keys of {len(accounts)} accounts, {len(secrets)} secrets")


def _unfinished(installation: Installation) -> Iterator[Finding]:
    """Whether a key rotation was interrupted and left a pending key."""
    from signalbot.vault import master_key

    path = master_key.locate_key_file(
        installation.config.daemon.master_key_file, installation.environ
    )
    pending = master_key.pending_path(path)
    if pending.exists():
        result = f"a master key rotation was interrupted: {pending} exists"
        yield problem(NAME, result, "signalbot keys rotate: completes or reverts it")


def _is_locked(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM secrets LIMIT 1").fetchone() is not None


def _open(
    installation: Installation, connection: sqlite3.Connection | None
) -> tuple[set[str], set[tuple[str, str]]]:
    """Names of secrets, and accounts with keys, after decrypting all of them once.

    Raises:
        ConfigError: the master key is missing or wrong.
        SignalbotError: a value cannot be decrypted.
    """
    from signalbot.vault import master_key
    from signalbot.vault.vault import Vault

    path = master_key.locate_key_file(
        installation.config.daemon.master_key_file, installation.environ
    )
    if connection is None:
        master_key.read_key(path)
        return set(), set()
    store = VaultStore(ReplayDatabase(installation.ledger, connection))

    async def opened() -> tuple[set[str], set[tuple[str, str]]]:
        vault = await Vault.unlock(store, path, now_ms=installation.now_ms)
        names = {each.name for each in await vault.list_secrets()}
        for name in names:
            await vault.resolve(f"{_PREFIX}{name}")
        return names, {(str(user), at) for user, at in await vault.credentials()}

    return asyncio.run(opened())


def _secrets_named(config: Config) -> set[str]:
    texts = [text for user in config.users.values() for text in (*user.notify, user.account.egress)]
    return {text.removeprefix(_PREFIX) for text in texts if text.startswith(_PREFIX)}
