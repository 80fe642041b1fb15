"""Finds the table of candles in JSON and JSON Lines, at any depth of an exchange's response."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, Final

from signalbot.domain.errors import ConfigError
from signalbot.replay.candle_files.archives import FilePart
from signalbot.replay.candle_files.column_names import SYMBOLS, core_of, name_prices, plain_name
from signalbot.replay.candle_files.market_matching import (
    MarketFit,
    MarketName,
    is_coin,
    is_market_name,
    is_market_of_two,
)
from signalbot.replay.candle_files.options import parse_zone
from signalbot.replay.candle_files.row_errors import unreadable_error
from signalbot.replay.candle_files.table import PRICE_COUNT, Row, TextTable
from signalbot.replay.candle_files.text_decoding import DecodedText
from signalbot.replay.candle_files.time_column_parsing import looks_like_time

_MAX_DEPTH: Final = 8
_MIN_COLUMNS: Final = PRICE_COUNT + 1
_ZONES: Final = ("time_zone", "timezone", "exchange_timezone")
_DECLARING: Final = frozenset((*SYMBOLS, "digital_currency_code", "coin", "base_currency")) - {"s"}
_CHANNELS: Final = frozenset(("ch", "channel", "topic", "stream", "subject", "rep"))
_QUOTING: Final = frozenset(("market_code", "quote_currency", "quote_asset", "vs_currency"))


@dataclass(slots=True)
class _FoundTable:
    """A table inside a document, and the keys leading to it."""

    path: tuple[str, ...]
    header: Sequence[str]  #: empty: rows without names
    rows: Sequence[Sequence[Any]]


@dataclass(slots=True)
class _TableSearch:
    tables: list[_FoundTable] = field(default_factory=list)
    declared: list[str] = field(default_factory=list)
    quote: str = ""  #: currency of the prices
    zone: tzinfo | None = None


def is_json(text: DecodedText) -> bool:
    return "".join(text.head()[:20]).lstrip("\ufeff \t")[:1] in ("{", "[")


def json_table(text: DecodedText, market: MarketName) -> TextTable:
    """Read the candles of a JSON document, or of JSON Lines.

    Raises:
        ConfigError: it is not JSON, or has no candles, or has several tables of which none is
            of ``market``.
    """
    part, document_text = text.part, text.read_all()
    try:
        document = json.loads(document_text, parse_float=str, parse_int=str, parse_constant=str)
    except ValueError as whole:
        lines = _json_lines(document_text)
        if lines is None:
            raise unreadable_error(part.name, f"not JSON: {whole}") from None
        return _table(part, lines[1], market, unit="line", numbers=lines[0])
    return _table(part, document, market, unit="row")


def _json_lines(text: str) -> tuple[list[int], list[Any]] | None:
    numbers, found = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            found.append(json.loads(line, parse_float=str, parse_int=str, parse_constant=str))
        except ValueError:
            if len(found) < 2:  # noqa: PLR2004 - a single line is a broken document
                return None
            found.append(None)
        numbers.append(number)
    return numbers, found


def _table(
    part: FilePart,
    document: Any,
    market: MarketName,
    *,
    unit: str,
    numbers: Sequence[int] | None = None,
) -> TextTable:
    search = _TableSearch()
    _search_tables(document, (), search)
    found = _choose_table(part, search.tables, market)
    if search.quote and not market.is_quote(search.quote):
        raise unreadable_error(
            part.name, f"prices are in {search.quote}, unlike those of {market.symbol}"
        )
    rows: Iterator[Row] = (
        (numbers[at] if numbers else at + 1, [_text(cell) for cell in cells])
        for at, cells in enumerate(found.rows)
    )
    header = [list(found.header)] if found.header else []
    keys = [key for key in found.path if is_market_name(key)]
    return TextTable(
        part.name, unit, header, rows, declared=[*search.declared, *keys], zone=search.zone
    )


def _choose_table(part: FilePart, tables: Sequence[_FoundTable], market: MarketName) -> _FoundTable:
    if not tables:
        raise unreadable_error(part.name, "no candles in this JSON")
    if len(tables) == 1:
        return tables[0]
    fits = [max((market.fit(key) for key in each.path), default=MarketFit.OTHER) for each in tables]
    best = max(fits)
    if best is not MarketFit.OTHER and fits.count(best) == 1:
        return tables[fits.index(best)]
    paths = ", ".join(".".join(each.path) for each in tables[:5])
    raise unreadable_error(
        part.name,
        f"several tables in this JSON ({paths}), and none can be identified as "
        f"{market.symbol} (--symbol): keep one of them",
    )


def _search_tables(node: Any, path: tuple[str, ...], search: _TableSearch) -> None:
    """Find tables below ``node``, and metadata next to them."""
    if len(path) > _MAX_DEPTH:
        return
    if isinstance(node, Mapping):
        _search_metadata(node, search)
        table = _of_mapping(node)
        if table is not None:
            search.tables.append(_FoundTable(path, *table))
            return
        for key, inner in node.items():
            if isinstance(inner, Mapping | list):
                _search_tables(inner, (*path, str(key)), search)
    elif isinstance(node, list) and node:
        table = _of_list(node)
        if table is not None:
            search.tables.append(_FoundTable(path, *table))
            return
        for inner in node[:20]:
            if isinstance(inner, Mapping | list):
                _search_tables(inner, path, search)


def _search_metadata(node: Mapping[str, Any], search: _TableSearch) -> None:
    for key, value in node.items():
        name = plain_name(str(key))
        if not isinstance(value, str):
            continue
        if name in _DECLARING and (is_market_name(value) or is_coin(value)):
            search.declared.append(value)
        elif name in _CHANNELS:
            search.declared += _markets_in(value)
        elif name in _QUOTING:
            search.quote = value
        elif name in _ZONES and search.zone is None:
            try:
                search.zone = parse_zone(value)
            except ConfigError:
                continue


def _markets_in(channel: str) -> list[str]:
    """Return markets in a channel name: ``market.btcusdt.kline.60min``, ``kline.60.BTCUSDT``."""
    parts = re.split(r"[.:@/]", channel)
    parts += [part.rpartition("_")[0] for part in parts]
    return [part for part in parts if is_market_of_two(part)]


_Rows = tuple[Sequence[str], Sequence[Sequence[Any]]]


def _of_list(items: list[Any]) -> _Rows | None:
    """Parse rows as lists, or as objects."""
    lists = [each for each in items if isinstance(each, list)]
    if len(lists) * 2 > len(items) and all(len(each) >= _MIN_COLUMNS for each in lists):
        if any(isinstance(cell, Mapping | list) for each in lists[:20] for cell in each):
            return None
        return _header_inside([each if isinstance(each, list) else [] for each in items])
    objects = [each for each in items if isinstance(each, Mapping)]
    if len(objects) * 2 <= len(items):
        return None
    flat = [_flatten(each) if isinstance(each, Mapping) else {} for each in items]
    names = list(dict.fromkeys(name for each in flat for name in each))
    if not name_prices(names):
        return None
    return names, [[each.get(name) for name in names] for each in flat]


def _header_inside(rows: Sequence[Sequence[Any]]) -> _Rows:
    """Split a leading row of column names from lists."""
    names = [str(cell) for cell in rows[0]]
    return (names, rows[1:]) if name_prices(names) else ((), rows)


def _of_mapping(node: Mapping[str, Any]) -> _Rows | None:
    """Parse columns by name, rows by time, or separate names and rows (pandas "split")."""
    names, data = node.get("columns"), node.get("data", node.get("values"))
    if isinstance(names, list) and isinstance(data, list) and data and isinstance(data[0], list):
        return _split(node, [str(name) for name in names], data)
    lists = {key: each for key, each in node.items() if isinstance(each, list)}
    if name_prices(list(lists)):
        same = {key: each for key, each in lists.items() if len(each) == len(_open_of(lists))}
        return list(same), list(zip(*same.values(), strict=True))
    inner = {key: each for key, each in node.items() if isinstance(each, Mapping) and each}
    if name_prices(list(inner)):
        index = list(_open_of(inner))
        columns = ["", *inner]
        return columns, [[key, *(each.get(key) for each in inner.values())] for key in index]
    if len(inner) * 2 > len(node) and all(map(_is_key_of_row, inner)):
        flat = {key: _flatten(each) for key, each in inner.items()}
        names = list(dict.fromkeys(name for each in flat.values() for name in each))
        if name_prices(names):
            rows = [[key, *(each.get(name) for name in names)] for key, each in flat.items()]
            return ["", *names], rows
    return _timestamps_apart(node)


def _is_key_of_row(key: str) -> bool:
    return key.isdecimal() or looks_like_time(key)


def _split(node: Mapping[str, Any], names: list[str], data: list[list[Any]]) -> _Rows:
    index = node.get("index")
    if isinstance(index, list) and len(index) == len(data):
        return ["", *names], [[at, *row] for at, row in zip(index, data, strict=True)]
    return names, data


def _timestamps_apart(node: Mapping[str, Any]) -> _Rows | None:
    """Parse times next to an object of columns: Yahoo's ``timestamp`` and ``indicators``."""
    times = node.get("timestamp")
    if not isinstance(times, list) or not times:
        return None
    columns = _columns_below(node, len(times), _MAX_DEPTH)
    if columns is None:
        return None
    names = ["timestamp", *columns]
    return names, list(zip(times, *columns.values(), strict=True))


