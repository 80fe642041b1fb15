"""``webhook``: shows how alerts of a webhook source are parsed."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from signalbot.cli.control_socket import send_raw_request
from signalbot.cli.lazy import examples_text, new_app
from signalbot.cli.options import ConfigOption, JsonOption
from signalbot.cli.render import print_facts, print_json
from signalbot.domain.errors import NotFound

app = new_app(
    name="webhook",
    help="Test how webhook alerts are parsed.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def _webhook() -> None:
    """Test how webhook alerts are parsed."""


@app.command(
    "test",
    epilog=examples_text(
        (
            "signalbot webhook test tv-breakout alert.json",
            "echo 'buy BTCUSDT sl=2%' | signalbot webhook test tv-breakout",
            "signalbot webhook test tv-breakout alert.json --json",
        )
    ),
)
def show_alert(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Strategy of kind webhook.")],
    file: Annotated[
        str, typer.Argument(metavar="FILE|-", help="Alert body; - reads standard input.")
    ] = "-",
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show what an alert would do, without trading.

    Prints the signals with their levels, the ignored fields, or the reason for rejecting the alert.

    The body is parsed as if the source had sent it; no secret is needed.
    """
    body = sys.stdin.buffer.read() if file == "-" else _content(Path(file))
    found = send_raw_request(config, "POST", f"/hooks/{quote(source, safe='')}?dry_run=1", body)
    if as_json:
        print_json(found)
    else:
        print_facts(_facts(found))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        raise NotFound(f"{path}: {e.strerror}") from e


def _facts(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for signal in found["signals"]:
        yield "signal", signal_line(signal)
    for signal in found["withdrawn"]:
        yield "withdraws", f"{signal['signal_id']} {signal['action']} {signal['symbol']}"
    if not found["signals"] and not found["withdrawn"]:
        yield "signal", "none: the alert has no action"
    if found["refused"] is not None:
        yield "rejected", found["refused"]
    yield "ignored", ", ".join(found["ignored"]) or "nothing"


def signal_line(signal: Mapping[str, Any]) -> str:
    """``LONG BTC/USDT:USDT, price 60000, stop 59000, target 62000 (50 %)``."""
    parts = [f"{signal['action']} {signal['symbol']}"]
    if signal["exit_percent"] != "100":
        parts.append(f"{signal['exit_percent']} % of the position")
    for name, key in (("price", "price"), ("stop", "stop_loss")):
        if signal[key] is not None:
            parts.append(f"{name} {signal[key]}")
    if signal["trailing_percent"] is not None:
        parts.append(f"stop trails at {signal['trailing_percent']} %")
    shares = signal["take_profit_shares"] or [None] * len(signal["take_profits"])
    for target, share in zip(signal["take_profits"], shares, strict=True):
        parts.append(f"target {target}" + ("" if share is None else f" ({share} %)"))
    if not signal["is_new"]:
        parts.append("duplicate: nothing would happen")
    return ", ".join(parts)
