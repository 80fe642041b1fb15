"""The paper account beside a live one: the owner's settings, and nothing else of the owner's."""

from dataclasses import replace
from pathlib import Path

from signalbot.config.load import load
from signalbot.config.settings import Config
from signalbot.config.validators import NAME
from signalbot.domain.users import Mode, UserId, owner_of, shadow_of

FILE = """
[exchanges.venue]
ccxt_id = "binanceusdm"
[strategies.trend]
kind = "ema_cross"
exchange = "venue"
symbols = ["BTC/USDT:USDT"]
timeframe = "1m"
[users.anna]
mode = "{mode}"
notify = ["json://localhost/"]
account = {{ exchange = "venue", leverage = 3, shadow = true, egress = "127.0.0.2" }}
risk = {{ max_open_positions = 2 }}
[users.anna.subscriptions.trend]
risk = {{ cooldown = "1h" }}
[users.ben]
mode = "live"
account = {{ exchange = "venue" }}
[users.ben.subscriptions.trend]
"""
ANNA, SHADOW = UserId("anna"), UserId("anna.shadow")


def _load(folder: Path, *, mode: str) -> Config:
    (folder / "config.toml").write_text(FILE.format(mode=mode))
    return load(folder / "config.toml", {})


def test_a_shadow_trades_on_paper_by_its_owners_settings(tmp_path: Path) -> None:
    """Without notifications, and not through the owner's egress: it sends no requests."""
    config = _load(tmp_path, mode="live")
    assert set(config.users) == {ANNA, UserId("ben"), SHADOW}
    anna, shadow = config.users[ANNA], config.users[SHADOW]
    assert (anna.mode, shadow.mode) == (Mode.LIVE, Mode.PAPER)
    assert shadow.account == replace(anna.account, egress="direct")
    assert shadow.notify == ()
    assert SHADOW not in {each.name for each in config.notify.recipients}
    own, beside = (
        next(each for each in config.subscriptions if each.user_id == user)
        for user in (ANNA, SHADOW)
    )
    assert beside.settings is own.settings
    assert beside.subscription_id == "anna.shadow/trend"
    assert config.warnings == ()


def test_only_a_live_account_has_one(tmp_path: Path) -> None:
    """Elsewhere a warning reports that the setting has no effect."""
    config = _load(tmp_path, mode="paper")
    assert SHADOW not in config.users
    assert config.warnings == ("account.shadow has an effect on live users only (set for anna)",)


def test_no_user_can_be_called_like_a_shadow() -> None:
    """So that rows of different users are never mixed up."""
    assert shadow_of(ANNA) == SHADOW
    assert owner_of(SHADOW) == ANNA
    assert owner_of(ANNA) is None
    assert NAME.fullmatch(SHADOW) is None
