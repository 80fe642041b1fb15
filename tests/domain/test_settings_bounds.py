"""A user may allow itself less than the operator does, never more."""

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.settings import (
    AiRules,
    BelowMinimum,
    Protection,
    RiskLimits,
    Settings,
    Sizing,
    SizingMode,
    StopSource,
)
from signalbot.domain.settings_bounds import loosened_fields

counts = st.none() | st.integers(1, 5)
amounts = st.none() | st.integers(1, 5).map(Decimal)
risks = st.builds(
    RiskLimits,
    max_open_positions=counts,
    max_consecutive_losses=counts,
    max_trades_per_day=counts,
    cooldown_ms=st.integers(0, 5),
    max_daily_loss_percent=amounts,
    max_exposure_percent=amounts,
    min_balance=amounts,
    symbol_priority=st.sampled_from([(), ("BTC/USDT",), ("BTC/USDT", "ETH/USDT")]),
)
sizings = st.builds(
    Sizing,
    mode=st.sampled_from(SizingMode),
    risk_percent=st.integers(1, 3).map(Decimal),
    quote_amount=st.integers(1, 3).map(Decimal),
    balance_percent=st.integers(1, 3).map(Decimal),
    below_minimum=st.sampled_from(BelowMinimum),
    risk_includes_costs=st.booleans(),
    slippage_bps=amounts,
)
protections = st.builds(
    Protection,
    stop_percent=st.integers(1, 3).map(Decimal),
    trailing_percent=st.integers(0, 3).map(Decimal),
    break_even_after=st.integers(0, 3),
)
settings = st.builds(Settings, risk=risks, sizing=sizings, protection=protections)


@given(settings)
def test_the_same_settings_loosen_nothing(one: Settings) -> None:
    """Whatever they are."""
    assert loosened_fields(one, one) == ()


@given(settings, settings, settings)
def test_what_stays_within_what_stays_within_stays_within(
    one: Settings, two: Settings, three: Settings
) -> None:
    """Tightening twice is tightening."""
    if not loosened_fields(one, two) and not loosened_fields(two, three):
        assert loosened_fields(one, three) == ()


@pytest.mark.parametrize(
    ("name", "bound", "looser", "tighter"),
    [
        ("max_open_positions", 3, (4, None), (1, 3)),
        ("max_consecutive_losses", 3, (4, None), (1, 3)),
        ("max_trades_per_day", 3, (4, None), (1, 3)),
        ("max_daily_loss_percent", Decimal(5), (Decimal("5.1"), None), (Decimal(1),)),
        ("max_exposure_percent", Decimal(300), (Decimal(301), None), (Decimal(10),)),
        ("min_balance", Decimal(10), (Decimal(9), None), (Decimal(11),)),
        ("cooldown_ms", 1_000, (0, 999), (1_000, 2_000)),
        ("symbol_priority", ("A/B", "C/D"), ((), ("C/D", "A/B")), (("A/B", "C/D"),)),
    ],
)
def test_every_limit_has_its_direction(
    name: str, bound: Any, looser: tuple[Any, ...], tighter: tuple[Any, ...]
) -> None:
    """And where the operator wrote none, any is tighter."""
    free = Settings()
    bounds = replace(free, risk=RiskLimits(**{name: bound}))
    for value in looser:
        [found] = loosened_fields(bounds, replace(free, risk=RiskLimits(**{name: value})))
        assert found.removeprefix("risk.") == name.removesuffix("_ms")
    for value in tighter:
        wanted = replace(free, risk=RiskLimits(**{name: value}))
        assert loosened_fields(bounds, wanted) == ()
        assert loosened_fields(free, wanted) == ()


def test_every_limit_is_looked_at() -> None:
    """A limit that comes later must choose its direction."""
    loosest = RiskLimits()
    tight = RiskLimits(
        max_open_positions=1,
        max_consecutive_losses=1,
        max_trades_per_day=1,
        cooldown_ms=1,
        max_daily_loss_percent=Decimal(1),
        max_exposure_percent=Decimal(1),
        min_balance=Decimal(1),
        symbol_priority=("A/B",),
    )
    found = loosened_fields(Settings(risk=tight), Settings(risk=loosest))
    assert len(found) == len(fields(RiskLimits))


