"""``keys``: stores, lists, checks and deletes account credentials; rotates the master key."""

import asyncio
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from signalbot.cli.control_socket import send_request
from signalbot.cli.errors import ExitCode, NotRunning, not_found
from signalbot.cli.keys.vault_access import command_config, prompt_secret, with_store, with_vault
from signalbot.cli.lazy import examples_text, new_app
from signalbot.cli.options import ConfigOption, JsonOption
from signalbot.cli.render import Column, print_json, print_list
from signalbot.config.settings import Config
from signalbot.domain.errors import ConfigError, SignalbotError
from signalbot.domain.users import UserId, UserStatus
from signalbot.exchange.live.registry import exchange_row
from signalbot.tasks import SystemClock
from signalbot.vault import master_key, rotation
from signalbot.vault.vault import CREDENTIAL_FIELDS, Credentials

app = new_app(
    name="keys",
    help="Manage encrypted exchange keys; works without the daemon.",
    no_args_is_help=True,
    add_completion=False,
)

User = Annotated[str, typer.Argument(metavar="USER", help="Configured user.")]


@app.command(
    "set",
    epilog=examples_text(
        (
            "signalbot keys set alice",
            """echo '{"apiKey": "…", "secret": "…"}' | signalbot keys set alice""",
        )
    ),
)
def set_(user: User, config: ConfigOption = None) -> None:
    """Store a user's keys.

    Prompts for them, or reads one JSON object from standard input.
    """
    settings = command_config(config)
    exchange = _exchange_of(settings, user)
    given = _prompted(settings, exchange) if sys.stdin.isatty() else _parsed(sys.stdin.read())
    _store(settings, [(UserId(user), exchange, _credentials(given, user))])
    typer.echo(f"stored the keys of {user} for {exchange}{_handed_over(config, [user])}")


