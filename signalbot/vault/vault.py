"""The vault: puts secrets into the ledger locked, and takes them out for those who need them."""

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
"""What an exchange may ask for, by ccxt's names."""

_CHECK_VALUE = "signalbot"
SECRET_PREFIX = "secret:"  # noqa: S105 - how a secret is named, not one


@dataclass(frozen=True, slots=True)
class Credentials:
    """The keys of one account at one exchange, by ccxt's field names."""

    fields: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCredentials:
    """That something is stored, without what."""

    name: str  #: the user's, or the secret's
    exchange: str
    fields: tuple[str, ...]
    updated_at_ms: Ms
    is_current: bool = True  #: False: a user of this name stored it who was removed since


class Vault:
    """``on_reveal`` hears of every value that is taken out or put in, to keep it out of the log."""

    def __init__(
        self,
        store: VaultStore,
        kek: KeyEncryptionKey,
        *,
        path: Path,
        on_reveal: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.path = path  #: of the file whose key opens it
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
        """The vault, if ``master`` (read from ``path``) is the key it was locked with.

        Raises:
            ConfigError: it is another key.
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
        """The vault, with the key at ``path``; or with the one that is to take its place.

        A rotation that was killed has locked everything with that one already.

        Raises:
            ConfigError: there is no key, or none that opens it.
        """
        pending, wanted = master_key.pending_path(path), await store.key_id()
        is_ahead = wanted is not None and master_key.key_id_of(pending) == wanted
        place = pending if is_ahead else path
        master = master_key.read_key(place)
        return await cls.open(store, master, path=place, now_ms=now_ms, on_reveal=on_reveal)

    async def set_credentials(
        self, accounts: Iterable[tuple[UserId, str, Credentials]], *, now_ms: Ms
    ) -> None:
        """Store the keys of accounts, all or none; what an account had before is replaced."""
        rows, replaced = [], []
        for user_id, exchange, credentials in accounts:
            replaced.append((user_id, exchange))
            for name, value in credentials.fields.items():
                rows.append(self._seal((user_id, exchange, name), value, now_ms))
        await self._store.put(rows, replaces=replaced, key_id=self._kek.key_id)

    async def credentials(self) -> dict[tuple[UserId, str], Credentials]:
        """The keys of every account, by user and exchange.

        Those that a former user of a name has left are nobody's until somebody keeps them.
        """
        found: dict[tuple[UserId, str], dict[str, str]] = {}
        for row in await self._store.credentials():
            if not row.is_current:
                continue
            owner = (UserId(row.owner), row.exchange)
            found.setdefault(owner, {})[row.field] = self._open(row)
        return {owner: Credentials(fields) for owner, fields in found.items()}

    async def delete_credentials(self, user_id: UserId, exchange: str | None = None) -> int:
        """Forget an account's keys; how many fields there were."""
        return await self._store.delete(user_id, exchange)

    async def list_credentials(self) -> list[StoredCredentials]:
        """Whose keys are stored; nothing is opened."""
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
        """Let the present user of a name have the keys that a former one left; how many fields."""
        return await self._store.adopt(user_id, now_ms=now_ms)

    async def set_secret(self, name: str, value: str, *, now_ms: Ms) -> None:
        await self._store_value(_secret_row_key(name), value, now_ms)

    async def secret(self, name: str) -> str | None:
        rows = await self._store.secrets(name)
        return self._open(rows[0]) if rows else None

    async def delete_secret(self, name: str) -> int:
        return await self._store.delete_secret(name)

    async def list_secrets(self) -> list[StoredCredentials]:
        """The names of stored secrets; nothing is opened."""
        return [
            StoredCredentials(
                name=row.owner, exchange="", fields=(), updated_at_ms=row.updated_at_ms
            )
            for row in await self._store.secrets()
            if row.owner != KEY_CHECK_NAME
        ]

    async def resolve(self, text: str) -> str:
        """``text``, or the secret it names as ``secret:NAME``.

        Raises:
            ConfigError: no secret has that name.
        """
        if not text.startswith(SECRET_PREFIX):
            return text
        name = text.removeprefix(SECRET_PREFIX)
        value = await self.secret(name)
        if value is None:
            raise ConfigError(f"no secret is named {name!r}: store it with 'signalbot secret set'")
        return value

    async def rotate(self, master: bytes) -> int:
        """Wrap everything with another master key, all or nothing; how many values there are.

        Raises:
            WrongKey: something does not open with the key in use; nothing has changed.
            ConfigError: the key was changed meanwhile.
        """
        old, new = self._kek, KeyEncryptionKey.of(master)
        count = await self._store.change_all(
            lambda row: replace(row, sealed=rewrap(old, new, row.sealed, _context_of(row.key))),
            key_id=old.key_id,
        )
        self._kek = new
        return count

    async def verify(self) -> None:
        """See that every value that is stored can be taken out.

        Raises:
            WrongKey: one cannot.
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
        """What proves the master key is no secret: its word stands in many an honest line."""
        if owner != KEY_CHECK_NAME:
            self._on_reveal(value)


def _secret_row_key(name: str) -> tuple[str, str, str]:
    return (name, "", "")


def _wrong_key_error(path: Path, key_id: str, wanted: str) -> str:
    right = master_key.find_key_file(wanted, path)
    cure = (
        f"{right} is: put it in its place"
        if right is not None
        else "put the right file in its place"
    )
    return (
        f"{path} is not the master key this ledger was locked with (it has id {key_id}, the ledger "
        f"wants {wanted}): {cure}"
    )


def _context_of(key: tuple[str, str, str]) -> str:
    return "|".join(key)
