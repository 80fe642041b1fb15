"""What if: over a ledger that a real replay wrote, and one that a real daemon did."""

import asyncio
import json
import shutil
import sqlite3
from contextlib import closing
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from signalbot.domain.timeframe import DAY_MS, Ms, Timeframe
from signalbot.exchange.simulated.driver import SeededPrices
from signalbot.ledger.database import open_database
from signalbot.maintenance.archiving import archive_old_rows
from signalbot.settings.simulation import SimulationRules
from signalbot.tasks import SystemClock
from tests.cli.command_line import CommandLine, CommandResult

pytestmark = pytest.mark.process

BTC = "BTC/USDT:USDT"
BEGIN = Ms(1_640_995_200_000)  # 2022-01-01 00:00 UTC
DAYS = 3
CONFIG = """
[exchanges.sim]
ccxt_id = "simulated"
[exchanges.sim.simulated]
latency = "50ms"
[strategies.trend]
kind = "ema_cross"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
timeframe = "3m"
params = { fast = 5, slow = 13 }
[strategies.dips]
kind = "rsi_reversal"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
timeframe = "1m"
[defaults.risk]
max_consecutive_losses = 8
cooldown = "10m"
"""
USER = """
[users.{name}]
mode = "{mode}"
[users.{name}.account]
exchange = "sim"
leverage = 5
[users.{name}.subscriptions.trend]
{own}
[users.{name}.subscriptions.dips]
"""
WISH = 'filters = {{ min_strength = "STRONG" }}\nsizing = {{ risk_percent = {risk} }}\n'


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A folder with a configuration, candles, and the ledger that a replay of them wrote."""
    shell = CommandLine(tmp_path_factory.mktemp("whatif"))
    users = USER.format(name="ann", mode="paper", own="sizing = { risk_percent = 0.5 }")
    users += USER.format(name="guest", mode="signals", own="")
    (shell.folder / "config.toml").write_text(CONFIG + users)
    prices = SeededPrices(SimulationRules(seed=3))
    rows = prices.history(BTC, Timeframe.M1, Ms(BEGIN + DAYS * DAY_MS), DAYS * 1440)
    (shell.folder / "btc.csv").write_text(
        "open_ms,open,high,low,close,volume\n"
        + "".join(f"{c.open_ms},{c.open},{c.high},{c.low},{c.close},{c.volume}\n" for c in rows)
    )
    assert _replay(shell, "config.toml", "ann.db").code == 0
    return shell


def _replay(shell: CommandLine, config: str, ledger: str) -> CommandResult:
    candles = ("--candles", "btc.csv", "--symbol", BTC)
    return shell.run("replay", "-c", config, *candles, "--ledger", ledger, "--json")


def _asked(*more: str, user: str = "ann", candles: str = "btc.csv") -> tuple[str, ...]:
    prices = ("--candles", candles, "--symbol", BTC)
    return ("replay", "--signals", "--ledger", "ann.db", "--user", user, *prices, *more)


def _what_if(home: CommandLine, *more: str, user: str = "ann") -> dict[str, Any]:
    said = home.ask(*_asked("--json", *more, user=user))
    assert said.code == 0, said.err
    found: dict[str, Any] = said.json
    return found


def _figures(course: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in course.items() if name != "name"}


def test_with_nothing_changed_what_would_have_been_is_what_was(home: CommandLine) -> None:
    """Every decision, every trade and every cent: it is the same pipeline."""
    found = _what_if(home)
    was, present = found["courses"]
    assert was["trades"] > 20
    assert len(was["refusals"]) > 2
    assert _figures(was) == _figures(present)
    assert found["differences"] == []


@settings(max_examples=8, deadline=None)
@given(st.integers(0, DAYS * 1440 * 60))
@example(26_521)  # so long before its end that fractions of a millisecond could add up
def test_that_holds_wherever_it_begins(home: CommandLine, seconds: int) -> None:
    """With positions held, losses counted and markets cooling down as they were at that instant."""
    moment = f"2022-01-0{1 + seconds // 86_400}T{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}"
    said = home.ask(*_asked("--json", "--since", f"{moment}:{seconds % 60:02}"))
    if said.code:
        assert "no signals since" in said.err
        return
    was, present = said.json["courses"]
    assert _figures(was) == _figures(present)
    assert said.json["differences"] == []


def test_changed_settings_come_to_what_a_file_with_them_comes_to(home: CommandLine) -> None:
    """What is tried out on stored signals is what a replay of the changed file does."""
    changed = (home.folder / "config.toml").read_text()
    own = WISH.format(risk=2)
    changed = changed.replace("sizing = { risk_percent = 0.5 }", own, 1)
    changed = changed.replace(
        "[users.ann.subscriptions.dips]", f"[users.ann.subscriptions.dips]\n{own}", 1
    )
    (home.folder / "changed.toml").write_text(changed)
    replayed = _replay(home, "changed.toml", "changed.db").json
    (ann,) = [user for user in replayed["users"] if user["user_id"] == "ann"]
    found = _what_if(home, "--set", "filters.min_strength=STRONG", "--set", "sizing.risk_percent=2")
    was, present, tried = found["courses"]
    assert _figures(was) == _figures(present) != _figures(tried)
    assert tried["refusals"] == ann["refusals"]
    assert tried["refusals"]["STRENGTH_BELOW_MINIMUM"] > 0
    for name in ("trades", "wins", "net_pnl", "fees"):
        assert tried[name] == ann["metrics"][name], name


def test_every_signal_that_ends_otherwise_is_named_with_its_codes(home: CommandLine) -> None:
    """On which course it came to what, in the order of time."""
    found = _what_if(home, "--set", "filters.min_strength=VERY_STRONG")
    differences = found["differences"]
    assert [each["at_ms"] for each in differences] == sorted(each["at_ms"] for each in differences)
    names = ("as it was", "present settings", "changed settings")
    for each in differences:
        assert tuple(each["courses"]) == names
        codes = [(fate["code"], fate["execution"], fate["net_pnl"])
                 for fate in each["courses"].values()]  # fmt: skip
        assert codes[0] == codes[1] != codes[2]
    refused = found["courses"][2]["refusals"]["STRENGTH_BELOW_MINIMUM"]
    assert refused > 0
    text = home.ask(*_asked("--set", "filters.min_strength=VERY_STRONG", "--limit", "0"))
    assert f"Signals with different outcomes: {len(differences)}" in text.out
    assert all(each["signal_id"] in text.out for each in differences)
    assert text.out.count(" STRENGTH_BELOW_MINIMUM ") <= refused


def test_settings_hold_from_since_on_and_not_before(home: CommandLine) -> None:
    """The position held at that moment was entered with the settings of its time."""
    with closing(sqlite3.connect(home.folder / "ann.db")) as ledger:
        opened, closed = ledger.execute(
            "SELECT opened_at_ms, closed_at_ms FROM positions WHERE user_id = 'ann' "
            "AND closed_at_ms - opened_at_ms > 600000 ORDER BY opened_at_ms LIMIT 1 OFFSET 2"
        ).fetchone()
    since = f"2022-01-0{1 + (opened + 300_000 - BEGIN) // DAY_MS}T" + _clock(opened + 300_000)
    found = _what_if(home, "--since", since, "--set", "risk.max_trades_per_day=1")
    assert found["begin_ms"] < opened < found["since_ms"] < closed
    changed = found["courses"][2]
    assert changed["refusals"]["MAX_TRADES_PER_DAY"] > 0
    assert all(each["at_ms"] >= found["since_ms"] - 1000 for each in found["differences"])


def _clock(at_ms: int) -> str:
    seconds = at_ms // 1000 % 86_400
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def test_it_says_the_same_twice_and_changes_nothing(home: CommandLine) -> None:
    """The ledger is read, and that is all."""
    path = home.folder / "ann.db"
    before = sha256(path.read_bytes()).hexdigest()
    first = home.run(*_asked("--set", "risk.cooldown=2h"))
    again = home.run(*_asked("--set", "risk.cooldown=2h"))
    assert first.code == 0, first.err
    assert first.out == again.out
    assert sha256(path.read_bytes()).hexdigest() == before
    assert "COOLDOWN" in first.out


def test_a_user_who_is_only_told_sees_what_trading_would_have_come_to(home: CommandLine) -> None:
    """On paper, with the account's starting balance."""
    was, present = _what_if(home, user="guest")["courses"]
    assert (was["trades"], was["refusals"]["SIGNALS_ONLY"] > 20) == (0, True)
    assert present["trades"] > 20
    assert "SIGNALS_ONLY" not in present["refusals"]


