"""``send``: sends a signal by hand."""

from typing import Annotated

import typer

from signalbot.cli.control_socket import send_request
from signalbot.cli.options import ConfigOption, JsonOption
from signalbot.cli.render import print_json

Price = Annotated[str | None, typer.Option(metavar="PRICE")]


def send(
    strategy: Annotated[str, typer.Argument(metavar="STRATEGY")],
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="Market, such as BTC/USDT:USDT.")],
    action: Annotated[
        str, typer.Argument(metavar="ACTION", help="LONG, SHORT, EXIT_LONG or EXIT_SHORT.")
    ],
    *,
    price: Annotated[
        str | None, typer.Option(metavar="PRICE", help="Reference price for slippage.")
    ] = None,
    stop_loss: Annotated[str | None, typer.Option(metavar="PRICE")] = None,
    take_profit: Annotated[
        list[str] | None, typer.Option(metavar="PRICE", help="Nearest first; may be repeated.")
    ] = None,
    exit_percent: Annotated[
        str | None,
        typer.Option(metavar="PERCENT", help="Part of the position to close; default 100."),
    ] = None,
    strength: Annotated[str, typer.Option(metavar="STRENGTH")] = "MODERATE",
    confidence: Annotated[float, typer.Option(min=0, max=1)] = 1.0,
    reason: Annotated[str, typer.Option(metavar="TEXT")] = "",
    key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Idempotency key: one signal per key.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Send a signal to every subscriber of a strategy.

    The signal is stored before it is broadcast.
    """
    body: dict[str, object] = {
        "strategy": strategy,
        "symbol": symbol,
        "action": action.upper(),
        "price": price,
        "stop_loss": stop_loss,
        "take_profits": take_profit or [],
        "strength": strength.upper(),
        "confidence": confidence,
        "reason": reason,
        "key": key,
    }
    if exit_percent is not None:
        body["exit_percent"] = exit_percent.removesuffix("%")
    sent = send_request(config, "POST", "/api/signals", body)
    if as_json:
        print_json(sent)
    else:
        typer.echo(sent["signal_id"] + ("" if sent["is_new"] else " (already sent)"))
