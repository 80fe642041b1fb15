"""Whether the master key opens the vault, and the vault has what the configuration names."""

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

_CHECK = "vault"
_PREFIX = "secret:"


def check(installation: Installation) -> Iterator[Finding]:
    wanted = sorted(_secrets_named(installation.config))
    live = [
        (user.user_id, user.account.exchange)
        for user in installation.config.users.values()
        if user.mode is Mode.LIVE
        and not installation.config.exchanges[user.account.exchange].is_simulated
    ]
    with installation.open_ledger() as connection:
        locked = connection is not None and _is_locked(connection)
        if not locked and not wanted and not live:
            return
        try:
            secrets, accounts = _open(installation, connection if locked else None)
        except ConfigError as e:
            yield problem(_CHECK, str(e), "put the key back from your copy of it")
            return
        except SignalbotError as e:
            yield problem(_CHECK, f"a stored value does not open: {e}", "set it anew")
            return
    yield from _unfinished(installation)
    missing = [name for name in wanted if name not in secrets]
    for name in missing:
        yield problem(_CHECK, f"there is no secret {name!r}", f"signalbot secret set {name}")
    keyless = [owner for owner in live if owner not in accounts]
    for user_id, exchange in keyless:
        yield problem(
            _CHECK, f"{user_id} trades live and has no keys for {exchange}",
            f"signalbot keys set {user_id}",
        )  # fmt: skip
    if not missing and not keyless:
        yield passed(_CHECK, f"opens: keys of {len(accounts)} accounts, {len(secrets)} secrets")


def _unfinished(installation: Installation) -> Iterator[Finding]:
    """Whether a rotation was killed: it left a key that is to take the place of the other."""
    from signalbot.vault import master_key

    path = master_key.locate_key_file(
        installation.config.daemon.master_key_file, installation.environ
    )
    pending = master_key.pending_path(path)
    if pending.exists():
        result = f"a rotation of the master key was cut off: {pending} is there"
        yield problem(
            _CHECK, result, "signalbot keys rotate: it finishes, or undoes what was begun"
        )


def _is_locked(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM secrets LIMIT 1").fetchone() is not None


def _open(
    installation: Installation, connection: sqlite3.Connection | None
) -> tuple[set[str], set[tuple[str, str]]]:
    """Names of secrets, and the accounts that have keys; everything has been opened once.

    Raises:
        ConfigError: there is no master key, or another. SignalbotError: something does not open.
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
