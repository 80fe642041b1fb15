"""``signalbot replay --signals``: what if this user had had other settings."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from signalbot.cli.errors import not_found, telling
from signalbot.cli.options import Since
from signalbot.cli.render import Column, print_json, print_table
from signalbot.cli.run.progress import progress
from signalbot.cli.source import Source, ledger_path
from signalbot.domain.errors import ConfigError, SignalbotError, Unavailable

if TYPE_CHECKING:
    from signalbot.config.terms import Config
    from signalbot.config.wishes import Wish
    from signalbot.domain.users import UserId
    from signalbot.ledger.views import Connection
    from signalbot.ports import Clock
    from signalbot.replay.candle_files import ReadOptions
    from signalbot.replay.prices import Candles
    from signalbot.replay.summary import Table
    from signalbot.replay.whatif import Past, WhatIf

_LEAD_MS = 3_600_000
"""Before the first signal: one gap in the candles does not leave it without a price."""

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
    """Compare, and print. ``files`` are candles by market; other prices are found by themselves."""
    if user is None:
        raise typer.BadParameter("missing: whose rules?", param_hint="--user")
    with telling():
        from signalbot.ledger.views import open_ledger

        with open_ledger(ledger_path(config, ledger)) as connection:
            found = _compare(
                connection, config, user, since, settings, files, options, verbose=verbose
            )
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
    from signalbot.config.wishes import read_wish
    from signalbot.domain.users import UserId
    from signalbot.ledger.views import as_of_now
    from signalbot.ops.logging import configure
    from signalbot.replay.whatif import read_past, what_if
    from signalbot.tasks import SystemClock, settle_memory

    wishes = tuple(map(read_wish, settings))
    path = find_config(file, os.environ)
    present = _load(connection, path, name, ())
    changed = _load(connection, path, name, wishes) if wishes else None
    user = UserId(name)
    source = Source(connection, is_live=False)
    with as_of_now(connection):
        past = read_past(
            connection,
            [each for each in (present, changed) if each],
            user,
            since_ms=source.select(since=since).since_ms,
            until_ms=source.now_ms(),
        )
    if not past.signals:
        raise SignalbotError(f"no signals since then of a strategy that {name} follows")
    configure(log_format="console", level="error", stream=sys.stderr, clock=SystemClock().now_ms)
    candles = _candles(present, user, past, files, options)

    def log_in_virtual_time(clock: "Clock") -> None:
        level = "info" if verbose else "error"
        configure(log_format="console", level=level, stream=sys.stderr, clock=clock.now_ms)

    settle_memory()
    with progress(sum(len(each.candles) for each in candles.values()), shown=not verbose) as bar:
        return what_if(
            past,
            user,
            present=_with_real_rules(present, user),
            changed=_with_real_rules(changed, user) if changed else None,
            changes=settings,
            candles=candles,
            on_start=log_in_virtual_time,
            on_progress=bar,
        )


def _load(
    connection: "Connection", path: Path, user: str, wishes: "tuple[Wish, ...]"
) -> "Config":  # fmt: skip
    """The configuration with what the API has made, and with ``wishes`` laid over it.

    Raises:
        InvalidConfig: it cannot be used; a wrong wish is named as it was given.
        NotFound: it has no such user.
    """
    from signalbot.config.definitions import Definition
    from signalbot.config.load import load
    from signalbot.config.wishes import Wishes
    from signalbot.domain.users import owner_of
    from signalbot.ledger.definitions import read_definitions

    definitions = [
        Definition.under(each.key, each.table, each.version, each.operator_table)
        for each in read_definitions(connection)
    ]
    named = owner_of(user) or user  # a shadow's settings are its owner's
    config = load(
        path,
        os.environ,
        definitions,
        wishes=Wishes(user=named, wishes=wishes) if wishes else None,
    )
    if user not in config.users:
        raise not_found("user", user, sorted(config.users))
    return config


def _candles(
    config: "Config",
    user: "UserId",
    past: "Past",
    files: Mapping[str, Sequence[Path]],
    options: "ReadOptions",
) -> "Mapping[str, Candles]":
    """Candles of every market with signals: of a file, else of the exchange itself.

    Raises:
        ConfigError: a file cannot be used. SignalbotError: nobody has any, for any signal.
    """
    from signalbot.replay.candle_files import read_candles
    from signalbot.replay.prices import Candles, holes

    arrivals = past.arrivals
    wanted = dict.fromkeys(each.signal.symbol for each in arrivals)
    found: dict[str, Candles] = {}
    for symbol, paths in files.items():
        if symbol not in wanted:
            raise ConfigError(
                f"--symbol {symbol}: none of the signals is of that market; they are of "
                f"{', '.join(wanted)}"
            )
        file = read_candles(paths, symbol, options)
        for note in file.notes:
            typer.echo(f"{symbol}: {note}", err=True)
        found[symbol] = Candles(
            symbol=symbol, timeframe=file.timeframe, candles=file.candles, source=str(paths[0])
        )
    found |= _of_the_exchange(config, user, past, [each for each in wanted if each not in found])
    gaps = holes(arrivals, found)
    if arrivals and sum(len(each.signals) for each in gaps) == len(arrivals):
        from signalbot.replay.whatif_tables import told

        raise SignalbotError(
            "there are no candles for any of the signals: give some with --candles CSV --symbol "
            "SYMBOL\n" + "\n".join(told(each) for each in gaps)
        )
    return found


def _of_the_exchange(
    config: "Config", user: "UserId", past: "Past", symbols: Sequence[str]
) -> "dict[str, Candles]":
    from signalbot.domain.timeframe import Ms, Timeframe
    from signalbot.replay.prices import Candles, seeded

    if not symbols:
        return {}
    terms = config.exchanges[config.users[user].account.exchange]
    from_ms = Ms(Timeframe.M1.floor(past.arrivals[0].at_ms) - _LEAD_MS)
    until_ms = Timeframe.M1.floor(past.until_ms)
    if terms.is_simulated:
        return {
            symbol: seeded(terms, symbol, from_ms=from_ms, until_ms=until_ms) for symbol in symbols
        }
    import asyncio

    from signalbot.replay.cache import CandleCache
    from signalbot.replay.download import Span, download
    from signalbot.replay.figures import minute

    def say(symbol: str, span: Span) -> None:
        what = f"candles of {symbol} from {minute(span.from_ms)} to {minute(span.until_ms)}"
        typer.echo(f"asking {terms.name} for {what}", err=True)

    cache = CandleCache(config.daemon.state_dir, terms.name)
    spans = dict.fromkeys(symbols, Span(from_ms, until_ms))
    try:
        lacking = asyncio.run(download(terms, spans, cache, on_ask=say))
        for symbol, minutes in lacking.items():
            whole = (until_ms - from_ms) // Timeframe.M1.ms
            typer.echo(
                f"{terms.name} told {whole - minutes:,} of {whole:,} minutes of {symbol}", err=True
            )
    except Unavailable as e:
        typer.echo(f"{e}: going on with what was told before", err=True)
    return {
        symbol: Candles(
            symbol=symbol,
            timeframe=Timeframe.M1,
            candles=cache.candles(symbol),
            source=terms.name,
        )
        for symbol in symbols
    }


def _with_real_rules(config: "Config", user: "UserId") -> "Config":
    """The account's exchange with the grids and minimums that it has told before."""
    from signalbot.replay.cache import CandleCache
    from signalbot.replay.download import with_rules

    name = config.users[user].account.exchange
    terms = config.exchanges[name]
    if terms.is_simulated:
        return config
    rules = CandleCache(config.daemon.state_dir, name).instruments()
    return replace(config, exchanges={**config.exchanges, name: with_rules(terms, rules)})


def _print(found: "WhatIf", limit: int) -> None:
    from signalbot.replay.whatif_tables import notes, tables, title

    typer.echo(title(found))
    for note in notes(found):
        typer.echo(note)
    for table in tables(found, limit=limit):
        typer.echo(f"\n{table.title}")
        _print_table(table)


def _print_table(table: "Table") -> None:
    columns = [
        Column(
            name,
            str(place),
            is_number=all(_NUMBER.fullmatch(row[place]) for row in table.rows),
            is_prose=name == "Because",
        )
        for place, name in enumerate(table.header)
    ]
    rows: list[dict[str, Any]] = [
        {str(place): cell for place, cell in enumerate(row)} for row in table.rows
    ]
    print_table(rows, columns)
