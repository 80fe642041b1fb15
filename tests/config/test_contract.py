"""The configuration of the design parses exactly as written, with the values it shows."""

from datetime import time
from decimal import Decimal
from pathlib import Path

import pytest

from signalbot.config.load import load
from signalbot.config.settings import Config
from signalbot.domain.settings import (
    AiRules,
    BelowMinimum,
    EntryRules,
    EntryType,
    Filters,
    HoursRange,
    OnOpposite,
    Protection,
    RiskLimits,
    Settings,
    Sizing,
    SizingMode,
    StopSource,
    TakeProfitRule,
    TargetSource,
)
from signalbot.domain.timeframe import Timeframe
from signalbot.domain.users import AccountSettings, MarginMode, Mode, UserId
from tests.config.config_files import CONTRACT, MINIMAL, load_text


@pytest.fixture
def contract() -> Config:
    return load(CONTRACT, {})


def test_the_daemon_and_its_api_are_read(contract: Config) -> None:
    """Paths are absolute, counted from the folder of the file."""
    assert contract.daemon.state_dir == CONTRACT.parent / "state"
    assert contract.daemon.master_key_file == CONTRACT.parent / "master.key"
    assert (contract.daemon.log_format, contract.daemon.log_level) == ("console", "info")
    assert (contract.api.host, contract.api.port) == ("127.0.0.1", 8787)
    assert not contract.api.tls_behind_proxy


def test_exchange_and_strategy_are_read(contract: Config) -> None:
    """A real exchange has no simulation; a strategy keeps its parameters as plain numbers."""
    binance = contract.exchanges["binance"]
    assert (binance.ccxt_id, binance.sandbox, binance.ccxt) == ("binanceusdm", False, {})
    assert binance.simulated is None
    trend = contract.strategies["btc-trend"]
    assert (trend.kind, trend.exchange) == ("ema_cross", "binance")
    assert trend.symbols == ("BTC/USDT:USDT", "ETH/USDT:USDT")
    assert (trend.timeframe, trend.signal_ttl_ms) == (Timeframe.M5, 300_000)
    assert trend.params == {"fast": 9, "slow": 21, "stop_atr": 2.0, "take_profit_r": [1.0, 2.0]}
    assert isinstance(trend.params["stop_atr"], float)


def test_the_user_and_the_account_are_read(contract: Config) -> None:
    """Everything about alice comes from her tables."""
    alice = contract.users[UserId("alice")]
    assert alice.mode is Mode.PAPER
    assert alice.notify == ("secret:alice-telegram",)
    assert alice.account == AccountSettings(
        exchange="binance",
        leverage=5,
        margin_mode=MarginMode.ISOLATED,
        paper_balance=Decimal(10_000),
    )


def test_the_subscription_has_the_defaults_with_its_own_risk(contract: Config) -> None:
    """Every key of every [defaults] table arrives; the subscription overrules one of them."""
    (subscription,) = contract.subscriptions
    assert subscription.subscription_id == "alice/btc-trend"
    assert subscription.settings == Settings(
        filters=Filters(
            symbols=("*",),
            min_strength="MODERATE",
            min_confidence=0.0,
            max_price_drift_percent=Decimal("0.5"),
            max_signal_age_ms=120_000,
        ),
        sizing=Sizing(
            mode=SizingMode.RISK, risk_percent=Decimal(2), below_minimum=BelowMinimum.SKIP
        ),
        risk=RiskLimits(
            max_open_positions=3,
            max_consecutive_losses=4,
            max_trades_per_day=20,
            cooldown_ms=0,
            max_daily_loss_percent=Decimal(5),
            max_exposure_percent=Decimal(300),
            min_balance=Decimal(10),
        ),
        protection=Protection(
            stop_source=StopSource.SIGNAL_OR_PERCENT,
            stop_percent=Decimal(2),
            targets_from=TargetSource.SIGNAL_OR_OWN,
            targets=(
                TakeProfitRule(percent=Decimal(2), share=Decimal(50)),
                TakeProfitRule(percent=Decimal(4), share=Decimal(50)),
            ),
            break_even_after=1,
            trailing_percent=Decimal(0),
            max_unprotected_ms=5_000,
            on_opposite_signal=OnOpposite.CLOSE,
        ),
        entry=EntryRules(type=EntryType.MARKET),
        ai=AiRules(enabled=False),
    )


