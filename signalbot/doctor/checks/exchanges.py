"""Checks that exchanges respond, list the traded symbols, and agree with the local clock."""

import asyncio
from collections.abc import Iterator

from signalbot.config.settings import Config
from signalbot.doctor.finding import Finding, passed, problem
from signalbot.doctor.installation import Installation
from signalbot.domain.errors import ConfigError, Unavailable
from signalbot.settings.exchange import ExchangeSettings

NAME = "exchanges"
ORDER = 90
_CLOCK_LIMIT_MS = 1_000


def check(installation: Installation) -> Iterator[Finding]:
    if not installation.is_online:
        return
    for terms in installation.config.exchanges.values():
        if not terms.is_simulated:
            yield from asyncio.run(_check_exchange(installation.config, terms))


async def _check_exchange(config: Config, terms: ExchangeSettings) -> list[Finding]:
    from signalbot.exchange.live.registry import adapters_of, client_profile
    from signalbot.exchange.live.transport.connection import Connection

    subject = f"exchange {terms.name}"
    profile = client_profile(
        terms.ccxt_id, adapters_of(terms.ccxt_id).values(), sandbox=terms.sandbox
    )
    connection = Connection(terms.name, profile, config=terms.ccxt)
    try:
        await connection.open()
        await connection.load_markets()
        offset_ms = await connection.measure_clock()
        listed = frozenset(connection.template.markets)
    except ConfigError as e:
        return [problem(subject, str(e), "fix the configuration")]
    except Unavailable as e:
        fix = "check the network, and the exchange's status page"
        return [problem(subject, str(e), fix)]
    finally:
        await connection.close()
    return [*_symbols(config, terms, listed), _clock(terms, offset_ms)]


def _symbols(config: Config, terms: ExchangeSettings, listed: frozenset[str]) -> Iterator[Finding]:
    subject = f"exchange {terms.name}"
    traded = {
        symbol
        for strategy in config.strategies.values()
        if strategy.exchange == terms.name
        for symbol in strategy.symbols
    }
    for symbol in sorted(traded - listed):
        yield problem(subject, f"does not list {symbol}", "remove it from the strategy's symbols")
    if traded <= listed:
        yield passed(subject, f"responds and lists {len(listed)} markets")


def _clock(terms: ExchangeSettings, offset_ms: int) -> Finding:
    subject, result = "clock", f"is {offset_ms} ms ahead of {terms.name}'s"
    if abs(offset_ms) > _CLOCK_LIMIT_MS:
        return problem(subject, f"{result}: entries there are blocked", "synchronize it: chrony")
    return passed(subject, result)
