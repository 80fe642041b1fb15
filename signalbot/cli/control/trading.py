"""``halt``, ``unhalt``, ``pause``, ``resume``, ``close``: who may enter, and what has to go."""

from typing import Annotated

import typer

from signalbot.cli.errors import telling
from signalbot.cli.options import AsJson, ConfigFile
from signalbot.cli.render import Column, print_json, print_list
from signalbot.cli.socket import ask

User = Annotated[str, typer.Argument(metavar="USER")]
Strategy = Annotated[str | None, typer.Argument(metavar="STRATEGY", help="Only this subscription.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; shown and kept.")]


def halt(reason: Reason = "", config: ConfigFile = None) -> None:
    """Stop all entries, of every user, until unhalt. Exits and stops go on."""
    with telling():
        state = ask(config, "POST", "/api/halt", {"reason": reason})
        typer.echo(f"halted: {state['halted']}")


def unhalt(config: ConfigFile = None) -> None:
    """Allow entries again. Users paused or halted one by one stay so."""
    with telling():
        ask(config, "POST", "/api/unhalt")
        typer.echo("trading")


def pause(
    user: User, strategy: Strategy = None, reason: Reason = "", config: ConfigFile = None
) -> None:
    """Stop entries of one user, or of one subscription, until resumed; restarts included."""
    with telling():
        if strategy is None:
            ask(config, "POST", f"/api/users/{user}/pause", {"reason": reason})
        else:
            ask(config, "POST", f"/api/subscriptions/{user}/{strategy}/pause")
        typer.echo(f"{user}{_on(strategy)} is paused")


def resume(user: User, strategy: Strategy = None, config: ConfigFile = None) -> None:
    """Let a paused or halted user, or a paused subscription, enter again."""
    with telling():
        if strategy is None:
            ask(config, "POST", f"/api/users/{user}/resume")
        else:
            ask(config, "POST", f"/api/subscriptions/{user}/{strategy}/resume")
        typer.echo(f"{user}{_on(strategy)} is active")


def close(
    user: User,
    symbol: Annotated[
        str | None, typer.Argument(metavar="SYMBOL", help="One market; else everything.")
    ] = None,
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Close a user's positions at market, and cancel entries that rest."""
    with telling():
        closings = ask(config, "POST", f"/api/users/{user}/close", {"symbol": symbol})
        if as_json:
            print_json(closings)
            return
        columns = (
            Column("Position", "position_id"),
            Column("Symbol", "symbol"),
            Column("Closed", "closed"),
        )
        print_list(closings, columns, as_json=False, none="nothing was open")


def _on(strategy: str | None) -> str:
    return "" if strategy is None else f" on {strategy}"
