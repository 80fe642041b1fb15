"""``secret``: manages other secrets, referenced in the configuration as ``"secret:NAME"``."""

from typing import Annotated

import typer

from signalbot.cli.errors import not_found
from signalbot.cli.keys.vault_access import command_config, prompt_secret, with_vault
from signalbot.cli.lazy import examples_text, new_app
from signalbot.cli.options import ConfigOption, JsonOption
from signalbot.cli.render import Column, print_list
from signalbot.config.validators import NAME
from signalbot.domain.errors import ConfigError
from signalbot.tasks import SystemClock

app = new_app(
    name="secret",
    help='Manage secrets referenced as "secret:NAME".',
    no_args_is_help=True,
    add_completion=False,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name used in the configuration.")]


@app.command(
    "set",
    epilog=examples_text(
        ("signalbot secret set alice-telegram", "pass show bot | signalbot secret set ops-mail")
    ),
)
def set_(name: Name, config: ConfigOption = None) -> None:
    """Store a secret from a prompt or standard input."""
    if not NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is not a valid name: use up to 40 of a-z, 0-9, _ and -")
    settings, now_ms = command_config(config), SystemClock().now_ms()
    value = prompt_secret("Secret")
    with_vault(settings, lambda vault: vault.set_secret(name, value, now_ms=now_ms))
    typer.echo(f"stored {name}")


@app.command("list", epilog=examples_text(("signalbot secret list",)))
def list_(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """List the names of stored secrets."""
    stored = with_vault(command_config(config), lambda vault: vault.list_secrets())
    rows = [{"name": each.name, "updated_at_ms": each.updated_at_ms} for each in stored]
    print_list(rows, (Column("Name", "name"),), as_json=as_json, none="no stored secrets")


@app.command(epilog=examples_text(("signalbot secret delete alice-telegram",)))
def delete(name: Name, config: ConfigOption = None) -> None:
    """Delete a secret."""
    settings = command_config(config)
    if not with_vault(settings, lambda vault: vault.delete_secret(name)):
        stored = with_vault(settings, lambda vault: vault.list_secrets())
        raise not_found("secret", name, [each.name for each in stored])
    typer.echo(f"deleted {name}")
