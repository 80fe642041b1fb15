"""The vault: puts secrets into the ledger locked, and takes them out for those who need them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from signalbot.domain.errors import ConfigError
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.ledger.credentials import LockedRow, VaultStore
from signalbot.vault.envelope import Kek, WrongKey, rewrap, seal, unseal

FIELDS = (
    "apiKey", "secret", "password", "uid", "login", "walletAddress", "privateKey", "token",
)  # fmt: skip
"""What an exchange may ask for, by ccxt's names."""

_CHECK = "keycheck"
_CHECK_VALUE = "signalbot"
SECRET_PREFIX = "secret:"  # noqa: S105 - how a secret is named, not one


@dataclass(frozen=True, slots=True)
class Credentials:
    """The keys of one account at one exchange, by ccxt's field names."""

    fields: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """That something is stored, without what."""

    name: str  #: the user's, or the secret's
    exchange: str
    fields: tuple[str, ...]
    updated_at_ms: Ms


class Vault:
    """``on_reveal`` hears of every value that is taken out or put in, to keep it out of the log."""

    def __init__(
        self, store: VaultStore, kek: Kek, *, on_reveal: Callable[[str], None] = lambda _: None
    ) -> None:
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
        vault = cls(store, Kek.of(master), on_reveal=on_reveal)
        rows = await store.secrets(_CHECK)
        if rows:
            try:
                vault._open(rows[0])
            except WrongKey:
                raise ConfigError(
                    f"{path} is not the master key this ledger was locked with "
                    f"(it has id {vault._kek.key_id}, the ledger wants {rows[0].sealed.key_id}): "
                    "put the right file in its place"
                ) from None
        else:
            await vault._put(_secret_row_key(_CHECK), _CHECK_VALUE, now_ms)
        return vault

    async def set_credentials(
        self, accounts: Iterable[tuple[UserId, str, Credentials]], *, now_ms: Ms
    ) -> None:
        """Store the keys of accounts, all or none; what an account had before is replaced."""
        rows, replaced = [], []
        for user_id, exchange, credentials in accounts:
            replaced.append((user_id, exchange))
            for name, value in credentials.fields.items():
                rows.append(self._lock((user_id, exchange, name), value, now_ms))
        await self._store.put(rows, replaces=replaced)

    async def credentials(self) -> dict[tuple[UserId, str], Credentials]:
        """The keys of every account, by user and exchange."""
        found: dict[tuple[UserId, str], dict[str, str]] = {}
        for row in await self._store.credentials():
            owner = (UserId(row.owner), row.exchange)
            found.setdefault(owner, {})[row.field] = self._open(row)
        return {owner: Credentials(fields) for owner, fields in found.items()}

    async def delete_credentials(self, user_id: UserId, exchange: str | None = None) -> int:
        """Forget an account's keys; how many fields there were."""
        return await self._store.delete(user_id, exchange)

    async def list_credentials(self) -> list[Stored]:
        """Whose keys are stored; nothing is opened."""
        found: dict[tuple[str, str], list[LockedRow]] = {}
        for row in await self._store.credentials():
            found.setdefault((row.owner, row.exchange), []).append(row)
        return [
            Stored(
                name=user,
                exchange=exchange,
                fields=tuple(sorted(row.field for row in rows)),
                updated_at_ms=max(row.updated_at_ms for row in rows),
            )
            for (user, exchange), rows in sorted(found.items())
        ]

    async def set_secret(self, name: str, value: str, *, now_ms: Ms) -> None:
        await self._put(_secret_row_key(name), value, now_ms)

    async def secret(self, name: str) -> str | None:
        rows = await self._store.secrets(name)
        return self._open(rows[0]) if rows else None

    async def delete_secret(self, name: str) -> int:
        return await self._store.delete_secret(name)

    async def list_secrets(self) -> list[Stored]:
        """The names of stored secrets; nothing is opened."""
        return [
            Stored(name=row.owner, exchange="", fields=(), updated_at_ms=row.updated_at_ms)
            for row in await self._store.secrets()
            if row.owner != _CHECK
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
        """Wrap everything with another master key, all or nothing; how many values there are."""
        new = Kek.of(master)
        rows = [*await self._store.credentials(), *await self._store.secrets()]
        moved = [
            LockedRow(
                owner=row.owner,
                exchange=row.exchange,
                field=row.field,
                sealed=rewrap(self._kek, new, row.sealed, _about(row.key)),
                updated_at_ms=row.updated_at_ms,
            )
            for row in rows
        ]
        await self._store.put(moved, replaces=())
        self._kek = new
        return len(moved)

    async def _put(self, key: tuple[str, str, str], value: str, now_ms: Ms) -> None:
        await self._store.put([self._lock(key, value, now_ms)], replaces=())

    def _lock(self, key: tuple[str, str, str], value: str, now_ms: Ms) -> LockedRow:
        owner, exchange, name = key
        self._reveal(owner, value)
        return LockedRow(
            owner=owner,
            exchange=exchange,
            field=name,
            sealed=seal(self._kek, value, _about(key)),
            updated_at_ms=now_ms,
        )

    def _open(self, row: LockedRow) -> str:
        value = unseal(self._kek, row.sealed, _about(row.key))
        self._reveal(row.owner, value)
        return value

    def _reveal(self, owner: str, value: str) -> None:
        """What proves the master key is no secret: its word stands in many an honest line."""
        if owner != _CHECK:
            self._on_reveal(value)


def _secret_row_key(name: str) -> tuple[str, str, str]:
    return (name, "", "")


def _about(key: tuple[str, str, str]) -> str:
    return "|".join(key)