@app.command(
    "import",
    epilog=examples_text(
        ("signalbot keys import accounts.jsonl", "pass show accounts | signalbot keys import")
    ),
)
def import_(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="JSON lines; default standard input.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Store keys of many users, all or none.

    The input has one JSON object per line: the fields of ``keys set`` and "user".
    """
    settings = command_config(config)
    text = sys.stdin.read() if file is None else _text_of(file)
    accounts = list(_accounts(settings, text))
    _store(settings, accounts)
    if as_json:
        print_json({"stored": [user for user, _, _ in accounts]})
    else:
        handed_over = _handed_over(config, [user for user, _, _ in accounts])
        typer.echo(f"stored the keys of {len(accounts)} users{handed_over}")


@app.command("list", epilog=examples_text(("signalbot keys list", "signalbot keys list --json")))
def list_(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """List users with stored keys, without the keys."""
    settings = command_config(config)
    stored = with_vault(settings, lambda vault: vault.list_credentials())
    rows = [
        {
            "user": each.name,
            "exchange": each.exchange,
            "fields": list(each.fields),
            "is_current": each.is_current,
            "updated_at_ms": each.updated_at_ms,
        }
        for each in stored
    ]
    print_list(rows, _COLUMNS, as_json=as_json, none="no stored keys: signalbot keys set USER")


@app.command(
    "test",
    epilog=examples_text(("signalbot keys test alice", "signalbot keys test alice --json")),
)
def check_keys(user: User, as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """Check a live account at its exchange.

    Checks the key, its permissions, account modes, balance, minimum order sizes and the clock.
    """
    from signalbot.cli.keys.account_checks import check_accounts, live_users

    settings = command_config(config)
    _exchange_of(settings, user)
    matches = [each for each in live_users(settings) if each.user_id == user]
    if not matches:
        raise ConfigError(f"{user} has no live account at a real exchange")
    path = master_key.locate_key_file(settings.daemon.master_key_file, os.environ)
    found = asyncio.run(check_accounts(settings, matches, path))[user]
    rows = [{"ok": each.is_ok, "what": each.subject, "says": each.result} for each in found]
    print_list(rows, _FINDINGS, as_json=as_json, none="no checks were made")
    if not all(each.is_ok for each in found):
        raise typer.Exit(ExitCode.ERROR)


@app.command(epilog=examples_text(("signalbot keys keep alice",)))
def keep(user: User, config: ConfigOption = None) -> None:
    """Adopt the keys stored under a former user's name."""
    settings, now_ms = command_config(config), SystemClock().now_ms()
    _exchange_of(settings, user)
    adopted = with_vault(
        settings, lambda vault: vault.reassign_credentials(UserId(user), now_ms=now_ms)
    )
    if not adopted:
        raise not_found("keys of", user, [])
    typer.echo(f"kept the keys of {user}{_handed_over(config, [user])}")


@app.command(epilog=examples_text(("signalbot keys delete alice",)))
def delete(user: User, config: ConfigOption = None) -> None:
    """Delete a user's keys."""
    settings = command_config(config)
    deleted = with_vault(settings, lambda vault: vault.delete_credentials(UserId(user)))
    if not deleted:
        stored = with_vault(settings, lambda vault: vault.list_credentials())
        raise not_found("keys of", user, [each.name for each in stored])
    typer.echo(f"deleted the keys of {user}")


@app.command(epilog=examples_text(("signalbot keys rotate",)))
def rotate(config: ConfigOption = None) -> None:
    """Create a new master key and re-encrypt all secrets.

    The previous key stays as FILE.bak. A rotation that was interrupted is finished or undone by
    the next run.
    """
    settings = command_config(config)
    path = master_key.locate_key_file(settings.daemon.master_key_file, os.environ)
    if "CREDENTIALS_DIRECTORY" in os.environ:
        raise ConfigError(
            "a systemd credential cannot be changed: put the key file back, rotate it, and "
            "encrypt the credential again before the daemon restarts"
        )
    done = with_store(
        settings,
        lambda store: rotation.rotate_master_key(store, path, now_ms=SystemClock().now_ms()),
    )
    if done.is_finished:
        typer.echo("finished an interrupted rotation")
    typer.echo(
        f"re-encrypted {done.values} values with a new {path}; "
        f"the previous key is {done.previous_path}"
    )


_FINDINGS = (
    Column("OK", "ok", lambda is_ok: "yes" if is_ok else "NO"),
    Column("Check", "what"),
    Column("Result", "says", is_prose=True),
)
_COLUMNS = (
    Column("User", "user"),
    Column("Exchange", "exchange"),
    Column("Fields", "fields", ", ".join),
    Column("Used", "is_current", lambda is_current: "yes" if is_current else "NO: former user"),
)


def _handed_over(config: Path | None, users: list[str]) -> str:
    """Make a running daemon use the new keys; return the end of the message about storing them."""
    halted = []
    try:
        for user in users:
            row = send_request(config, "POST", f"/api/users/{user}/unlock")
            if row["status"] == UserStatus.HALTED:
                halted.append(f"{user} is halted: {row['status_reason']}")
    except NotRunning:
        return ""
    except SignalbotError as e:
        return f"; the running daemon could not load them: {e}"
    return f"; {'; '.join(halted)}" if halted else "; the running daemon uses them"


def _exchange_of(config: Config, user: str) -> str:
    found = config.users.get(UserId(user))
    if found is None:
        raise not_found("user", user, [str(each) for each in config.users])
    return found.account.exchange


def _prompted(config: Config, exchange: str) -> dict[str, Any]:
    given = {"apiKey": prompt_secret("API key"), "secret": prompt_secret("Secret")}
    if exchange_row(config.exchanges[exchange].ccxt_id).needs_password:
        given["password"] = prompt_secret("Passphrase")
    return given


def _parsed(text: str) -> dict[str, Any]:
    """Parse one JSON object; errors never include the input."""
    try:
        given = json.loads(text)
    except ValueError:
        raise ConfigError('expected a JSON object: {"apiKey": "…", "secret": "…"}') from None
    if not isinstance(given, dict):
        raise ConfigError('expected a JSON object: {"apiKey": "…", "secret": "…"}')
    return given


def _credentials(given: dict[str, Any], user: str) -> Credentials:
    unknown = [name for name in given if name not in CREDENTIAL_FIELDS]
    if unknown:
        raise ConfigError(
            f"keys of {user}: unknown fields; known are {', '.join(CREDENTIAL_FIELDS)}"
        )
    empty = [name for name, value in given.items() if not isinstance(value, str) or not value]
    if empty or not given:
        raise ConfigError(f"keys of {user}: {', '.join(empty) or 'apiKey'} must be text")
    return Credentials({name: value.strip() for name, value in given.items()})


def _accounts(config: Config, text: str) -> Iterable[tuple[UserId, str, Credentials]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            given = _parsed(line)
        except ConfigError as e:
            raise ConfigError(f"line {number}: {e}") from None
        user = given.pop("user", None)
        if not isinstance(user, str):
            raise ConfigError(f'line {number}: "user" is missing')
        yield UserId(user), _exchange_of(config, user), _credentials(given, user)


def _store(config: Config, accounts: list[tuple[UserId, str, Credentials]]) -> None:
    now_ms = SystemClock().now_ms()
    with_vault(config, lambda vault: vault.set_credentials(accounts, now_ms=now_ms))


def _text_of(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"{file} cannot be read: {e}") from None
