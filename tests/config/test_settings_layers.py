"""Settings come in layers: defaults, user, subscription, each overruling the one before."""

from decimal import Decimal
from pathlib import Path

import pytest

from signalbot.config.problems import InvalidConfig
from signalbot.domain.settings import Settings, StopSource, TakeProfitRule
from tests.config.config_files import MINIMAL, load_text


def settings_of(folder: Path, text: str) -> Settings:
    return load_text(folder, MINIMAL + text).subscriptions[0].settings


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ("", None),
        ("[defaults.risk]\nmax_open_positions = 1\n", 1),
        ("[users.alice.risk]\nmax_open_positions = 2\n", 2),
        ("[users.alice.subscriptions.trend.risk]\nmax_open_positions = 3\n", 3),
        (
            "[defaults.risk]\nmax_open_positions = 1\n[users.alice.risk]\nmax_open_positions = 2\n",
            2,
        ),
        (
            "[users.alice.risk]\nmax_open_positions = 2\n"
            "[users.alice.subscriptions.trend.risk]\nmax_open_positions = 3\n",
            3,
        ),
        (
            "[defaults.risk]\nmax_open_positions = 1\n"
            "[users.alice.subscriptions.trend.risk]\nmax_open_positions = 3\n",
            3,
        ),
    ],
)
def test_the_most_particular_layer_decides(
    tmp_path: Path, layers: str, expected: int | None
) -> None:
    """Subscription before user before defaults before built in."""
    assert settings_of(tmp_path, layers).risk.max_open_positions == expected


def test_tables_merge_key_by_key_however_deep(tmp_path: Path) -> None:
    """A user who changes the stop's distance keeps its source."""
    settings = settings_of(
        tmp_path,
        '[defaults.protection]\nstop_loss = { source = "percent", percent = 2 }\n'
        "trailing_percent = 1\n"
        "[users.alice.protection.stop_loss]\npercent = 3.5\n",
    )
    assert settings.protection.stop_source is StopSource.PERCENT
    assert settings.protection.stop_percent == Decimal("3.5")
    assert settings.protection.trailing_percent == 1


def test_lists_replace_each_other_whole(tmp_path: Path) -> None:
    """A user never takes profit at a mix of two layers' targets."""
    settings = settings_of(
        tmp_path,
        "[defaults.protection]\ntake_profits = "
        "[{ percent = 2, share = 50 }, { percent = 4, share = 50 }]\n"
        "[[users.alice.protection.take_profits]]\npercent = 9\nshare = 100\n",
    )
    assert settings.protection.targets == (TakeProfitRule(percent=Decimal(9), share=Decimal(100)),)


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("filters", "min_strength", '"STRONG"'),
        ("filters", "min_confidence", "0.5"),
        ("filters", "max_price_drift_percent", "1"),
        ("risk", "max_open_positions", "1"),
        ("risk", "max_consecutive_losses", "1"),
        ("risk", "max_trades_per_day", "1"),
        ("risk", "max_daily_loss_percent", "1"),
        ("risk", "max_exposure_percent", "1"),
        ("risk", "min_balance", "1"),
    ],
)
def test_a_user_lifts_a_limit_of_the_defaults(
    tmp_path: Path, table: str, key: str, value: str
) -> None:
    """TOML has no null, so "none" means that a limit does not apply."""
    text = f'[defaults.{table}]\n{key} = {value}\n[users.alice.{table}]\n{key} = "none"\n'
    lifted = settings_of(tmp_path, text)
    assert getattr(getattr(lifted, table), key) is None
    kept = settings_of(tmp_path, text.replace('"none"', value))
    assert getattr(getattr(kept, table), key) is not None


def test_users_with_equal_settings_share_one_object(tmp_path: Path) -> None:
    """A thousand users with three kinds of settings cost three Settings, not a thousand."""
    users = "".join(
        f'[users.u{n}]\naccount = {{ exchange = "sim" }}\n'
        f"risk = {{ max_open_positions = {n % 3 + 1} }}\n[users.u{n}.subscriptions.trend]\n"
        for n in range(1_000)
    )
    text = MINIMAL.split("[users.alice")[0] + users
    config = load_text(tmp_path, text)
    assert len(config.subscriptions) == 1_000
    assert len({id(each.settings) for each in config.subscriptions}) == 3
    for number, subscription in enumerate(config.subscriptions):
        assert subscription.settings.risk.max_open_positions == number % 3 + 1
    assert len({id(each.settings.filters) for each in config.subscriptions}) == 1


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ("", 300),
        ("[defaults.risk]\nmax_exposure_percent = 500\n", 500),
        ("[users.alice.risk]\nmax_exposure_percent = 50\n", 50),
        ('[users.alice.subscriptions.tv.risk]\nmax_exposure_percent = "none"\n', None),
        ("[defaults.risk]\nmax_open_positions = 1\n", 300),
    ],
)
def test_the_exposure_of_alerts_has_a_ceiling_unless_it_is_lifted(
    tmp_path: Path, layers: str, expected: int | None
) -> None:
    """An alert sets its stop, and so its size; other strategies have no ceiling."""
    source = "[strategies.tv]\nkind = 'webhook'\nexchange = 'sim'\nsymbols = ['BTC/USDT:USDT']\n"
    both = "[users.alice.subscriptions.tv]\n" if "subscriptions.tv" not in layers else ""
    config = load_text(tmp_path, MINIMAL + source + both + layers)
    found = {each.strategy: each.settings.risk for each in config.subscriptions}
    assert found["tv"].max_exposure_percent == expected
    given = 500 if "= 500" in layers else 50 if "= 50\n" in layers else None
    assert found["trend"].max_exposure_percent == given


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"[users.alice.filters]\nsymbols = {['A*'] * 1_001}\n", "at most 1000"),
        (f'[users.alice.filters]\nexclude_symbols = ["{"*a" * 60}"]\n', "longer than 100"),
        (f"[users.alice.filters]\nhours = {['08:00-09:00'] * 1_001}\n", "at most 1000"),
    ],
)
def test_lists_that_are_read_for_every_signal_are_bounded(
    tmp_path: Path, text: str, says: str
) -> None:
    """What one user writes takes nothing from the signals of all others."""
    with pytest.raises(InvalidConfig, match=says):
        settings_of(tmp_path, text)
