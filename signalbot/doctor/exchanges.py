"""Whether the exchanges can be reached, list what is traded, and agree with our clock."""

import asyncio
from collections.abc import Iterator

from signalbot.config.terms import Config, ExchangeTerms
from signalbot.doctor.finding import Finding, good, problem
from signalbot.doctor.patient import Patient
from signalbot.domain.errors import ConfigError, Unavailable

_CLOCK_LIMIT_MS = 1_000


def examine(patient: Patient) -> Iterator[Finding]:
    if not patient.is_online:
        return
    for terms in patient.config.exchanges.values():
        if not terms.is_simulated:
            yield from asyncio.run(_ask(patient.config, terms))


async def _ask(config: Config, terms: ExchangeTerms) -> list[Finding]:
    from signalbot.exchange.live.connection import Connection
    from signalbot.exchange.live.dialects import dialects_of

    what = f"exchange {terms.name}"
    dialects = dialects_of(terms.ccxt_id).values()
    options = {name: value for each in dialects for name, value in each.options.items()}
    connection = Connection(
        terms.name, terms.ccxt_id, config=terms.ccxt, options=options, sandbox=terms.sandbox,
        clock_step_ms=max((each.clock_step_ms for each in dialects), default=1),
        clock=next((each.clock for each in dialects if each.clock), None),
    )  # fmt: skip
    try:
        await connection.open()
        await connection.load_markets()
        offset_ms = await connection.measure_clock()
        listed = frozenset(connection.template.markets)
    except ConfigError as e:
        return [problem(what, str(e), "correct the configuration")]
    except Unavailable as e:
        cure = "see that this machine has a way out, and the exchange's status page"
        return [problem(what, str(e), cure)]
    finally:
        await connection.close()
    return [*_symbols(config, terms, listed), _clock(terms, offset_ms)]


def _symbols(config: Config, terms: ExchangeTerms, listed: frozenset[str]) -> Iterator[Finding]:
    what = f"exchange {terms.name}"
    traded = {
        symbol
        for strategy in config.strategies.values()
        if strategy.exchange == terms.name
        for symbol in strategy.symbols
    }
    for symbol in sorted(traded - listed):
        yield problem(what, f"does not list {symbol}", "take it out of the strategy's symbols")
    if traded <= listed:
        yield good(what, f"can be reached and lists {len(listed)} markets")


def _clock(terms: ExchangeTerms, offset_ms: int) -> Finding:
    what, says = "clock", f"is {offset_ms} ms ahead of {terms.name}'s"
    if abs(offset_ms) > _CLOCK_LIMIT_MS:
        return problem(what, f"{says}: nobody enters there", "set it by a time server: chrony")
    return good(what, says)
