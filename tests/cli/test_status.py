"""``status``: readable whether or not a daemon is there."""

from pathlib import Path

from signalbot.ledger.lock import hold
from tests.cli.command_line import CommandLine
from tests.cli.sample_ledger import BTC, NOW, SIGNAL_ID


def test_without_a_daemon_status_says_so_and_leaves_with_3(home: CommandLine) -> None:
    """The ledger is summed up all the same."""
    said = home.run("status", "--json")
    assert said.code == 3
    found = said.json
    assert (found["running"], found["pid"], found["halted"]) == (False, None, None)
    assert found["open_positions"] == 1
    assert found["executions_in_doubt"] == 1
    assert found["active_signals"] == 0  # it is ACTIVE in the table, and long past its time
    assert {"mode": "paper", "status": "ACTIVE", "users": 6} in found["users"]
    assert found["users_not_trading"] == [
        {"user_id": "frank", "status": "HALTED", "status_reason": "listener failed: KeyError"}
    ]
    last = {(run["strategy"], run["symbol"]): run for run in found["strategies"]}
    assert last["trend", BTC]["candle_close_ms"] == NOW
    assert last["trend", BTC]["signal_id"] == SIGNAL_ID
    assert last["dips", BTC]["candle_close_ms"] is None


def test_a_running_daemon_is_seen_and_leaves_with_0(home: CommandLine, state_dir: Path) -> None:
    """Whoever holds the lock of the state directory is the daemon."""
    with hold(state_dir):
        said = home.run("status")
    assert said.code == 0
    assert "running, process" in said.out
    assert "HALTED: listener failed: KeyError" in said.out


def test_before_the_first_run_there_is_no_ledger_and_that_is_said(shell: CommandLine) -> None:
    """Not an error of status, but one of every command that needs the ledger."""
    shell.ask("init")
    status = shell.run("status")
    assert status.code == 3
    assert "no ledger yet" in status.out
    assert shell.ask("status", "--json").json["users"] == []
    users = shell.run("users")
    assert (users.code, users.out) == (1, "")
    assert "signalbot run" in users.err
    assert "Traceback" not in users.err


def test_of_a_file_status_tells_what_is_in_it(shell: CommandLine, state_dir: Path) -> None:
    """A replay's ledger has no daemon to miss; its time is that of its last event."""
    said = shell.run("status", "--ledger", str(state_dir / "signalbot.db"), "--json")
    assert said.code == 0
    assert said.json["active_signals"] == 1