def test_what_no_setting_prevented_stays_refused(home: CommandLine) -> None:
    """A pause is not undone by looking back; a signal nobody decided on then is decided now."""
    path = home.folder / "paused.db"
    shutil.copy(home.folder / "ann.db", path)
    with closing(sqlite3.connect(path)) as ledger:
        paused, unseen = (
            row[0]
            for row in ledger.execute(
                "SELECT signal_id FROM decisions WHERE user_id = 'ann' AND outcome = 'SKIP' "
                "AND code = 'SYMBOL_HELD_BY_OTHER_STRATEGY' ORDER BY decided_at_ms LIMIT 2"
            )
        )
        ledger.execute(
            "UPDATE decisions SET code = 'USER_PAUSED' WHERE user_id = 'ann' AND signal_id = ?",
            (paused,),
        )
        ledger.execute("DELETE FROM decisions WHERE user_id = 'ann' AND signal_id = ?", (unseen,))
        ledger.commit()
    asked = _asked("--json", "--set", "risk.max_open_positions=1")
    found = home.ask(*("paused.db" if each == "ann.db" else each for each in asked)).json
    assert found["kept"] == 1
    assert all(course["refusals"]["USER_PAUSED"] == 1 for course in found["courses"])
    (difference,) = found["differences"]
    assert difference["signal_id"] == unseen
    assert difference["courses"]["as it was"] is None
    assert difference["courses"]["present settings"]["code"] == "SYMBOL_HELD_BY_OTHER_STRATEGY"


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ("risk.max_open_position=3", "did you mean 'max_open_positions'?"),
        ("risk.max_open_positions=0", "0 is not a whole number of at least 1 or 'none'"),
        ("risk.cooldown=soon", "'soon' is not a duration"),
        ("risk=5", "5 is not a table"),
        ("sizing.mode=fixed", "'fixed' is not one of 'risk', 'quote', 'balance'"),
        ("protection.stop_loss.source=none", "sizing mode 'risk' sizes by the stop"),
        ("subscriptions.trends.risk.cooldown=5m", "did you mean 'trend'?"),
        ("mode=live", "'mode' changes nothing here"),
        ("account.exchange=sim", "'exchange' cannot be tried out"),
        ("risk.max_open_positions", "is not KEY=VALUE"),
        ("=3", "is not KEY=VALUE"),
    ],
)
def test_a_wrong_setting_is_named_as_it_was_given(home: CommandLine, wish: str, told: str) -> None:
    """It goes through the checks of the configuration file, and says what would be right."""
    said = home.ask(*_asked("--set", "risk.cooldown=5m", "--set", wish))
    assert said.code == 78
    assert said.err.startswith(f"--set {wish}: ")
    assert told in said.err


