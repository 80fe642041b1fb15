"""``token``: manages API tokens and webhook secrets. The daemon need not run."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import quote

import typer

from signalbot.cli.control_socket import send_request
from signalbot.cli.errors import NotRunning
from signalbot.cli.formatting import utc
from signalbot.cli.lazy import examples_text, new_app
from signalbot.cli.load_config import load_config
from signalbot.cli.options import ConfigOption, JsonOption
from signalbot.cli.render import Column, print_json, print_list
from signalbot.config.duration import parse_duration
from signalbot.config.settings import Config
from signalbot.control.token_issuer import issue_token
from signalbot.domain.errors import NotFound, SignalbotError
from signalbot.domain.timeframe import Ms
from signalbot.ledger.database import open_database
from signalbot.ledger.tokens import Scope, TokenStore
from signalbot.state_dir import LEDGER_NAME
from signalbot.tasks import SystemClock

T = TypeVar("T")

app = new_app(
    name="token",
    help="Manage API tokens and webhook secrets.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command(
    epilog=examples_text(
        (
            "signalbot token create --admin",
            "signalbot token create --user alice --label phone --expires 90d",
            "signalbot token create --source tv-breakout",
        )
    )
)
def create(
    admin: Annotated[bool, typer.Option("--admin", help="Full access.")] = False,
    user: Annotated[
        str | None, typer.Option(metavar="NAME", help="Access to this user only.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(metavar="STRATEGY", help="May only send signals of this strategy.")
    ] = None,
    label: Annotated[str, typer.Option(metavar="TEXT", help="Label shown in the list.")] = "",
    expires: Annotated[
        str | None, typer.Option(metavar="SPAN", help="Expires after this time, such as 90d.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Create a token. It is printed once and stored only as a hash."""
    scope, subject = _scope(admin=admin, user=user, source=source)
    settings, now_ms = load_config(config), SystemClock().now_ms()
    expires_at_ms = None if expires is None else Ms(now_ms + parse_duration(expires))
    text, token = _with_tokens(
        settings,
        lambda tokens: issue_token(
            tokens,
            scope=scope,
            subject=subject,
            label=label,
            users=settings.users,
            strategies=settings.strategies,
            now_ms=now_ms,
            expires_at_ms=expires_at_ms,
        ),
    )
    if as_json:
        print_json({"token_id": token.token_id, "token": text})
    else:
        typer.echo(text)


@app.command("list", epilog=examples_text(("signalbot token list",)))
def list_(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """List all tokens, without their text."""
    tokens = _with_tokens(load_config(config), lambda tokens: tokens.all())
    now_ms = SystemClock().now_ms()
    rows = [
        {
            "token_id": token.token_id,
            "scope": token.scope.value,
            "subject": token.subject,
            "label": token.label,
            "is_valid": token.is_valid(now_ms),
            "created_at_ms": token.created_at_ms,
            "expires_at_ms": token.expires_at_ms,
            "revoked_at_ms": token.revoked_at_ms,
        }
        for token in tokens
    ]
    columns = (
        Column("Id", "token_id"),
        Column("Scope", "scope"),
        Column("Subject", "subject"),
        Column("Label", "label"),
        Column("Valid", "is_valid"),
        Column("Created", "created_at_ms", utc),
        Column("Expires", "expires_at_ms", utc),
    )
    print_list(rows, columns, as_json=as_json, none="no tokens")


@app.command(epilog=examples_text(("signalbot token revoke tok_3fa94c0b77de",)))
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID")], config: ConfigOption = None
) -> None:
    """Revoke a token immediately."""
    if not _revoke(config, token_id):
        raise NotFound(f"no valid token {token_id!r}: see 'signalbot token list'")
    typer.echo(f"revoked {token_id}")


def _revoke(config: Path | None, token_id: str) -> bool:
    """Revoke a token in the ledger; a running daemon also closes the connections that use it.

    False if there is no valid token of that id.
    """
    with suppress(NotRunning):
        try:
            send_request(config, "DELETE", f"/api/tokens/{quote(token_id, safe='')}")
        except NotFound:
            return False
        return True
    now_ms = SystemClock().now_ms()
    return _with_tokens(load_config(config), lambda tokens: tokens.revoke(token_id, now_ms=now_ms))


def _scope(*, admin: bool, user: str | None, source: str | None) -> tuple[Scope, str | None]:
    if admin + (user is not None) + (source is not None) != 1:
        raise SignalbotError("exactly one of --admin, --user NAME, --source STRATEGY is required")
    if user is not None:
        return Scope.USER, user
    return (Scope.ADMIN, None) if admin else (Scope.SOURCE, source)


def _with_tokens(config: Config, work: Callable[[TokenStore], Awaitable[T]]) -> T:
    async def opened() -> T:
        path: Path = config.daemon.state_dir / LEDGER_NAME
        async with open_database(path) as database:
            return await work(TokenStore(database))

    return asyncio.run(opened())
