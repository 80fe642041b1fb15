"""The registry of strategy kinds: one class per kind, which answers every question about it."""

from dataclasses import replace

import pytest

from signalbot.config.sections.strategies import StrategySection
from signalbot.config.strategy_kinds import SPECIAL_KINDS, strategy_kind
from signalbot.domain.errors import ConfigError
from signalbot.domain.timeframe import Timeframe
from signalbot.settings.strategy import StrategySettings
from signalbot.strategies import KINDS, BadParameter, UnknownKind

SETTINGS = StrategySettings(
    name="trend",
    kind="ema_cross",
    exchange="sim",
    symbols=("BTC/USDT:USDT",),
    timeframe=Timeframe.M5,
    signal_ttl_ms=300_000,
    params={},
)


def test_no_special_kind_is_called_like_a_built_in_strategy() -> None:
    """A name selects one kind."""
    names = [each.name for each in SPECIAL_KINDS]
    assert len(set(names)) == len(names)
    assert not set(names) & set(KINDS)


def test_own_keys_are_keys_of_the_section_and_belong_to_one_kind() -> None:
    """A misspelled key would never be checked."""
    keys = [key for each in SPECIAL_KINDS for key in each.own_keys]
    fields = StrategySection.model_fields.items()
    assert set(keys) <= {field.alias or name for name, field in fields}
    assert len(set(keys)) == len(keys)
    assert all(set(each.required_keys) <= set(each.own_keys) for each in SPECIAL_KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_built_in_kind_validates_to_its_warm_up(kind: str) -> None:
    """In this process, and on candles."""
    found = strategy_kind(kind)
    warm_up = found.validate(replace(SETTINGS, kind=kind))
    assert warm_up[Timeframe.M5] > 1
    assert found.is_subscribable
    assert not found.needs_worker


def test_an_unknown_kind_or_parameter_does_not_validate() -> None:
    """The error distinguishes the kind from its parameters."""
    with pytest.raises(UnknownKind):
        strategy_kind("emacross").validate(replace(SETTINGS, kind="emacross"))
    with pytest.raises(BadParameter) as error:
        strategy_kind("llm").validate(replace(SETTINGS, kind="llm", params={"model": "small"}))
    assert error.value.name == "provider"


def test_an_alert_source_reads_no_candles() -> None:
    """It has no timeframe, so nothing is required of the exchange's candles."""
    source = replace(SETTINGS, kind="webhook", timeframe=None)
    assert not strategy_kind("webhook").is_subscribable
    assert strategy_kind("webhook").validate(source) == {}


async def test_a_model_cannot_be_replayed() -> None:
    """Without the runtime of its kind a strategy is not built."""
    with pytest.raises(ConfigError, match="kind 'llm' is not available here"):
        await strategy_kind("llm").build(replace(SETTINGS, kind="llm"), {})
