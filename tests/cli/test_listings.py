"""Every reading command: a table for people, plain columns for a pipe, JSON for programs."""

import re
from pathlib import Path

import pytest

from tests.cli.command_line import CommandLine
from tests.cli.sample_ledger import BTC, ETH, FATES, NOW, OLDER_ID, POSITION_ID, SIGNAL_ID

LISTINGS = {
    "users": {"user_id", "mode", "status", "origin", "paper_balance", "open_positions"},
    "strategies": {"name", "kind", "exchange", "symbols", "timeframe", "status", "origin"},
    "subscriptions": {"subscription_id", "user_id", "strategy", "status", "origin"},
    "signals": {
        "signal_id", "strategy", "source", "exchange", "symbol", "timeframe", "action", "strength",
        "confidence", "price", "stop_loss", "take_profits", "reason", "candle_close_ms",
        "created_at_ms", "expires_at_ms", "status",
    },
    "executions": {
        "signal_id", "user_id", "subscription_id", "mode", "status", "claimed_at_ms",
        "executed_at_ms", "actual_entry_price", "quantity", "leverage", "order_id",
        "client_order_id", "position_id", "slippage_bps", "latency_ms", "failed_at_ms",
        "failure_reason", "error_details", "ai_decision_applied", "ai_confidence",
        "ai_skip_reason",
    },
    "positions": {
        "position_id", "user_id", "signal_id", "strategy", "symbol", "side", "status", "quantity",
        "entry_price", "stop_loss", "take_profits", "protected_at_ms", "opened_at_ms",
        "closed_at_ms", "exit_price", "close_reason", "realized_pnl", "fees", "funding", "net_pnl",
        "protection", "stop_confirmed_at_ms", "unprotected_since_ms", "unprotected_ms",
        "reconciled_at_ms", "protected_quantity", "held_otherwise",
    },
    "orders": {
        "client_order_id", "user_id", "signal_id", "position_id", "leg", "exchange", "symbol",
        "side", "type", "quantity", "price", "trigger_price", "reduce_only", "status",
        "exchange_order_id", "filled", "average_price", "fee", "fee_currency", "intended_at_ms",
        "updated_at_ms", "error",
    },
    "pnl": {
        "user_id", "mode", "currency", "trades", "wins", "win_rate_percent", "gross_pnl", "fees",
        "funding", "net_pnl", "best", "worst", "open_positions",
    },
}  # fmt: skip


@pytest.mark.parametrize("command", LISTINGS)
def test_json_has_the_columns_of_the_tables_and_keeps_money_as_text(
    home: CommandLine, command: str
) -> None:
    """Names are those the design promises; no amount becomes a binary float."""
    rows = home.ask(command, "--json").json
    assert rows
    for row in rows:
        assert LISTINGS[command] <= row.keys()
        floats = {name for name, value in row.items() if isinstance(value, float)}
        assert floats <= {"confidence", "ai_confidence"}
        assert all(isinstance(row[name], int | None) for name in row if name.endswith("_ms"))


@pytest.mark.parametrize("command", LISTINGS)
def test_piped_columns_are_plain_and_can_be_split_at_two_spaces(
    home: CommandLine, command: str
) -> None:
    """No boxes, no colours, no control characters, and the same number of cells in every line."""
    said = home.run(command)
    assert said.code == 0
    assert said.out.isascii()
    assert not re.search(r"[^\x20-\x7e\n]", said.out)
    header, *lines = said.lines
    assert header == header.upper()
    assert lines
    assert {len(re.split(r" {2,}", line.strip())) for line in lines} == {
        len(re.split(r" {2,}", header.strip()))
    }


def test_a_terminal_gets_a_table_that_fits_into_it(home: CommandLine) -> None:
    """Colours and rules are for people, and what does not fit is left out by name."""
    seen = home.on_terminal("executions", columns=80)
    assert "\x1b[" in seen
    assert "─" in seen
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert SIGNAL_ID in text
    assert "too narrow" in text


def test_what_a_signal_says_cannot_steer_the_terminal(home: CommandLine) -> None:
    """A reason comes from outside: its escape sequences and markup are shown, not obeyed."""
    seen = home.on_terminal("signals", columns=400)
    assert "\x1b[2J" not in seen
    assert "[bold]above[/bold]" in seen


def test_times_are_read_in_utc(home: CommandLine) -> None:
    """Wherever the computer is."""
    assert "2022-01-05 14:35:00" in home.run("signals", TZ="Asia/Tokyo").out


