"""``subscribe`` and ``cancel``: add and end subscriptions while the daemon runs."""

import tomllib
from typing import Annotated, Any

import typer

from signalbot.cli.control_socket import send_request
from signalbot.cli.options import ConfigOption
from signalbot.domain.errors import SignalbotError

SIGNAL_ID_PREFIX = "sig_"


def subscribe(
    user: Annotated[str, typer.Argument(metavar="USER")],
    strategy: Annotated[str, typer.Argument(metavar="STRATEGY")],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Setting of this subscription; may be repeated."
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Subscribe a user to a strategy, from its next signal."""
    body = {"user": user, "settings": _settings(settings or [])}
    row = send_request(config, "POST", f"/api/strategies/{strategy}/subscribe", body)
    typer.echo(f"{row['subscription_id']} is {row['status']}")


def cancel(
    user: Annotated[
        str, typer.Argument(metavar="USER|SIGNAL", help="User of the subscription, or signal id.")
    ],
    strategy: Annotated[str | None, typer.Argument(metavar="STRATEGY")] = None,
    config: ConfigOption = None,
) -> None:
    """End a subscription, or withdraw a signal. Open positions keep their stops."""
    if strategy is not None:
        send_request(config, "DELETE", f"/api/subscriptions/{user}/{strategy}")
        typer.echo(f"{user}/{strategy} is CANCELLED")
    elif user.startswith(SIGNAL_ID_PREFIX):
        row = send_request(config, "POST", f"/api/signals/{user}/cancel")
        typer.echo(f"{row['signal_id']} is {row['status']}")
    else:
        raise typer.BadParameter("the strategy is missing: signalbot cancel USER STRATEGY")


def _settings(pairs: list[str]) -> dict[str, Any]:
    """Parse ``sizing.risk_percent=2`` and the like into a nested table.

    Raises:
        SignalbotError: a pair is not KEY=VALUE with a TOML value; quotes around text are optional.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise SignalbotError(f"{pair!r} is not KEY=VALUE, such as sizing.risk_percent=2")
        _merge(found, _parsed(key, value))
    return found


def _parsed(key: str, value: str) -> dict[str, Any]:
    for text in (value, f"'{value}'"):
        try:
            return tomllib.loads(f"{key} = {text}")
        except tomllib.TOMLDecodeError:
            continue
    raise SignalbotError(
        f"'{key}={value}' is not valid TOML: write it as in the configuration file"
    )


def _merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value