@pytest.mark.parametrize(
    ("bound", "looser", "tighter"),
    [
        (Sizing(), Sizing(risk_includes_costs=False), Sizing()),
        (Sizing(risk_includes_costs=False), None, Sizing(risk_includes_costs=True)),
        (Sizing(slippage_bps=Decimal(2)), Sizing(slippage_bps=Decimal(1)), None),
        (Sizing(slippage_bps=Decimal(2)), Sizing(slippage_bps=None), None),
        (Sizing(slippage_bps=None), Sizing(slippage_bps=Decimal(0)), Sizing(slippage_bps=None)),
        (Sizing(slippage_bps=Decimal(2)), None, Sizing(slippage_bps=Decimal(3))),
    ],
)
def test_what_an_order_is_expected_to_cost_sizes_it(
    bound: Sizing, looser: Sizing | None, tighter: Sizing | None
) -> None:
    """With fewer costs counted, the same percentage at risk buys more."""
    bounds = Settings(sizing=bound)
    if looser is not None:
        [found] = loosened_fields(bounds, Settings(sizing=looser))
        assert found in ("sizing.risk_includes_costs", "sizing.slippage_bps")
    if tighter is not None:
        assert loosened_fields(bounds, Settings(sizing=tighter)) == ()


@pytest.mark.parametrize(
    ("name", "bound", "looser", "tighter"),
    [
        ("stop_percent", Decimal(2), (Decimal(3),), (Decimal(1), Decimal(2))),
        ("trailing_percent", Decimal(2), (Decimal(3), Decimal(0)), (Decimal(1), Decimal(2))),
        ("trailing_percent", Decimal(0), (), (Decimal(1), Decimal(0))),
        ("break_even_after", 2, (3, 0), (1, 2)),
        ("break_even_after", 0, (), (1, 0)),
    ],
)
def test_a_stop_comes_no_farther_away(
    name: str, bound: Any, looser: tuple[Any, ...], tighter: tuple[Any, ...]
) -> None:
    """And it follows no later than the operator wrote."""
    bounds = Settings(protection=Protection(**{name: bound}))
    for value in looser:
        [found] = loosened_fields(bounds, Settings(protection=Protection(**{name: value})))
        assert found.removeprefix("protection.").replace("stop_loss.", "stop_") == name
    for value in tighter:
        assert loosened_fields(bounds, Settings(protection=Protection(**{name: value}))) == ()


def test_everything_that_sizes_an_order_is_looked_at() -> None:
    """A setting that comes later must choose its direction."""
    tight = Sizing(slippage_bps=Decimal(9), below_minimum=BelowMinimum.SKIP)
    found: set[str] = set()
    for mode in SizingMode:
        bound = replace(tight, mode=mode)
        wanted = Sizing(
            mode=SizingMode.RISK if mode is not SizingMode.RISK else SizingMode.QUOTE,
            risk_percent=Decimal(99),
            quote_amount=Decimal(999),
            balance_percent=Decimal(99),
            risk_includes_costs=False,
            below_minimum=BelowMinimum.ROUND_UP,
        )
        found |= set(loosened_fields(Settings(sizing=bound), Settings(sizing=wanted)))
    assert found == {f"sizing.{field.name}" for field in fields(Sizing)}


def test_size_mode_stop_and_ai_are_the_operators() -> None:
    """A smaller size is the user's to choose; another measure of it, or none of a stop, is not."""
    free = Settings()
    for wanted, name in (
        (replace(free, sizing=Sizing(risk_percent=Decimal(2))), "sizing.risk_percent"),
        (replace(free, sizing=Sizing(mode=SizingMode.QUOTE)), "sizing.mode"),
        (replace(free, sizing=Sizing(below_minimum=BelowMinimum.ROUND_UP)), "sizing.below_minimum"),
        (replace(free, protection=Protection(stop_source=StopSource.NONE)),
         "protection.stop_loss.source"),
        (replace(free, protection=Protection(max_unprotected_ms=6_000)),
         "protection.max_unprotected"),
        (replace(free, ai=AiRules(provider="dear")), "ai.provider"),
        (replace(free, ai=AiRules(model="large")), "ai.model"),
    ):  # fmt: skip
        assert name in loosened_fields(free, wanted)
    smaller = replace(free, sizing=Sizing(risk_percent=Decimal("0.1")))
    assert loosened_fields(free, smaller) == ()
