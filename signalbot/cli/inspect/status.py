"""``status``: state of the daemon and of its ledger."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from signalbot import __version__
from signalbot.cli.errors import ExitCode
from signalbot.cli.formatting import utc
from signalbot.cli.ledger_source import ledger_path, open_reader
from signalbot.cli.options import ConfigOption, JsonOption, LedgerOption
from signalbot.cli.render import Column, print_facts, print_json, print_table
from signalbot.ledger import views
from signalbot.ledger.lock import owner_pid

_RUNS = (
    Column("Strategy", "strategy"),
    Column("Timeframe", "timeframe", is_extra=True),
    Column("Symbol", "symbol"),
    Column("Last candle", "candle_close_ms", utc),
    Column("Outcome", "outcome"),
    Column("Signal", "signal_id"),
    Column("Drift ms", "drift_ms", is_number=True, is_extra=True),
    Column("Took ms", "duration_ms", is_number=True, is_extra=True),
    Column("Error", "error", is_extra=True),
)
_NOTHING_YET: dict[str, Any] = {
    "halted": None,
    "disk_low": None,
    "away": [],
    "users": [],
    "users_not_trading": [],
    "open_positions": 0,
    "active_signals": 0,
    "executions_in_doubt": 0,
    "strategies": [],
}
_MAX_LISTED_USERS = 10
_MIB = 1 << 20


def status(
    *, as_json: JsonOption = False, config: ConfigOption = None, ledger: LedgerOption = None
) -> None:
    """Show the daemon's state; exit code 3 if stopped."""
    path = ledger_path(config, ledger)
    pid = owner_pid(path.parent)
    found: dict[str, Any] = {
        "version": __version__,
        "running": pid is not None,
        "pid": pid,
        "ledger": str(path),
        "ledger_bytes": path.stat().st_size if path.is_file() else None,
        **_NOTHING_YET,
    }
    if ledger is not None or path.is_file():
        with open_reader(config, ledger) as source:
            found |= views.overview(source.connection, now_ms=source.now_ms())
    if as_json:
        print_json(found)
    else:
        _print(found, path)
    if pid is None and ledger is None:
        raise typer.Exit(ExitCode.NOT_RUNNING)


def _print(found: dict[str, Any], path: Path) -> None:
    print_facts(_facts(found, path))
    if found["strategies"]:
        typer.echo()
        print_table(found["strategies"], _RUNS)


def _facts(found: dict[str, Any], path: Path) -> Iterator[tuple[str, str]]:
    running = f"running, process {found['pid']}" if found["running"] else "not running"
    yield "signalbot", f"{found['version']}, {running}"
    if found["ledger_bytes"] is None:
        yield "Ledger", f"no ledger yet: {path}"
        return
    yield "Ledger", f"{path} ({found['ledger_bytes'] / _MIB:.1f} MiB)"
    yield "Halted", found["halted"] or "no"
    if found["disk_low"]:
        yield "Disk", f"no entries: {found['disk_low']}"
    for row in found["away"]:
        yield (
            "Unreachable",
            f"{row['exchange']} ({row['egress']}) has not responded since {utc(row['since_ms'])}",
        )
    yield "Users", ", ".join(map(_count, found["users"])) or "none"
    yield from _not_trading(found["users_not_trading"])
    yield "Open positions", str(found["open_positions"])
    yield "Active signals", str(found["active_signals"])
    yield "Unresolved", _unresolved(found["executions_in_doubt"])


def _count(row: dict[str, Any]) -> str:
    return f"{row['users']} {row['mode']} {row['status']}"


def _not_trading(users: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for row in users[:_MAX_LISTED_USERS]:
        reason = f": {row['status_reason']}" if row["status_reason"] else ""
        yield f"  {row['user_id']}", f"{row['status']}{reason}"
    if len(users) > _MAX_LISTED_USERS:
        yield "  others", f"{len(users) - _MAX_LISTED_USERS}: see signalbot users"


def _unresolved(executions: int) -> str:
    if not executions:
        return "0"
    return f"{executions}: see signalbot executions --status unknown, or --status pending"
