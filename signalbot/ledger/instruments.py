"""Rules of markets as an exchange last listed them: what is known of it before it is reached."""

from collections.abc import Mapping

from signalbot.domain.market import Instrument
from signalbot.ledger.codec import Codec, upsert
from signalbot.ledger.database import Database

_CODEC = Codec(Instrument, omit=("brackets", "bracket_unit", "fees"))
_PUT = upsert("instruments", ("exchange", *_CODEC.columns), key="exchange, symbol")
_ALL = "SELECT * FROM instruments WHERE exchange = ?"


class Instruments:
    """The memory of one exchange's markets."""

    def __init__(self, database: Database, exchange: str) -> None:
        self._database = database
        self._exchange = exchange

    async def load(self) -> Mapping[str, Instrument]:
        """Everything that is remembered, by symbol."""
        rows = await self._database.query(_ALL, (self._exchange,))
        return {row["symbol"]: _CODEC.decode(row) for row in rows}

    def save(self, instrument: Instrument) -> None:
        """Remember one, without waiting."""
        values = (self._exchange, *_CODEC.encode(instrument))
        self._database.write_later(lambda c: c.execute(_PUT, values))
