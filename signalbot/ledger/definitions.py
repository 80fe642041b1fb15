"""Stores definitions made over the API, as TOML tables."""

import sqlite3
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import tomli_w

from signalbot.domain.timeframe import Ms
from signalbot.ledger.database import Database
from signalbot.ledger.sql import queries

_SQL = queries("control")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDefinition:
    """One stored table."""

    key: str  #: its heading in the file, such as ``users.bob``
    table: Mapping[str, Any]  #: TOML values, floats as Decimals
    version: int
    operator_table: (
        Mapping[str, Any] | None
    )  #: the last version of an administrator; None without one


def read_definitions(connection: sqlite3.Connection) -> list[StoredDefinition]:
    """Every definition, users before their subscriptions."""
    return [
        StoredDefinition(
            key=row["key"],
            table=_table(row["toml"]),
            version=row["version"],
            operator_table=None if row["operator_toml"] is None else _table(row["operator_toml"]),
        )
        for row in connection.execute(_SQL["definitions"])
    ]


def _table(toml: str) -> Mapping[str, Any]:
    return tomllib.loads(toml, parse_float=Decimal)


class Definitions:
    """Reads and writes the definitions of the API."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[StoredDefinition]:
        """Every definition, users before their subscriptions."""
        return await self._database.read(read_definitions)

    async def change(
        self,
        put: Iterable[StoredDefinition],
        *,
        delete: Sequence[str] = (),
        author: str,
        now_ms: Ms,
    ) -> None:
        """Write and delete definitions in one transaction."""
        rows = [
            {
                "key": each.key,
                "toml": tomli_w.dumps(each.table),
                "operator_toml": None
                if each.operator_table is None
                else tomli_w.dumps(each.operator_table),
                "version": each.version,
                "author": author,
                "now_ms": now_ms,
            }
            for each in put
        ]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(_SQL["put_definition"], rows)
            connection.executemany(_SQL["delete_definition"], [(key,) for key in delete])

        await self._database.write(work)
