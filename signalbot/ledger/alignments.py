"""Where the strategies behind sources of alerts stand, from one alert to the next."""

import sqlite3

from signalbot.domain.alignment import Alignment, Heard, Told, hear
from signalbot.domain.timeframe import Ms
from signalbot.ledger.base import Database
from signalbot.ledger.codec import Codec
from signalbot.ledger.sql import queries

_SQL = queries("alignments")
_ALIGNMENTS = Codec(Alignment)


class Alignments:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def hear(self, told: Told, *, strategy: str, symbol: str, now_ms: Ms) -> Heard:
        """Keep what an alert tells of its strategy's position; durable when this returns."""

        def follow(connection: sqlite3.Connection) -> Heard:
            row = connection.execute(_SQL["alignment"], (strategy, symbol)).fetchone()
            known = None if row is None else _ALIGNMENTS.decode(row)
            heard = hear(known, told, strategy=strategy, symbol=symbol, now_ms=now_ms)
            if heard.alignment is not None and heard.alignment != known:
                connection.execute(_SQL["put_alignment"], _values(heard.alignment))
            return heard

        return await self._database.write(follow)


def _values(alignment: Alignment) -> dict[str, object]:
    return dict(zip(_ALIGNMENTS.columns, _ALIGNMENTS.encode(alignment), strict=True))
