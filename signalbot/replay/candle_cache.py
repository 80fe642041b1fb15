"""Cache of candles and market rules that an exchange has returned.

One file per market, in a format that ``--candles`` reads. Closed candles never change.
"""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from signalbot.domain.errors import ConfigError
from signalbot.domain.market import (
    BracketUnit,
    Candle,
    Fees,
    Instrument,
    MarginBracket,
    MarketKind,
)
from signalbot.domain.money import text
from signalbot.replay.candle_files import ReadOptions, read_candles
from signalbot.state_dir import CANDLE_FOLDER_NAME

_RULES = "rules.json"
_CACHE_FILE_OPTIONS = ReadOptions(is_one_market=True)
_HEADER = "open_ms,open,high,low,close,volume\n"


class CandleCache:
    """Cached data of one exchange."""

    def __init__(self, state_dir: Path, exchange: str) -> None:
        self._folder = state_dir / CANDLE_FOLDER_NAME / exchange

    def path(self, symbol: str) -> Path:
        """Path of a market's candle file, existing or not."""
        return self._folder / f"{_file_name(symbol)}.1m.csv"

    def candles(self, symbol: str) -> Sequence[Candle]:
        """Cached candles, oldest first.

        Raises:
            ConfigError: the file exists but is invalid.
        """
        path = self.path(symbol)
        return read_candles(path, symbol, _CACHE_FILE_OPTIONS).candles if path.exists() else ()

    def save(self, symbol: str, candles: Iterable[Candle]) -> None:
        """Replace the cached candles of a market atomically."""
        rows = (
            ",".join((str(c.open_ms), *map(text, (c.open, c.high, c.low, c.close, c.volume))))
            for c in candles
        )
        _write(self.path(symbol), _HEADER + "".join(f"{row}\n" for row in rows))

    def instruments(self) -> dict[str, Instrument]:
        """Cached market rules by symbol.

        Raises:
            ConfigError: the file exists but is invalid.
        """
        path = self._folder / _RULES
        if not path.exists():
            return {}
        try:
            rows = json.loads(path.read_text())
            return {row["symbol"]: _parse_instrument(row) for row in rows}
        except (ValueError, KeyError, TypeError, ArithmeticError) as e:
            raise ConfigError(f"{path}: cannot be read: remove it ({e})") from e

    def save_instruments(self, instruments: Iterable[Instrument]) -> None:
        by_symbol = self.instruments() | {each.symbol: each for each in instruments}
        rows = [asdict(each) for _, each in sorted(by_symbol.items())]
        _write(self._folder / _RULES, json.dumps(rows, default=text, indent=1))


_FIELD_TYPES: Final = {
    "symbol": str,
    "base": str,
    "quote": str,
    "kind": MarketKind,
    "bracket_unit": BracketUnit,
}


def _parse_instrument(row: dict[str, Any]) -> Instrument:
    """Parse the rules of a row; fields that an older version did not write keep their defaults."""
    parts: dict[str, Any] = {
        name: read(row[name]) for name, read in _FIELD_TYPES.items() if name in row
    }
    if "brackets" in row:
        parts["brackets"] = tuple(map(_parse_bracket, row["brackets"]))
    if "fees" in row:
        parts["fees"] = Fees(**{name: Decimal(value) for name, value in row["fees"].items()})
    parts |= {name: Decimal(value) for name, value in row.items() if name not in parts}
    return Instrument(**parts)


def _parse_bracket(row: dict[str, Any]) -> MarginBracket:
    numbers = {name: Decimal(row[name]) for name in ("least", "rate", "deduction")}
    return MarginBracket(**numbers, leverage=row["leverage"])


def _file_name(symbol: str) -> str:
    return "".join(character if character.isalnum() else "-" for character in symbol)


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    temporary.write_text(content)
    temporary.replace(path)