def test_keys_that_the_contract_only_mentions_are_read_too(tmp_path: Path) -> None:
    """Keys that stand in its comments, and those of the simulated exchange."""
    config = load_text(
        tmp_path,
        """
        [daemon]
        log_format = "json"
        log_level = "debug"
        [api]
        listen = "[::]:443"
        tls_behind_proxy = true
        [exchanges.sim]
        ccxt_id = "simulated"
        [exchanges.sim.simulated]
        seed = 3
        speed = 10
        taker_fee_percent = 0.04
        maker_fee_percent = 0.01
        slippage_bps = 2
        latency = "50ms"
        reject_probability = 0.25
        partial_fill_probability = 0.5
        [exchanges.sim.simulated.symbols."BTC/USDT:USDT"]
        price = 100000.5
        [exchanges.sim.simulated.symbols."NEW/USDT"]
        annual_volatility_percent = 200
        tick = 0.5
        lot = 2
        min_quantity = 0
        min_notional = 0
        contract_size = 10
        [strategies.trend]
        kind = "ema_cross"
        exchange = "sim"
        symbols = ["BTC/USDT:USDT"]
        timeframe = "1h"
        [users.alice.account]
        exchange = "sim"
        [users.alice.filters]
        exclude_symbols = ["DOGE/*"]
        hours = ["08:00-22:00", "23:30-24:00"]
        time_zone = "Europe/Berlin"
        [users.alice.sizing]
        mode = "balance"
        balance_percent = 12.5
        quote_amount = 50
        below_minimum = "round_up"
        [users.alice.risk]
        symbol_priority = ["BTC/USDT:USDT"]
        [users.alice.entry]
        type = "limit"
        limit_offset_percent = 0.1
        timeout = "45s"
        [users.alice.ai]
        min_confidence = 0.7
        deadline = "3s"
        on_error = "follow"
        [users.alice.subscriptions.trend]
        """,
    )
    assert (config.api.host, config.api.port, config.api.listen) == ("::", 443, "[::]:443")
    assert (config.daemon.log_format, config.daemon.log_level) == ("json", "debug")
    rules = config.exchanges["sim"].simulated
    assert rules is not None
    assert (rules.seed, rules.latency_ms) == (3, 50)
    assert rules.speed == config.speed == 10
    assert (rules.taker_fee_percent, rules.maker_fee_percent) == (Decimal("0.04"), Decimal("0.01"))
    assert rules.slippage_bps == 2
    assert (rules.reject_probability, rules.partial_fill_probability) == (0.25, 0.5)
    bitcoin, new = rules.symbols["BTC/USDT:USDT"], rules.symbols["NEW/USDT"]
    assert (bitcoin.price, bitcoin.tick) == (Decimal("100000.5"), Decimal("0.1"))
    assert (new.annual_volatility_percent, new.tick) == (Decimal(200), Decimal("0.5"))
    assert [new.lot, new.min_quantity, new.min_notional, new.contract_size] == [2, 0, 0, 10]
    settings = config.subscriptions[0].settings
    assert settings.filters.exclude_symbols == ("DOGE/*",)
    assert settings.filters.hours == (
        HoursRange(time(8), time(22)),
        HoursRange(time(23, 30), time(0)),
    )
    assert settings.filters.time_zone == "Europe/Berlin"
    assert settings.sizing.mode is SizingMode.BALANCE
    assert settings.sizing.balance_percent == Decimal("12.5")
    assert settings.sizing.quote_amount == 50
    assert settings.sizing.below_minimum is BelowMinimum.ROUND_UP
    assert settings.risk.symbol_priority == ("BTC/USDT:USDT",)
    assert settings.entry == EntryRules(
        type=EntryType.LIMIT, limit_offset_percent=Decimal("0.1"), timeout_ms=45_000
    )
    assert (settings.ai.min_confidence, settings.ai.deadline_ms) == (0.7, 3_000)
    assert settings.ai.on_error.value == "follow"


def test_what_is_left_out_is_paper_and_has_no_limits(tmp_path: Path) -> None:
    """The smallest file: built-in settings, paper mode, default places."""
    config = load_text(tmp_path, MINIMAL)
    assert config.users[UserId("alice")].mode is Mode.PAPER
    assert config.subscriptions[0].settings == Settings()
    assert config.subscriptions[0].settings.risk.max_open_positions is None
    assert config.daemon.state_dir == tmp_path / "state"
    assert config.strategies["trend"].signal_ttl_ms == 300_000
    assert config.warnings == ()


def test_an_empty_file_is_a_configuration_of_nothing(tmp_path: Path) -> None:
    """A file without users is valid."""
    config = load_text(tmp_path, "")
    assert not config.users
    assert not config.subscriptions
    assert config.speed == 1


def test_decimals_have_exactly_the_digits_written(tmp_path: Path) -> None:
    """No binary float comes between the file and the money."""
    text = MINIMAL + "[users.alice.sizing]\nquote_amount = 0.1000000000000000000001\n"
    settings = load_text(tmp_path, text).subscriptions[0].settings
    assert str(settings.sizing.quote_amount) == "0.1000000000000000000001"


def test_a_simulated_exchange_needs_no_rules_and_a_real_one_may_have_them(tmp_path: Path) -> None:
    """Rules on a real exchange are for its paper fills."""
    config = load_text(
        tmp_path,
        """
        [exchanges.sim]
        ccxt_id = "simulated"
        [exchanges.real]
        ccxt_id = "bybit"
        simulated = { slippage_bps = 3 }
        [exchanges.bare]
        ccxt_id = "okx"
        """,
    )
    simulated, real, bare = config.exchanges.values()
    assert simulated.simulated is not None
    assert simulated.simulated.seed == 1
    assert real.simulated is not None
    assert real.simulated.slippage_bps == 3
    assert bare.simulated is None
