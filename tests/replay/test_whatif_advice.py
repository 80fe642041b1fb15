"""What an AI said then is what it says in a what-if: nobody is asked again."""

import asyncio
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from signalbot.config.load import load
from signalbot.config.overrides import Overrides, parse_override
from signalbot.domain.market import Candle
from signalbot.domain.timeframe import EPOCH, Ms, Timeframe
from signalbot.domain.users import UserId
from signalbot.ledger.views import ledger_time, open_ledger
from signalbot.replay.candle_sources import MarketCandles
from signalbot.replay.recorded_history import read_recorded_history
from signalbot.replay.whatif import WhatIf, what_if
from tests.ai.ai_fixtures import advised, ai_simulation
from tests.llm.server import APPROVES
from tests.simulation import BTC, ETH, START

ANNA = UserId("anna")
POWERS = ", may = ['veto', 'shrink', 'stop'], least_size_percent = 10, most_stop_percent = 50"


def _lived(folder: Path) -> None:
    """One signal is vetoed, one comes at 40 % of its size, one with little confidence."""

    async def story() -> None:
        async with ai_simulation(folder, [advised("anna", POWERS)]) as w:
            w.jump("100", symbol=ETH)
            w.llm.answer = {"decision": "veto", "confidence": 0.9, "reasoning": "A false break."}
            await w.send(w.make(key="vetoed"))
            w.llm.answer = {**APPROVES, "size_percent": 40, "stop_closer_percent": 20}
            await w.send(w.make(key="smaller"))
            w.llm.answer = {**APPROVES, "confidence": 0.55}
            await w.send(w.make(key="unsure", symbol=ETH))

    asyncio.run(story())


def _asked(folder: Path, *wishes: str) -> WhatIf:
    file, path = folder / "config.toml", folder / "signalbot.db"
    present = load(file, {})
    tried = Overrides(user="anna", items=tuple(map(parse_override, wishes)))
    changed = load(file, {}, overrides=tried) if wishes else None
    with open_ledger(path) as connection:
        until_ms = ledger_time(connection).last_ms
        assert until_ms is not None
        past = read_recorded_history(
            connection, [each for each in (present, changed) if each], ANNA,
            since_ms=EPOCH, until_ms=until_ms,
        )  # fmt: skip
    candles = {symbol: _flat(symbol) for symbol in (BTC, ETH)}
    return what_if(past, ANNA, present=present, changed=changed, changes=wishes, candles=candles)


def _flat(symbol: str) -> MarketCandles:
    at = Decimal(100)
    minutes = [
        Candle(
            symbol=symbol, timeframe=Timeframe.M1, open_ms=Ms(START - back * 60_000),
            open=at, high=at, low=at, close=at, volume=Decimal(1),
        )
        for back in (2, 1)
    ]  # fmt: skip
    return MarketCandles(
        symbol=symbol, timeframe=Timeframe.M1, candles=minutes, source="a flat market"
    )


def _codes(found: WhatIf, course: int) -> dict[str, int]:
    return dict(found.comparison.scenarios[course].refusals)


def test_what_was_said_is_said_again(tmp_path: Path) -> None:
    """Vetoes, smaller sizes and closer stops included."""
    _lived(tmp_path)
    found = _asked(tmp_path)
    assert found.comparison.differences == ()
    assert _codes(found, 0) == _codes(found, 1) == {"AI_DENIED": 1}
    assert [course.open_positions for course in found.comparison.scenarios] == [2, 2]
    assert found.unasked == 0


def test_ones_own_bounds_are_tried_on_what_was_said(tmp_path: Path) -> None:
    """More confidence wanted, a veto not allowed any more, no AI at all."""
    _lived(tmp_path)
    surer = _asked(tmp_path, "ai.min_confidence=0.6")
    assert _codes(surer, 2) == {"AI_DENIED": 2}
    bolder = _asked(tmp_path, "ai.may=['shrink']")
    assert _codes(bolder, 2) == {"POSITION_OPEN": 1}  # the vetoed one is in the way of the next
    without = _asked(tmp_path, "ai.enabled=false")
    assert _codes(without, 2) == {"POSITION_OPEN": 1}
    assert without.unasked == 0


def test_what_it_was_not_asked_about_passes_and_is_counted(tmp_path: Path) -> None:
    """Nobody knows what it would have said."""
    _lived(tmp_path)
    with closing(sqlite3.connect(tmp_path / "signalbot.db")) as ledger:
        ledger.execute("DELETE FROM decisions WHERE code = 'AI_DENIED'")
        ledger.commit()
    found = _asked(tmp_path)
    assert found.unasked == 1
    assert found.comparison.scenarios[1].refusals == {"POSITION_OPEN": 1}