def _columns_below(node: Any, length: int, depth: int) -> Mapping[str, list[Any]] | None:
    if isinstance(node, Mapping):
        lists = {
            key: each
            for key, each in node.items()
            if isinstance(each, list) and len(each) == length and key != "timestamp"
        }
        if name_prices(list(lists)):
            return lists
    inner = node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
    for each in inner if depth else ():
        found = _columns_below(each, length, depth - 1)
        if found is not None:
            return found
    return None


def _open_of(columns: Mapping[str, Any]) -> Any:
    return next(each for key, each in columns.items() if core_of(key) == "open")


def _flatten(node: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten nested objects; keys are the last name, or the whole path if that is ambiguous."""
    deep: list[tuple[tuple[str, ...], Any]] = []

    def walk(each: Any, path: tuple[str, ...]) -> None:
        if isinstance(each, Mapping):
            for key, inner in each.items():
                walk(inner, (*path, str(key)))
        else:
            deep.append((path, each))

    walk(node, ())
    by_last: dict[str, list[Any]] = {}
    for path, value in deep:
        by_last.setdefault(path[-1], []).append(value)
    return {
        path[-1] if _is_one(by_last[path[-1]]) else "_".join(path): value for path, value in deep
    }


def _is_one(values: Sequence[Any]) -> bool:
    return all(value == values[0] for value in values)


def _text(cell: Any) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case _:
            return str(cell)
