"""Every value can be shown with where it came from, and no secret with it."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from signalbot.config.example import example_text
from signalbot.config.explain import ExplainedValue, explain
from signalbot.config.load import load
from tests.config.config_files import CONTRACT, MINIMAL, load_text

FILE = CONTRACT.read_text(encoding="utf-8")
TREND = "users.alice.subscriptions.btc-trend"


def explained(
    folder: Path, text: str, environ: Mapping[str, str] | None = None
) -> dict[tuple[str, str], ExplainedValue]:
    rows = explain(load_text(folder, text, environ))
    return {(row.subject, row.path): row for row in rows}


@pytest.mark.parametrize(
    ("subject", "path", "value", "origin"),
    [
        (TREND, "filters.max_signal_age", "2m", "defaults"),
        (TREND, "filters.hours", [], "default"),
        (TREND, "filters.time_zone", "UTC", "default"),
        (TREND, "sizing.risk_percent", "2.0", TREND),
        (TREND, "sizing.below_minimum", "skip", "defaults"),
        (TREND, "risk.max_open_positions", 9, "environment SIGNALBOT__DEFAULTS__RISK"),
        (TREND, "risk.max_trades_per_day", 20, "defaults"),
        (TREND, "risk.cooldown", "1m30s", "users.alice"),
        (TREND, "risk.min_balance", "none", "users.alice"),
        (TREND, "protection.stop_loss.source", "signal_or_percent", "defaults"),
        (TREND, "protection.stop_loss.percent", "3", "users.alice"),
        (
            TREND,
            "protection.take_profits",
            [{"percent": "2.0", "share": "50"}, {"percent": "4.0", "share": "50"}],
            "defaults",
        ),
        (TREND, "entry.timeout", "1m", "default"),
        (TREND, "ai.enabled", False, "defaults"),
        ("users.alice", "mode", "signals", "environment SIGNALBOT__USERS__ALICE__MODE"),
        ("users.alice", "notify", ["secret:alice-telegram"], "users.alice"),
        ("users.alice", "account.leverage", 5, "users.alice"),
        ("users.alice", "account.paper_balance", "10000", "users.alice"),
        ("daemon", "log_level", "info", "default"),
        ("daemon", "state_dir", "{folder}/state", "daemon"),
        ("api", "listen", "127.0.0.1:8787", "api"),
        ("api", "tls_behind_proxy", False, "default"),
        ("exchanges.binance", "ccxt_id", "binanceusdm", "exchanges.binance"),
        ("strategies.btc-trend", "signal_ttl", "5m", "strategies.btc-trend"),
        ("strategies.btc-trend", "params.take_profit_r", [1.0, 2.0], "strategies.btc-trend"),
    ],
)
def test_each_value_has_its_origin(
    tmp_path: Path, subject: str, path: str, value: object, origin: str
) -> None:
    """Built in, a layer of the file, or the very variable."""
    rows = explained(
        tmp_path,
        FILE + "[users.alice.risk]\n"
        'cooldown = "90s"\nmin_balance = "none"\n'
        "[users.alice.protection.stop_loss]\npercent = 3\n",
        {
            "SIGNALBOT__DEFAULTS__RISK": '{"max_open_positions": 9}',
            "SIGNALBOT__USERS__ALICE__MODE": "signals",
        },
    )
    row = rows[subject, path]
    shown = value.format(folder=tmp_path) if isinstance(value, str) else value
    assert (row.value, row.origin) == (shown, origin)


def test_everything_can_be_shown_as_json_and_has_help(tmp_path: Path) -> None:
    """Values are JSON as they are; no key is without a word on what it means."""
    rows = explain(load_text(tmp_path, example_text()))
    assert json.loads(json.dumps([row.value for row in rows])) == [row.value for row in rows]
    assert all(row.help for row in rows)


def test_every_setting_of_every_subscription_is_shown(tmp_path: Path) -> None:
    """The same keys for every user, set or not."""
    rows = explain(load_text(tmp_path, example_text()))
    subjects = {row.subject for row in rows if ".subscriptions." in row.subject}
    assert len(subjects) == 7
    keys = {subject: [row.path for row in rows if row.subject == subject] for subject in subjects}
    assert all(paths == keys["users.alice.subscriptions.trend"] for paths in keys.values())
    assert len(keys["users.alice.subscriptions.trend"]) == 44


def test_names_with_dots_are_quoted(tmp_path: Path) -> None:
    """A path can be read back as TOML."""
    rows = explained(tmp_path, example_text())
    row = rows["exchanges.sim", 'simulated.symbols."DOGE/USDT:USDT".price']
    assert (row.value, row.origin) == ("0.25", "exchanges.sim")
    tick = rows["exchanges.sim", 'simulated.symbols."DOGE/USDT:USDT".tick']
    assert (tick.value, tick.origin) == ("0.00001", "default")


SECRETS = """
[exchanges.real]
ccxt_id = "okx"
[exchanges.real.ccxt]
apiKey = "HUSH-1"
secret = "HUSH-2"
uid = "HUSH-3"
httpsProxy = "http://user:HUSH-4@proxy.example.com:3128"
timeout = 10000
password = "secret:okx-password"
[exchanges.real.ccxt.options]
private_key = "HUSH-5"
"x-access-token" = ["HUSH-6"]
defaultType = "swap"
[users.token]
notify = ["tgram://HUSH-7/1", "secret:token-mail"]
account = { exchange = "sim" }
"""


def test_no_secret_is_shown(tmp_path: Path) -> None:
    """Keys that name a secret, logins in URLs and notification URLs are masked; the rest is not."""
    rows = explained(tmp_path, MINIMAL + SECRETS)
    real = {path: row.value for (subject, path), row in rows.items() if subject == "exchanges.real"}
    assert real["ccxt.apiKey"] == real["ccxt.secret"] == real["ccxt.uid"] == "***"
    assert real["ccxt.options.private_key"] == "***"
    assert real["ccxt.options.x-access-token"] == ["***"]
    assert real["ccxt.httpsProxy"] == "http://***@proxy.example.com:3128"
    assert (real["ccxt.timeout"], real["ccxt.options.defaultType"]) == (10_000, "swap")
    assert real["ccxt.password"] == "secret:okx-password"
    assert rows["users.token", "notify"].value == ["***", "secret:token-mail"]
    assert rows["users.token", "account.exchange"].value == "sim"
    assert "HUSH" not in str(rows)


def test_no_secret_is_in_the_repr(tmp_path: Path) -> None:
    """A Config in a log line or a traceback reveals no secret."""
    assert "HUSH" not in repr(load_text(tmp_path, MINIMAL + SECRETS))


def test_the_program_itself_gets_the_secrets(tmp_path: Path) -> None:
    """Masking is for showing only."""
    config = load_text(tmp_path, MINIMAL + SECRETS)
    assert config.exchanges["real"].ccxt["apiKey"] == "HUSH-1"
    assert "tgram://HUSH-7/1" in [url for user in config.users.values() for url in user.notify]


def test_explaining_the_contract_needs_no_file_any_more(tmp_path: Path) -> None:
    """What was read is kept: the file may change or vanish meanwhile."""
    path = tmp_path / "config.toml"
    path.write_text(FILE, encoding="utf-8")
    config = load(path, {})
    path.unlink()
    assert explain(config)
