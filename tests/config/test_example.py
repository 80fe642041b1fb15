"""The example works, teaches every setting, and is the one that is shipped."""

import tomllib
from pathlib import Path

import pytest

from signalbot.config.example import example_text
from signalbot.config.sections.settings_layers import SettingsLayer
from signalbot.domain.users import Mode
from signalbot.settings.simulation import SimulationRules
from tests.config.config_files import load_text

TOP = Path(__file__).parents[2]


def test_the_file_in_the_repository_is_the_one_in_the_package() -> None:
    """What people read online is what signalbot init writes."""
    shown = (TOP / "config.example.toml").read_text(encoding="utf-8")
    assert shown == example_text(), "python -m signalbot.config.example > config.example.toml"


def test_the_example_is_a_small_service_on_a_simulated_exchange(tmp_path: Path) -> None:
    """Four users who differ, two strategies, nothing real."""
    config = load_text(tmp_path, example_text())
    assert list(config.users) == ["alice", "bob", "carol", "dave"]
    assert len(config.strategies) == 2
    assert all(exchange.is_simulated for exchange in config.exchanges.values())
    assert [user.mode for user in config.users.values()].count(Mode.SIGNALS) == 1
    firsts = {each.user_id: each.settings for each in reversed(config.subscriptions)}
    assert len(set(firsts.values())) == 4


def test_nothing_in_the_example_is_live_or_secret() -> None:
    """Copying it never trades real money or exposes a key."""
    text = example_text()
    assert 'mode = "live"' not in text
    assert "apiKey" not in text


@pytest.mark.parametrize("table", SettingsLayer.model_fields)
def test_the_example_mentions_every_setting(table: str) -> None:
    """Given or commented out, each key of each settings table is there to be found."""
    kind = SettingsLayer.model_fields[table].annotation
    assert kind is not None
    for name, field in kind.model_fields.items():
        assert f"{field.alias or name} = " in example_text(), name


def test_the_commented_exchange_works_when_it_is_uncommented(tmp_path: Path) -> None:
    """The block for a real exchange is right, too."""
    lines = example_text().splitlines()
    start = lines.index("# [exchanges.binance]")
    block = [line.removeprefix("# ") for line in lines[start : start + 8]]
    text = example_text().replace("speed = 30", "speed = 1") + "\n".join(block)
    binance = load_text(tmp_path, text).exchanges["binance"]
    assert (binance.ccxt_id, binance.ccxt) == ("binanceusdm", {"timeout": 10_000})
    assert (binance.request_limits, binance.visibility_lag_ms) == ({60_000: 6_000}, 60_000)


def test_the_example_is_faster_than_real_time(tmp_path: Path) -> None:
    """A new user does not wait an hour for the first signal."""
    config = load_text(tmp_path, example_text())
    assert config.speed > SimulationRules().speed
    assert tomllib.loads(example_text())["exchanges"]["sim"]["simulated"]["speed"] == config.speed
