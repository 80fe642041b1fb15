"""What scripts rely on: exit codes, where messages go, and a quick start."""

import sqlite3
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest
import typer

from signalbot import __version__
from signalbot.cli import COMMANDS
from signalbot.cli.errors import ExitCode, report_errors
from signalbot.cli.inspect import accounts, executions, orders, positions, signals
from signalbot.domain.errors import ConfigError, LedgerError, LedgerLocked, NotFound, SignalbotError
from signalbot.domain.executions import ExecutionStatus
from signalbot.domain.orders import OrderStatus
from signalbot.domain.positions import PositionStatus
from signalbot.domain.signals import SignalStatus
from signalbot.domain.users import SubscriptionStatus, UserStatus
from tests.cli.command_line import CommandLine

READING = (
    "status", "users", "strategies", "subscriptions", "signals", "why", "skips", "executions",
    "positions", "orders", "pnl",
)  # fmt: skip


def test_the_version_is_printed(shell: CommandLine) -> None:
    """The same as the package's."""
    assert shell.run("--version").out == f"signalbot {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("users", "--user", "alise"), 4),
        (("signals", "--strategy", "trent"), 4),
        (("signals", "--status", "DONE"), 2),
        (("signals", "--since", "yesterday"), 2),
        (("signals", "--limit", "-1"), 2),
        (("signals", "--code", "COOLDOWN"), 2),
        (("signals", "--user", "bob", "--code", "COOLDOWM"), 4),
        (("explain", "PRICE_DRIFT"), 4),
        (("usres",), 2),
        (("why",), 2),
        (("users", "--ledger", "nowhere.db"), 1),
        (("users", "-c", "nowhere.toml"), 78),
    ],
)
def test_exit_codes_tell_mistakes_apart(
    home: CommandLine, arguments: tuple[str, ...], code: int
) -> None:  # fmt: skip
    """Nothing goes to stdout, a message to stderr, and never a traceback."""
    said = home.run(*arguments)
    assert (said.code, said.out) == (code, "")
    assert said.err
    assert "Traceback" not in said.err


def test_without_any_configuration_the_places_looked_at_are_named(shell: CommandLine) -> None:
    """And how to get one."""
    said = shell.run("users")
    assert said.code == 78
    assert "/etc/signalbot/config.toml" in said.err
    assert "signalbot init" in said.err


@pytest.mark.parametrize("content", [b"", b"not a database" * 100])
def test_a_file_that_is_no_ledger_is_refused(shell: CommandLine, content: bytes) -> None:
    """Be it empty, or something else."""
    (shell.folder / "x.db").write_bytes(content)
    said = shell.run("users", "--ledger", "x.db")
    assert said.code == 1
    assert "x.db: " in said.err
    assert (shell.folder / "x.db").read_bytes() == content


@pytest.mark.parametrize(("version", "whose"), [(1, "older"), (9999, "newer")])
def test_another_versions_ledger_is_not_misread(
    shell: CommandLine, state_dir: Path, version: int, whose: str
) -> None:
    """The message says which way round."""
    copy = shell.folder / "copy.db"
    copy.write_bytes((state_dir / "signalbot.db").read_bytes())
    with sqlite3.connect(copy) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    said = shell.run("users", "--ledger", "copy.db")
    assert said.code == 1
    assert whose in said.err


def test_a_reader_that_stops_early_causes_no_noise(home: CommandLine) -> None:
    """``signalbot orders | head -1`` is what people type."""
    command = f"{sys.executable} -m signalbot config schema | head -1"
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=home.folder,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("{\n", "")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), ExitCode.BAD_CONFIG),
        (NotFound("x"), ExitCode.NOT_FOUND),
        (SignalbotError("x"), ExitCode.ERROR),
        (LedgerLocked("x"), ExitCode.ERROR),
        (ExceptionGroup("g", [ExceptionGroup("h", [ConfigError("x")])]), ExitCode.BAD_CONFIG),
        (PermissionError(13, "Permission denied", "x"), ExitCode.ERROR),
    ],
)
def test_what_a_user_can_cause_ends_in_a_message(
    error: Exception, code: ExitCode, capsys: pytest.CaptureFixture[str]
) -> None:
    """Even out of the middle of a TaskGroup."""
    with pytest.raises(SystemExit) as left, report_errors():
        raise error
    assert left.value.code == code
    assert "x" in capsys.readouterr().err


def test_a_bug_keeps_its_traceback() -> None:
    """Also when it comes together with an error that is expected."""
    bug = ExceptionGroup("g", [LedgerError("x"), KeyError("y")])
    with pytest.raises(ExceptionGroup), report_errors():
        raise bug


@pytest.mark.parametrize("command", READING)
def test_reading_commands_load_nothing_heavy(command: str) -> None:
    """Their modules are there in no time: no numbers, no event loop, no logging, no tables."""
    module = COMMANDS[command].where.partition(":")[0]
    heavy = ("numpy", "talib", "ccxt", "aiosqlite", "structlog", "asyncio", "rich", "pydantic")
    code = f"import sys, {module}; print(*({{*{heavy!r}}} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )  # fmt: skip
    assert done.stdout.split() == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_there_with_help_and_examples(command: str) -> None:
    """An example begins with the program's name and names a command that exists."""
    entry = COMMANDS[command]
    module, _, attribute = entry.where.partition(":")
    target = getattr(import_module(module), attribute)
    assert isinstance(target, typer.Typer) or target.__doc__
    assert entry.examples
    for example in entry.examples:
        program, used, *_ = example.split()
        assert program == "signalbot"
        assert used == command


def test_help_shows_the_groups_and_the_examples(shell: CommandLine) -> None:
    """The first things one reads."""
    groups = shell.run("--help").out
    assert groups.index("Set up") < groups.index("Observe")
    assert "signalbot why 3f9a bob" in shell.ask("why", "--help").out
    assert "signalbot config show --user alice" in shell.ask("config", "show", "-h").out


@pytest.mark.parametrize(
    ("words", "known"),
    [
        (signals.SignalStatusChoice, SignalStatus),
        (executions.ExecutionStatusChoice, ExecutionStatus),
        (orders.OrderStatusChoice, OrderStatus),
        (positions.PositionStatusChoice, PositionStatus),
        (accounts.UserStatusChoice, UserStatus),
        (accounts.SubscriptionStatusChoice, SubscriptionStatus),
    ],
)
def test_words_to_choose_from_are_those_of_the_domain(words: object, known: type) -> None:
    """They are repeated only because the domain takes long to import."""
    assert get_args(words) == tuple(known)  # type: ignore[arg-type]
