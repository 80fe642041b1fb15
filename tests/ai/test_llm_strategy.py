"""A strategy of kind "llm": one call per symbol and candle, and only answers that make sense."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from signalbot.ai.service import AiService, open_ai
from signalbot.domain.signals import Action, Strength
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.ledger.ai_calls import AiCalls, CallKind
from signalbot.ledger.database import Database, open_replay_database
from signalbot.settings.strategy import StrategySettings
from signalbot.strategies.base import CandleTable, StrategyFailed, StrategySuspended, Tables
from signalbot.strategies.params import BadParameter
from signalbot.tasks import LoopClock
from tests.ai.ai_fixtures import key_of_the_vault, terms
from tests.llm.server import Llm, llm
from tests.simulation import START

BUY = {
    "action": "BUY",
    "confidence": 0.8,
    "entry": 100,
    "stop_loss": 95,
    "take_profit": 110,
    "risk_reward": 9.9,
    "reasoning": "Higher lows above the average.",
}
PARAMS = {"provider": "main", "model": "small", "timeframes": ["1h"], "candles": 60}


def tables() -> Tables:
    """Two timeframes that closed at 100."""
    close = np.linspace(90.0, 100.0, 60)
    rows = np.vstack([close, close + 1, close - 1, close, np.ones(60)])
    return {each: CandleTable.of(Ms(START), rows) for each in (Timeframe.M5, Timeframe.H1)}


def llm_settings(name: str, params: dict[str, Any]) -> StrategySettings:
    """A strategy of kind "llm" on five-minute candles."""
    return StrategySettings(
        name=name,
        kind="llm",
        exchange="sim",
        symbols=("BTC/USDT:USDT",),
        timeframe=Timeframe.M5,
        signal_ttl_ms=300_000,
        params=params,
    )


@asynccontextmanager
async def asked(
    folder: Path, *, budget: str | None = None
) -> AsyncIterator[tuple[AiService, Llm, Database]]:
    """The AI before a loopback server."""
    async with llm() as server, open_replay_database(folder / "signalbot.db") as database:
        server.answer = BUY
        async with open_ai(
            terms(server, budget=budget),
            database=database,
            markets={},
            resolve=key_of_the_vault,
            clock=LoopClock(START),
        ) as ai:
            yield ai, server, database


async def test_an_analysis_is_converted_to_a_proposal_with_its_reasoning(tmp_path: Path) -> None:
    """Levels, confidence and words are the model's; risk and reward are reckoned here."""
    async with asked(tmp_path) as (ai, server, database):
        analyst = await ai.llm_strategies.open_configured(llm_settings("oracle", PARAMS))
        idea = await analyst.evaluate("BTC/USDT:USDT", tables())
        assert idea is not None
        assert (idea.action, idea.strength, idea.confidence) == (Action.LONG, Strength.STRONG, 0.8)
        assert (idea.stop_loss, idea.take_profits) == (95, (110,))
        assert idea.reason == (
            "Higher lows above the average. (small: entry 100, risk/reward 2.00)"
        )
        (text,) = server.texts
        assert "rsi_14" in text
        assert '\\"1h\\"' in text
        await database.flush()
        (call,) = await AiCalls(database).since(START)
        assert (call.kind, call.strategy) == (CallKind.ANALYSIS, "oracle")


async def test_two_strategies_with_the_same_question_share_one_call(tmp_path: Path) -> None:
    """Another symbol is another question."""
    async with asked(tmp_path) as (ai, server, _):
        one = await ai.llm_strategies.open_configured(llm_settings("one", PARAMS))
        two = await ai.llm_strategies.open_configured(llm_settings("two", PARAMS))
        first = await one.evaluate("BTC/USDT:USDT", tables())
        assert await two.evaluate("BTC/USDT:USDT", tables()) == first
        await two.evaluate("ETH/USDT:USDT", tables())
        assert len(server.asked) == 2


@pytest.mark.parametrize(
    "said",
    [
        {"action": "HOLD", "confidence": 0.9, "reasoning": "Nothing to see."},
        {**BUY, "confidence": 0.5},
        {**BUY, "take_profit": 101},
    ],
)
async def test_what_is_uncertain_or_not_worth_its_risk_is_no_signal(
    tmp_path: Path, said: dict[str, Any]
) -> None:
    """HOLD, too little confidence, too little reward."""
    async with asked(tmp_path) as (ai, server, _):
        server.answer = said
        analyst = await ai.llm_strategies.open_configured(llm_settings("oracle", PARAMS))
        assert await analyst.evaluate("BTC/USDT:USDT", tables()) is None


@pytest.mark.parametrize(
    "said",
    [
        {**BUY, "stop_loss": 105},
        {**BUY, "action": "SELL"},
        {**BUY, "stop_loss": None},
        {**BUY, "action": "STRONG BUY"},
    ],
)
async def test_an_answer_that_contradicts_itself_is_a_failed_run(
    tmp_path: Path, said: dict[str, Any]
) -> None:
    """A stop on the wrong side is never put right by guessing."""
    async with asked(tmp_path) as (ai, server, _):
        server.answer = said
        analyst = await ai.llm_strategies.open_configured(llm_settings("oracle", PARAMS))
        with pytest.raises(StrategyFailed):
            await analyst.evaluate("BTC/USDT:USDT", tables())


async def test_a_model_that_answers_late_fails_by_its_deadline(tmp_path: Path) -> None:
    """The wait ends with the strategy's own deadline."""
    async with asked(tmp_path) as (ai, server, _):
        server.delay_s = 3
        analyst = await ai.llm_strategies.open_configured(
            llm_settings("oracle", {**PARAMS, "deadline_s": 1})
        )
        with pytest.raises(StrategyFailed, match="did not respond within 1 s"):
            await analyst.evaluate("BTC/USDT:USDT", tables())


async def test_a_spent_budget_passes_the_candle_over(tmp_path: Path) -> None:
    """It is no fault of the strategy's."""
    async with asked(tmp_path, budget="0.000001") as (ai, server, _):
        analyst = await ai.llm_strategies.open_configured(llm_settings("oracle", PARAMS))
        with pytest.raises(StrategySuspended, match="AI_BUDGET_SPENT"):
            await analyst.evaluate("BTC/USDT:USDT", tables())
        assert server.asked == []


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"model": "small"}, "provider"),
        ({**PARAMS, "candles": 10}, "candles"),
        ({**PARAMS, "timeframes": ["1m"]}, "timeframes"),
        ({**PARAMS, "timeframes": ["1h", "1h"]}, "timeframes"),
        ({**PARAMS, "instructions": 7}, "instructions"),
    ],
)
async def test_wrong_parameters_are_named(
    tmp_path: Path, params: dict[str, Any], name: str
) -> None:
    """Before the first candle."""
    async with asked(tmp_path) as (ai, _, _):
        with pytest.raises(BadParameter) as refused:
            await ai.llm_strategies.open_configured(llm_settings("oracle", params))
        assert refused.value.name == name
