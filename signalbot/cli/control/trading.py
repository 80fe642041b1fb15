"""``halt``, ``unhalt``, ``pause``, ``resume``, ``close``: control entries and positions."""

from typing import Annotated

import typer

from signalbot.cli.control_socket import send_request
from signalbot.cli.options import ConfigOption, JsonOption
from signalbot.cli.render import Column, print_json, print_list

User = Annotated[str, typer.Argument(metavar="USER")]
Strategy = Annotated[str | None, typer.Argument(metavar="STRATEGY", help="Only this subscription.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Reason, shown and stored.")]


def halt(reason: Reason = "", config: ConfigOption = None) -> None:
    """Stop all entries until unhalt. Exits and stops continue."""
    state = send_request(config, "POST", "/api/halt", {"reason": reason})
    typer.echo(f"halted: {state['halted']}")


def unhalt(config: ConfigOption = None) -> None:
    """Allow entries again. Paused and halted users stay so."""
    send_request(config, "POST", "/api/unhalt")
    typer.echo("trading")


def pause(
    user: User, strategy: Strategy = None, reason: Reason = "", config: ConfigOption = None
) -> None:
    """Stop entries of a user or one subscription.

    The pause survives restarts and ends with ``resume``.
    """
    if strategy is None:
        send_request(config, "POST", f"/api/users/{user}/pause", {"reason": reason})
    else:
        send_request(config, "POST", f"/api/subscriptions/{user}/{strategy}/pause")
    typer.echo(f"{user}{_on(strategy)} is paused")


def resume(user: User, strategy: Strategy = None, config: ConfigOption = None) -> None:
    """Resume a paused or halted user, or a subscription."""
    if strategy is None:
        send_request(config, "POST", f"/api/users/{user}/resume")
    else:
        send_request(config, "POST", f"/api/subscriptions/{user}/{strategy}/resume")
    typer.echo(f"{user}{_on(strategy)} is active")


def close(
    user: User,
    symbol: Annotated[
        str | None, typer.Argument(metavar="SYMBOL", help="Only this market; default all.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Close a user's positions and cancel resting entries.

    Positions are closed at market.
    """
    closings = send_request(config, "POST", f"/api/users/{user}/close", {"symbol": symbol})
    if as_json:
        print_json(closings)
        return
    columns = (
        Column("Position", "position_id"),
        Column("Symbol", "symbol"),
        Column("Closed", "closed"),
    )
    print_list(closings, columns, as_json=False, none="no open positions")


def _on(strategy: str | None) -> str:
    return "" if strategy is None else f" on {strategy}"