def test_signals_without_candles_are_named_and_left_out(home: CommandLine) -> None:
    """With the time for which there are none; nothing is guessed."""
    lines = (home.folder / "btc.csv").read_text().splitlines(keepends=True)
    (home.folder / "holes.csv").write_text("".join(lines[:2000] + lines[2300:]))
    found = home.ask(*_asked("--json", candles="holes.csv")).json
    (hole,) = found["left_out"]
    assert (hole["symbol"], hole["until_ms"] - hole["from_ms"]) == (BTC, 300 * 60_000)
    assert found["candles"][0]["missing"] == 300
    whole = _what_if(home)
    assert found["signals"] + len(hole["signals"]) == whole["signals"]
    text = home.ask(*_asked(candles="holes.csv"))
    line = f"{BTC}: no candles from 2022-01-02 09:19 to 2022-01-02 14:19: {len(hole['signals'])} "
    assert line in text.out
    assert hole["signals"][0] in text.out


def test_without_any_candles_it_says_what_to_give(home: CommandLine) -> None:
    """Candles of another time are none."""
    lines = (home.folder / "btc.csv").read_text().splitlines(keepends=True)
    (home.folder / "early.csv").write_text("".join(lines[:5]))
    said = home.ask(*_asked(candles="early.csv"))
    assert said.code == 1
    assert "no candles for any signal" in said.err
    assert "--candles CSV --symbol SYMBOL" in said.err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--signals", "--ledger", "ann.db"), 2, "--user is required"),
        (("--signals", "--ledger", "ann.db", "--user", "anne"), 4, "did you mean ann?"),
        (("--signals", "--user", "ann", "--report", "x.html"), 2, "--report"),
        (("--set", "risk.cooldown=5m", "--candles", "btc.csv"), 2, "--set"),
        (("--signals", "--user", "ann", "--candles", "btc.csv"), 2, "needs a --symbol"),
        ((), 2, "--candles CSV and --symbol SYMBOL"),
        (
            ("--candles", "btc.csv", "--symbol", BTC, "--ledger", "state/signalbot.db"),
            1,
            "the daemon's own ledger",
        ),
    ],
)
def test_wrong_usage_is_told(
    home: CommandLine, arguments: tuple[str, ...], code: int, told: str
) -> None:
    """Nothing is written over, nothing that was asked for is passed over."""
    said = home.ask("replay", *arguments)
    assert said.code == code
    assert told in said.err


