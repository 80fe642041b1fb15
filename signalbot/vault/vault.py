"""The vault: stores secrets encrypted in the ledger and decrypts them on request."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from signalbot.domain.errors import ConfigError
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.ledger.vault_store import KEY_CHECK_NAME, SealedRow, VaultStore
from signalbot.vault import master_key
from signalbot.vault.envelope import DecryptionFailed, KeyEncryptionKey, rewrap, seal, unseal

CREDENTIAL_FIELDS = (
    "apiKey", "secret", "password", "uid", "login", "walletAddress", "privateKey", "token",
)  # fmt: skip
"""Credential fields of exchanges, by ccxt's names."""

_CHECK_VALUE = "signalbot"
SECRET_PREFIX = "secret:"  # noqa: S105 - the prefix of a reference, not a secret


@dataclass(frozen=True, slots=True)
class Credentials:
    """API credentials of one account at one exchange, by ccxt's field names."""

    fields: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCredentials:
    """Metadata of stored credentials or of a secret; no values."""

    name: str  #: of the user or secret
    exchange: str
    fields: tuple[str, ...]
    updated_at_ms: Ms
    is_current: bool = True  #: False: stored by a removed user of the same name


class Vault:
    """Encrypted secrets; ``on_reveal`` receives every plain value, to redact it from the log."""

    def __init__(
        self,
        store: VaultStore,
        kek: KeyEncryptionKey,
        *,
        path: Path,
        on_reveal: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.path = path  #: of the master key file
        self._store = store
        self._kek = kek
        self._on_reveal = on_reveal

    @classmethod
    async def open(
        cls,
        store: VaultStore,
        master: bytes,
        *,
        path: Path,
        now_ms: Ms,
        on_reveal: Callable[[str], None] = lambda _: None,
    ) -> "Vault":
        """Open the vault with the key ``master``, read from ``path``.

        Raises:
            ConfigError: it is not the vault's key.
        """
        vault = cls(store, KeyEncryptionKey.of(master), path=path, on_reveal=on_reveal)
        check = await store.initialize(
            vault._seal(_secret_row_key(KEY_CHECK_NAME), _CHECK_VALUE, now_ms)
        )
        try:
            vault._open(check)
        except DecryptionFailed:
            raise ConfigError(
                _wrong_key_error(path, vault._kek.key_id, check.sealed.key_id)
            ) from None
        return vault

    @classmethod
    async def unlock(
        cls,
        store: VaultStore,
        path: Path,
        *,
        now_ms: Ms,
        on_reveal: Callable[[str], None] = lambda _: None,
    ) -> "Vault":
        """Open the vault with the key at ``path``, or with the pending key of a killed rotation.

        Raises:
            ConfigError: there is no key, or none that opens the vault.
        """
        pending, wanted = master_key.pending_path(path), await store.key_id()
        is_ahead = wanted is not None and master_key.key_id_of(pending) == wanted
        place = pending if is_ahead else path
        master = master_key.read_key(place)
        return await cls.open(store, master, path=place, now_ms=now_ms, on_reveal=on_reveal)

    async def set_credentials(
        self, accounts: Iterable[tuple[UserId, str, Credentials]], *, now_ms: Ms
    ) -> None:
        """Store credentials of accounts, all or none; replaces those an account has."""
        rows, replaced = [], []
        for user_id, exchange, credentials in accounts:
            replaced.append((user_id, exchange))
            for name, value in credentials.fields.items():
                rows.append(self._seal((user_id, exchange, name), value, now_ms))
        await self._store.put(rows, replaces=replaced, key_id=self._kek.key_id)

    async def credentials(self) -> dict[tuple[UserId, str], Credentials]:
        """Decrypt the credentials of every account, by user and exchange.

        Credentials of removed users are left out until ``reassign_credentials``.
        """
        found: dict[tuple[UserId, str], dict[str, str]] = {}
        for row in await self._store.credentials():
            if not row.is_current:
                continue
            owner = (UserId(row.owner), row.exchange)
            found.setdefault(owner, {})[row.field] = self._open(row)
        return {owner: Credentials(fields) for owner, fields in found.items()}

    async def delete_credentials(self, user_id: UserId, exchange: str | None = None) -> int:
        """Delete an account's credentials; return the number of fields."""
        return await self._store.delete(user_id, exchange)

    async def list_credentials(self) -> list[StoredCredentials]:
        """List accounts with stored credentials; decrypts nothing."""
        found: dict[tuple[str, str], list[SealedRow]] = {}
        for row in await self._store.credentials():
            found.setdefault((row.owner, row.exchange), []).append(row)
        return [
            StoredCredentials(
                name=user,
                exchange=exchange,
                fields=tuple(sorted(row.field for row in rows)),
                updated_at_ms=max(row.updated_at_ms for row in rows),
                is_current=all(row.is_current for row in rows),
            )
            for (user, exchange), rows in sorted(found.items())
        ]

    async def reassign_credentials(self, user_id: UserId, *, now_ms: Ms) -> int:
        """Give the credentials of a removed user to the current user of the same name.

        Returns:
            The number of fields.
        """
        return await self._store.adopt(user_id, now_ms=now_ms)

    async def set_secret(self, name: str, value: str, *, now_ms: Ms) -> None:
        """Store a secret; replaces one of the same name."""
        await self._store_value(_secret_row_key(name), value, now_ms)

    async def secret(self, name: str) -> str | None:
        """Decrypt a secret; None if there is none of this name."""
        rows = await self._store.secrets(name)
        return self._open(rows[0]) if rows else None

    async def delete_secret(self, name: str) -> int:
        """Delete a secret; return the number of deleted rows."""
        return await self._store.delete_secret(name)

    async def list_secrets(self) -> list[StoredCredentials]:
        """List the stored secrets; decrypts nothing."""
        return [
            StoredCredentials(
                name=row.owner, exchange="", fields=(), updated_at_ms=row.updated_at_ms
            )
            for row in await self._store.secrets()
            if row.owner != KEY_CHECK_NAME
        ]

    async def resolve(self, text: str) -> str:
        """Return the secret that ``text`` references as ``secret:NAME``, else ``text`` itself.

        Raises:
            ConfigError: there is no such secret.
        """
        if not text.startswith(SECRET_PREFIX):
            return text
        name = text.removeprefix(SECRET_PREFIX)
        value = await self.secret(name)
        if value is None:
            raise ConfigError(f"there is no secret {name!r}: store it with 'signalbot secret set'")
        return value

    async def rotate(self, master: bytes) -> int:
        """Wrap every value with another master key, all or none; return their number.

        Raises:
            DecryptionFailed: a value does not decrypt with the current key; nothing has changed.
            ConfigError: the key was changed concurrently.
        """
        old, new = self._kek, KeyEncryptionKey.of(master)
        count = await self._store.change_all(
            lambda row: replace(row, sealed=rewrap(old, new, row.sealed, _context_of(row.key))),
            key_id=old.key_id,
        )
        self._kek = new
        return count

    async def verify(self) -> None:
        """Decrypt every stored value.

        Raises:
            DecryptionFailed: one does not decrypt.
        """
        for row in [*await self._store.credentials(), *await self._store.secrets()]:
            self._open(row)

    async def _store_value(self, key: tuple[str, str, str], value: str, now_ms: Ms) -> None:
        row = self._seal(key, value, now_ms)
        await self._store.put([row], replaces=(), key_id=self._kek.key_id)

    def _seal(self, key: tuple[str, str, str], value: str, now_ms: Ms) -> SealedRow:
        owner, exchange, name = key
        self._reveal(owner, value)
        return SealedRow(
            owner=owner,
            exchange=exchange,
            field=name,
            sealed=seal(self._kek, value, _context_of(key)),
            updated_at_ms=now_ms,
        )

    def _open(self, row: SealedRow) -> str:
        value = unseal(self._kek, row.sealed, _context_of(row.key))
        self._reveal(row.owner, value)
        return value

    def _reveal(self, owner: str, value: str) -> None:
        """Report a plain value, except the constant that verifies the key: it is not a secret."""
        if owner != KEY_CHECK_NAME:
            self._on_reveal(value)


def _secret_row_key(name: str) -> tuple[str, str, str]:
    return (name, "", "")


def _wrong_key_error(path: Path, key_id: str, wanted: str) -> str:
    right = master_key.find_key_file(wanted, path)
    suggestion = (
        f"{right} is: move it to that path" if right is not None else "restore the right file"
    )
    return (
        f"{path} is not the master key of this ledger (its id is {key_id}, the ledger needs "
        f"{wanted}): {suggestion}"
    )


def _context_of(key: tuple[str, str, str]) -> str:
    return "|".join(key)
