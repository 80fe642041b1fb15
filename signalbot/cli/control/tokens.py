"""``token``: tokens of the API and secrets of webhook sources. The daemon need not run."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import quote

import typer

from signalbot.cli.control_socket import send_request as ask_daemon
from signalbot.cli.errors import NotRunning, report_errors
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
    help="Make and revoke tokens of the API, and secrets of webhook sources.",
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
    admin: Annotated[bool, typer.Option("--admin", help="May do everything.")] = False,
    user: Annotated[
        str | None, typer.Option(metavar="NAME", help="Sees and changes only this user's.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(metavar="STRATEGY", help="May only send signals of it.")
    ] = None,
    label: Annotated[str, typer.Option(metavar="TEXT", help="Shown in the list.")] = "",
    expires: Annotated[
        str | None, typer.Option(metavar="SPAN", help="Worthless after this time, such as 90d.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Make a token. It is printed once and kept only as a hash."""
    with report_errors():
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
    """Show every token ever made, never its text."""
    with report_errors():
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
        print_list(rows, columns, as_json=as_json, none="no tokens have been made")


@app.command(epilog=examples_text(("signalbot token revoke tok_3fa94c0b77de",)))
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="ID")], config: ConfigOption = None
) -> None:
    """Make a token worthless, at once."""
    with report_errors():
        if not _revoke(config, token_id):
            raise NotFound(f"no valid token {token_id!r}: see 'signalbot token list'")
        typer.echo(f"revoked {token_id}")


def _revoke(config: Path | None, token_id: str) -> bool:
    """Revoke a token in the ledger; a running daemon is told, and ends what is open with it."""
    with suppress(NotRunning):
        try:
            ask_daemon(config, "DELETE", f"/api/tokens/{quote(token_id, safe='')}")
        except NotFound:
            return False
        return True
    now_ms = SystemClock().now_ms()
    return _with_tokens(load_config(config), lambda tokens: tokens.revoke(token_id, now_ms=now_ms))


def _scope(*, admin: bool, user: str | None, source: str | None) -> tuple[Scope, str | None]:
    if admin + (user is not None) + (source is not None) != 1:
        raise SignalbotError("say whose it is: one of --admin, --user NAME, --source STRATEGY")
    if user is not None:
        return Scope.USER, user
    return (Scope.ADMIN, None) if admin else (Scope.SOURCE, source)


def _with_tokens(config: Config, work: Callable[[TokenStore], Awaitable[T]]) -> T:
    async def opened() -> T:
        path: Path = config.daemon.state_dir / LEDGER_NAME
        async with open_database(path) as database:
            return await work(TokenStore(database))

    return asyncio.run(opened())