def test_a_daemons_ledger_needs_no_candles_where_the_exchange_is_simulated(
    home: CommandLine,
) -> None:
    """Its prices come from their seed again: what the daemon decided is decided again."""
    played = home.run("demo", "--speed", "0", "--keep", "demo")
    assert played.code == 0, played.err
    asked = ("replay", "--signals", "-c", "demo/demo.toml", "--ledger", "demo/demo.db")
    for user in ("bob", "carol", "frank"):
        found = home.ask(*asked, "--user", user, "--json").json
        was, present = found["courses"]
        assert was["refusals"] == present["refusals"]
        assert was["trades"] == present["trades"]
        words = [
            [fate and fate["code"] for fate in each["courses"].values()]
            for each in found["differences"]
        ]
        assert all(before == after for before, after in words), words
        assert len(found["candles"]) == 2
    bold = home.ask(*asked, "--user", "bob", "--set", "sizing.risk_percent=0.25", "--json").json
    present, changed = (Decimal(course["fees"]) for course in bold["courses"][1:])
    assert changed < present
    assert json.dumps(bold) == json.dumps(
        home.ask(*asked, "--user", "bob", "--set", "sizing.risk_percent=0.25", "--json").json
    )


def test_signals_of_what_is_not_followed_now_are_counted_and_left_out(home: CommandLine) -> None:
    """The rules that held for them are not there any more."""
    whole = (home.folder / "config.toml").read_text()
    (home.folder / "less.toml").write_text(whole.replace("[users.ann.subscriptions.dips]", ""))
    found = home.ask(*_asked("--json", "-c", "less.toml")).json
    with closing(sqlite3.connect(home.folder / "ann.db")) as ledger:
        counted = dict(
            ledger.execute(
                "SELECT strategy, count(*) FROM signals JOIN decisions USING (signal_id) "
                "WHERE user_id = 'ann' GROUP BY strategy"
            )
        )
    assert (found["signals"], found["unfollowed"]) == (counted["trend"], counted["dips"])
    again = home.ask(*_asked("--json", "-c", "less.toml", "--set", "subscriptions.dips={}")).json
    assert (again["signals"], again["unfollowed"]) == (sum(counted.values()), 0)
    tried = again["courses"][2]
    assert tried["decided"] == sum(counted.values())


def test_what_has_moved_to_archives_is_part_of_it(home: CommandLine) -> None:
    """Old signals and decisions are found where they are now."""
    folder = home.folder / "old"
    folder.mkdir()
    path = folder / "signalbot.db"
    shutil.copy(home.folder / "ann.db", path)

    async def move() -> int:
        async with open_database(path) as database:
            return await archive_old_rows(
                database,
                folder / "archive",
                cutoff_ms=Ms(BEGIN + 2 * DAY_MS),
                clock=SystemClock(),
            )

    assert asyncio.run(move()) > 100
    with closing(sqlite3.connect(path)) as ledger:
        left = ledger.execute("SELECT min(decided_at_ms) FROM decisions").fetchone()[0]
    assert left >= BEGIN + 2 * DAY_MS
    moved = home.ask(
        *("old/signalbot.db" if each == "ann.db" else each for each in _asked("--json"))
    )
    assert moved.code == 0, moved.err
    assert moved.json == _what_if(home)
