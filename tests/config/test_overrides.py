"""Settings that are tried out on one user: laid over the file, never written."""

from decimal import Decimal
from pathlib import Path

import pytest

from signalbot.config.load import load
from signalbot.config.overrides import Overrides, parse_override
from signalbot.config.problems import InvalidConfig
from signalbot.config.sections.settings_layers import SettingsLayer
from signalbot.config.settings import Config
from signalbot.domain.settings import Settings
from signalbot.domain.users import UserId

FILE = """
[exchanges.sim]
ccxt_id = "simulated"
[strategies.trend]
kind = "ema_cross"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
timeframe = "1m"
[strategies.dips]
kind = "rsi_reversal"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
timeframe = "1m"
[defaults.sizing]
risk_percent = 1.0
[users.ann]
account = { exchange = "sim" }
sizing = { risk_percent = 2.0 }
[users.ann.subscriptions.trend]
sizing = { risk_percent = 3.0, below_minimum = "round_up" }
[users.ann.subscriptions.dips]
[users.ben]
account = { exchange = "sim" }
[users.ben.subscriptions.trend]
"""


def _with(folder: Path, *wishes: str, environ: dict[str, str] | None = None) -> Config:
    file = folder / "config.toml"
    file.write_text(FILE)
    wished = Overrides(user="ann", items=tuple(map(parse_override, wishes)))
    return load(file, environ or {}, overrides=wished)


def _settings(config: Config, user: str) -> dict[str, Settings]:
    return {each.strategy: each.settings for each in config.subscriptions if each.user_id == user}


def test_a_setting_of_the_user_holds_for_every_subscription(tmp_path: Path) -> None:
    """It would change nothing where a subscription's own stood above it; others keep theirs."""
    config = _with(tmp_path, "sizing.risk_percent=0.5")
    ann, ben = _settings(config, "ann"), _settings(config, "ben")
    assert {each.sizing.risk_percent for each in ann.values()} == {Decimal("0.5")}
    assert ann["trend"].sizing.below_minimum == "round_up"
    assert ben["trend"].sizing.risk_percent == Decimal(1)
    assert (tmp_path / "config.toml").read_text() == FILE


def test_a_setting_of_one_subscription_holds_there(tmp_path: Path) -> None:
    """And a strategy can be followed that was not."""
    config = _with(tmp_path, "subscriptions.dips.risk.max_open_positions=1")
    ann = _settings(config, "ann")
    assert ann["dips"].risk.max_open_positions == 1
    assert ann["trend"].risk.max_open_positions is None
    follows = _settings(load_for_ben(tmp_path), "ben")
    assert set(follows) == {"trend", "dips"}


def load_for_ben(folder: Path) -> Config:
    """Ben follows the dips, too."""
    wished = Overrides(user="ben", items=(parse_override("subscriptions.dips={}"),))
    return load(folder / "config.toml", {}, overrides=wished)


def test_the_last_of_two_holds_and_it_stands_above_the_environment(tmp_path: Path) -> None:
    """What is typed last is meant."""
    variable = {"SIGNALBOT__USERS__ANN__RISK__MAX_OPEN_POSITIONS": "7"}
    wishes = ("risk.max_open_positions=3", "risk.max_open_positions=4", "account.leverage=2")
    config = _with(tmp_path, *wishes, environ=variable)
    assert _settings(config, "ann")["trend"].risk.max_open_positions == 4
    assert config.users[UserId("ann")].account.leverage == 2


@pytest.mark.parametrize(
    "text", ["filters.symbols=['BTC/*', 'ETH/*']", 'filters.symbols = ["BTC/*", "ETH/*"]']
)
def test_values_are_written_as_the_file_has_them(tmp_path: Path, text: str) -> None:
    """Lists and tables, too; plain words need no quotes."""
    trend = _settings(_with(tmp_path, text, "risk.cooldown=15m"), "ann")["trend"]
    assert trend.filters.symbols == ("BTC/*", "ETH/*")
    assert trend.risk.cooldown_ms == 900_000


def test_every_group_of_settings_can_be_tried(tmp_path: Path) -> None:
    """What is a setting in the file is one here."""
    assert set(SettingsLayer.model_fields) == set(Settings.__dataclass_fields__)
    with pytest.raises(InvalidConfig) as refused:
        _with(tmp_path, "notify=[]")
    assert all(name in str(refused.value) for name in SettingsLayer.model_fields)
