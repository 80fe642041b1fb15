"""``replay --signals``: compares a user's results with those under changed settings."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from signalbot.cli.errors import not_found
from signalbot.cli.ledger_source import LedgerReader, ledger_path
from signalbot.cli.options import Since
from signalbot.cli.render import Column, print_json, print_table
from signalbot.cli.run.progress import progress
from signalbot.domain.errors import ConfigError, SignalbotError, Unavailable

if TYPE_CHECKING:
    from signalbot.config.overrides import Override
    from signalbot.config.settings import Config
    from signalbot.domain.users import UserId
    from signalbot.ledger.views import Connection
    from signalbot.ports import Clock
    from signalbot.replay.candle_files import ReadOptions
    from signalbot.replay.candle_sources import MarketCandles
    from signalbot.replay.recorded_history import RecordedHistory
    from signalbot.replay.report.summary import ReportTable
    from signalbot.replay.whatif import WhatIf

_LEAD_MS = 3_600_000
"""Candles before the first signal, so that a gap does not leave it without a price."""

_NUMBER = re.compile(r"[-+\d.,]+", re.ASCII)


def what_if(
    config: Path | None,
    ledger: Path | None,
    *,
    user: str | None,
    since: Since | None,
    settings: Sequence[str],
    files: Mapping[str, Sequence[Path]],
    options: "ReadOptions",
    limit: int,
    verbose: bool,
    as_json: bool,
) -> None:
    """Run and print the comparison. ``files`` are candles by market; others are found."""
    if user is None:
        raise typer.BadParameter("--user is required", param_hint="--signals")
    from signalbot.ledger.views import open_ledger

    with open_ledger(ledger_path(config, ledger)) as connection:
        found = _compare(connection, config, user, since, settings, files, options, verbose=verbose)
    if as_json:
        from signalbot.replay.whatif_tables import to_json

        print_json(to_json(found))
    else:
        _print(found, limit)


def _compare(
    connection: "Connection",
    file: Path | None,
    name: str,
    since: Since | None,
    settings: Sequence[str],
    files: Mapping[str, Sequence[Path]],
    options: "ReadOptions",
    *,
    verbose: bool,
) -> "WhatIf":
    from signalbot.config.locate import find_config
    from signalbot.config.overrides import parse_override
    from signalbot.domain.users import UserId
    from signalbot.ledger.views import read_snapshot
    from signalbot.observability.logging.setup import configure_logging
    from signalbot.replay.recorded_history import read_recorded_history
    from signalbot.replay.whatif import what_if
    from signalbot.tasks import SystemClock, freeze_gc

    overrides = tuple(map(parse_override, settings))
    path = find_config(file, os.environ)
    present = _load(connection, path, name, ())
    changed = _load(connection, path, name, overrides) if overrides else None
    user = UserId(name)
    source = LedgerReader(connection, is_live=False)
    with read_snapshot(connection):
        history = read_recorded_history(
            connection,
            [each for each in (present, changed) if each],
            user,
            since_ms=source.select(since=since).since_ms,
            until_ms=source.now_ms(),
        )
    if not history.signals:
        raise SignalbotError(f"no signals in this period of a strategy that {name} follows")
    configure_logging(
        log_format="console", level="error", stream=sys.stderr, clock=SystemClock().now_ms
    )
    candles = _candles(present, user, history, files, options)

    def log_in_virtual_time(clock: "Clock") -> None:
        level = "info" if verbose else "error"
        configure_logging(log_format="console", level=level, stream=sys.stderr, clock=clock.now_ms)

    freeze_gc()
    with progress(
        sum(len(each.candles) for each in candles.values()), is_enabled=not verbose
    ) as bar:
        return what_if(
            history,
            user,
            present=_with_real_rules(present, user),
            changed=_with_real_rules(changed, user) if changed else None,
            changes=settings,
            candles=candles,
            on_start=log_in_virtual_time,
            on_progress=bar,
        )


def _load(
    connection: "Connection", path: Path, user: str, overrides: "tuple[Override, ...]"
) -> "Config":  # fmt: skip
    """Load file and definitions with ``overrides`` applied for ``user``.

    Raises:
        InvalidConfig: it is invalid; an invalid override is quoted.
        NotFound: there is no such user.
    """
    from signalbot.config.load import load
    from signalbot.config.overrides import Overrides
    from signalbot.config.runtime_definitions import Definition
    from signalbot.domain.users import owner_of
    from signalbot.ledger.definitions import read_definitions

    definitions = [
        Definition.from_key(each.key, each.table, each.version, each.operator_table)
        for each in read_definitions(connection)
    ]
    named = owner_of(user) or user  # a shadow has its owner's settings
    config = load(
        path,
        os.environ,
        definitions,
        overrides=Overrides(user=named, items=overrides) if overrides else None,
    )
    if user not in config.users:
        raise not_found("user", user, sorted(config.users))
    return config


def _candles(
    config: "Config",
    user: "UserId",
    history: "RecordedHistory",
    files: Mapping[str, Sequence[Path]],
    options: "ReadOptions",
) -> "Mapping[str, MarketCandles]":
    """Return candles of every market with signals, from a file, else from the exchange.

    Raises:
        ConfigError: a file is invalid. SignalbotError: no signal has candles.
    """
    from signalbot.replay.candle_files import read_candles
    from signalbot.replay.candle_sources import MarketCandles, find_candle_gaps

    arrivals = history.arrivals
    wanted = dict.fromkeys(each.signal.symbol for each in arrivals)
    found: dict[str, MarketCandles] = {}
    for symbol, paths in files.items():
        if symbol not in wanted:
            raise ConfigError(
                f"--symbol {symbol}: no signal is of that market; signals are of "
                f"{', '.join(wanted)}"
            )
        file = read_candles(paths, symbol, options)
        for note in file.notes:
            typer.echo(f"{symbol}: {note}", err=True)
        found[symbol] = MarketCandles(
            symbol=symbol, timeframe=file.timeframe, candles=file.candles, source=str(paths[0])
        )
    found |= _of_the_exchange(config, user, history, [each for each in wanted if each not in found])
    missing = find_candle_gaps(arrivals, found)
    if arrivals and sum(len(each.signals) for each in missing) == len(arrivals):
        from signalbot.replay.whatif_tables import gap_text

        raise SignalbotError(
            "no candles for any signal: pass some with --candles CSV --symbol "
            "SYMBOL\n" + "\n".join(gap_text(each) for each in missing)
        )
    return found


def _of_the_exchange(
    config: "Config", user: "UserId", history: "RecordedHistory", symbols: Sequence[str]
) -> "dict[str, MarketCandles]":
    from signalbot.domain.timeframe import Ms, Timeframe
    from signalbot.replay.candle_sources import MarketCandles, seeded_candles

    if not symbols:
        return {}
    exchange = config.exchanges[config.users[user].account.exchange]
    from_ms = Ms(Timeframe.M1.floor(history.arrivals[0].at_ms) - _LEAD_MS)
    until_ms = Timeframe.M1.floor(history.until_ms)
    if exchange.is_simulated:
        return {
            symbol: seeded_candles(exchange, symbol, from_ms=from_ms, until_ms=until_ms)
            for symbol in symbols
        }
    import asyncio

    from signalbot.replay.candle_cache import CandleCache
    from signalbot.replay.download import MinuteRange, download_candles
    from signalbot.replay.report.formatting import format_minute

    def report_request(symbol: str, span: MinuteRange) -> None:
        begin, end = format_minute(span.from_ms), format_minute(span.until_ms)
        requested = f"candles of {symbol} from {begin} to {end}"
        typer.echo(f"requesting {requested} from {exchange.name}", err=True)

    cache = CandleCache(config.daemon.state_dir, exchange.name)
    spans = dict.fromkeys(symbols, MinuteRange(from_ms, until_ms))
    try:
        missing = asyncio.run(download_candles(exchange, spans, cache, on_request=report_request))
        for symbol, minutes in missing.items():
            total = (until_ms - from_ms) // Timeframe.M1.ms
            typer.echo(
                f"{exchange.name} returned {total - minutes:,} of {total:,} minutes of {symbol}",
                err=True,
            )
    except Unavailable as e:
        typer.echo(f"{e}: using the cached candles", err=True)
    return {
        symbol: MarketCandles(
            symbol=symbol,
            timeframe=Timeframe.M1,
            candles=cache.candles(symbol),
            source=exchange.name,
        )
        for symbol in symbols
    }


def _with_real_rules(config: "Config", user: "UserId") -> "Config":
    """Return ``config`` with the cached lot sizes and minimums of the account's exchange."""
    from signalbot.replay.candle_cache import CandleCache
    from signalbot.replay.download import with_rules

    name = config.users[user].account.exchange
    exchange = config.exchanges[name]
    if exchange.is_simulated:
        return config
    rules = CandleCache(config.daemon.state_dir, name).instruments()
    return replace(config, exchanges={**config.exchanges, name: with_rules(exchange, rules)})


def _print(found: "WhatIf", limit: int) -> None:
    from signalbot.replay.whatif_tables import notes, tables, title

    typer.echo(title(found))
    for note in notes(found):
        typer.echo(note)
    for table in tables(found, limit=limit):
        typer.echo(f"\n{table.title}")
        _print_table(table)


def _print_table(table: "ReportTable") -> None:
    columns = [
        Column(
            name,
            str(index),
            is_number=all(_NUMBER.fullmatch(row[index]) for row in table.rows),
            is_prose=name == "Reason",
        )
        for index, name in enumerate(table.header)
    ]
    rows: list[dict[str, Any]] = [
        {str(index): cell for index, cell in enumerate(row)} for row in table.rows
    ]
    print_table(rows, columns)
