"""``demo``: runs the daemon on a simulated exchange, without network or keys."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from signalbot.cli.formatting import signed_money, utc
from signalbot.cli.render import Column, Row, print_table
from signalbot.domain.money import ZERO, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from signalbot.domain.positions import Position
    from signalbot.ports import Clock

_SPEED = 450.0


def demo(
    minutes: Annotated[
        int, typer.Option("--minutes", min=40, max=1440, help="Simulated minutes.")
    ] = 150,
    speed: Annotated[
        float, typer.Option("--speed", min=0, help="Speed factor; 0 runs without waiting.")
    ] = _SPEED,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="DIR", help="Keep the ledger in this folder."),
    ] = None,
) -> None:
    """Run the daemon on a simulated exchange.

    Seven users with different rules receive the same signals. The log shows their decisions with
    the reasons; a table of every signal and every user follows. Uses no network and no keys.
    """
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        _play(keep, minutes, speed)
        typer.echo(f"\nExplore: signalbot why SIGNAL --ledger {keep / 'demo.db'}")
        return
    with TemporaryDirectory(prefix="signalbot-demo-") as folder:
        _play(Path(folder), minutes, speed)


def _play(folder: Path, minutes: int, speed: float) -> None:
    from signalbot.observability.logging.setup import configure_logging
    from signalbot.replay.demo import demo

    for leftover in folder.glob("demo.db*"):
        leftover.unlink()

    def log_in_virtual_time(clock: "Clock") -> None:
        configure_logging(log_format="console", level="info", stream=sys.stdout, clock=clock.now_ms)

    ledger = demo(folder, minutes=minutes, speed=speed or None, on_start=log_in_virtual_time)
    _print_summary(ledger)


def _print_summary(ledger: Path) -> None:
    from signalbot.ledger.history import read_ledger_history
    from signalbot.ledger.views import open_ledger, signal_outcomes, signals

    with open_ledger(ledger) as connection:
        rows = [
            _signal_row(signal, signal_outcomes(connection, signal["signal_id"]))
            for signal in reversed(signals(connection))
        ]
    typer.echo("\nEvery signal, for every user")
    print_table(rows, _SIGNAL_COLUMNS)
    history = read_ledger_history(ledger)
    typer.echo("\nEvery user")
    print_table(
        [
            _user_row(
                user.user_id,
                user.mode,
                executed=sum(history.executions.get(user.user_id, {}).values()),
                skipped=sum(history.refusals.get(user.user_id, {}).values()),
                positions=history.positions.get(user.user_id, ()),
            )
            for user in history.users
        ],
        _USER_COLUMNS,
    )


def _signal_row(signal: Row, decided: list[Row]) -> Row:
    executed = [outcome for outcome in decided if outcome["outcome"] == "EXECUTE"]
    skipped = [
        f"{outcome['user_id']} {outcome['code']}"
        for outcome in decided
        if outcome["outcome"] == "SKIP"
    ]
    return {
        "at": signal["created_at_ms"],
        "signal_id": signal["signal_id"],
        "action": signal["action"],
        "symbol": signal["symbol"],
        "strength": signal["strength"],
        "executed": ", ".join(outcome["user_id"] for outcome in executed) or None,
        "skipped": ", ".join(skipped) or None,
    }


def _user_row(
    user_id: str, mode: str, *, executed: int, skipped: int, positions: "Sequence[Position]"
) -> Row:
    closed = [position for position in positions if not position.is_open]
    net = sum((position.net_pnl for position in closed), ZERO)
    return {
        "user_id": user_id,
        "mode": mode,
        "executed": executed,
        "skipped": skipped,
        "closed": len(closed),
        "won": sum(position.net_pnl > 0 for position in closed),
        "open": len(positions) - len(closed),
        "net_pnl": text(net),
    }


_SIGNAL_COLUMNS = (
    Column("Time (UTC)", "at", format=utc),
    Column("Signal", "signal_id", is_extra=True),
    Column("Action", "action"),
    Column("Symbol", "symbol"),
    Column("Strength", "strength", is_extra=True),
    Column("Executed", "executed", is_prose=True),
    Column("Skipped", "skipped", is_prose=True),
)
_USER_COLUMNS = (
    Column("User", "user_id"),
    Column("Mode", "mode"),
    Column("Executed", "executed", is_number=True),
    Column("Skipped", "skipped", is_number=True),
    Column("Closed", "closed", is_number=True),
    Column("Won", "won", is_number=True),
    Column("Open", "open", is_number=True),
    Column("Net PnL", "net_pnl", format=signed_money, is_number=True),
)