def test_listings_begin_with_the_newest_and_say_that_there_is_more(home: CommandLine) -> None:
    """A limit is never silent."""
    said = home.ask("signals", "--limit", "1", "--json")
    assert [row["signal_id"] for row in said.json] == [SIGNAL_ID]
    assert "--limit" in said.err
    everything = home.ask("signals", "--limit", "0", "--json")
    assert [row["signal_id"] for row in everything.json] == [SIGNAL_ID, OLDER_ID]
    assert everything.err == ""


def test_positions_are_the_open_ones_unless_all_are_asked_for(home: CommandLine) -> None:
    """Closed positions of all users are merged by when they were opened."""
    assert [row["position_id"] for row in home.ask("positions", "--json").json] == [POSITION_ID]
    opened = [row["opened_at_ms"] for row in home.ask("positions", "--all", "--json").json]
    assert len(opened) == 6
    assert opened == sorted(opened, reverse=True)
    newest = home.ask("positions", "--all", "--limit", "2", "--json").json
    assert [row["opened_at_ms"] for row in newest] == opened[:2]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("signals", "--symbol", "ETH"), [OLDER_ID]),
        (("signals", "--symbol", ETH), [OLDER_ID]),
        (("signals", "--symbol", "BTC/*"), [SIGNAL_ID]),
        (("signals", "--strategy", "dips"), []),
        (("signals", "--status", "cancelled"), [OLDER_ID]),
        (("signals", "--status", "ACTIVE"), [SIGNAL_ID]),
        (("signals", "--since", "2022-01-05"), [SIGNAL_ID]),
        (("signals", "--since", "2022-01-05T14:36"), []),
        (("signals", "--since", "2022-01-05T15:35+01:00"), [SIGNAL_ID]),
        (("signals", "--user", "bob"), [SIGNAL_ID]),
        (("signals", "--user", "erin"), []),
        (("executions", "--user", "alice"), [SIGNAL_ID]),
        (("executions", "--status", "unknown"), [SIGNAL_ID]),
        (("executions", "--status", "pending"), []),
        (("orders", "--status", "open", "--user", "alice"), [SIGNAL_ID]),
        (("orders", "--status", "open", "--user", "bob"), []),
    ],
)
def test_filters_narrow_a_listing(
    home: CommandLine, arguments: tuple[str, ...], expected: list[str]
) -> None:
    """Each by itself, whatever its spelling."""
    said = home.ask(*arguments, "--json")
    assert said.code == 0
    assert [row["signal_id"] for row in said.json] == expected


def test_signals_of_a_user_come_with_the_decision(home: CommandLine) -> None:
    """So that one line answers what this user did with it."""
    (row,) = home.ask("signals", "--user", "bob", "--json").json
    assert (row["outcome"], row["code"]) == ("SKIP", "MAX_OPEN_POSITIONS")
    assert row["detail"] == {"open": 3, "limit": 3}


def test_a_span_counts_back_from_now_or_from_a_files_last_event(
    home: CommandLine, state_dir: Path
) -> None:
    """A replay's ledger lies years back: there "24h" means the last day it played."""
    assert home.ask("signals", "--since", "24h", "--json").json == []
    ledger = str(state_dir / "signalbot.db")
    said = home.ask("signals", "--since", "24h", "--ledger", ledger, "--json")
    assert [row["signal_id"] for row in said.json] == [SIGNAL_ID]


def test_a_ledger_file_needs_no_configuration(shell: CommandLine, state_dir: Path) -> None:
    """What a replay leaves behind can be read anywhere."""
    said = shell.run("users", "--ledger", str(state_dir / "signalbot.db"), "--json")
    assert {row["user_id"] for row in said.json} == {*FATES, "zoe"}


def test_the_configuration_may_be_named_before_or_after_the_command(home: CommandLine) -> None:
    """Or by the environment; each finds the same ledger."""
    config = home.folder / "config.toml"
    elsewhere = CommandLine(home.folder / "elsewhere")
    elsewhere.folder.mkdir()
    outputs = {
        elsewhere.run("-c", str(config), "users").out,
        elsewhere.run("users", "-c", str(config)).out,
        elsewhere.run("users", SIGNALBOT_CONFIG=str(config)).out,
    }
    assert outputs == {home.run("users").out}


def test_orders_of_everybody_are_merged_by_time(home: CommandLine) -> None:
    """Two orders each of three users, flags as flags."""
    rows = home.ask("orders", "--json").json
    assert sorted(row["user_id"] for row in rows) == sorted(["alice", "carol", "dave"] * 2)
    assert {row["reduce_only"] for row in rows} == {True, False}
    assert all(row["strategy"] == "trend" and row["symbol"] == BTC for row in rows)
    assert all(row["intended_at_ms"] == NOW + 21 for row in rows)
