"""``notify``: tests notification destinations."""

from collections.abc import Sequence
from typing import Annotated

import typer

from signalbot.cli.errors import ExitCode, not_found
from signalbot.cli.keys.vault_access import with_vault
from signalbot.cli.lazy import examples_text, new_app
from signalbot.cli.load_config import load_config
from signalbot.cli.options import ConfigOption
from signalbot.config.settings import Config
from signalbot.domain.errors import ConfigError, NotFound
from signalbot.domain.notices import OPERATOR, Recipient

app = new_app(
    name="notify",
    help="Test notification destinations.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def root() -> None:
    """Keep ``test`` a subcommand, although it is the only one."""


@app.command(
    "test", epilog=examples_text(("signalbot notify test", "signalbot notify test --user alice"))
)
def send_test(
    user: Annotated[
        str | None, typer.Option("--user", metavar="USER", help="Test this user's destinations.")
    ] = None,
    operator: Annotated[
        bool, typer.Option("--operator", help="Test the operator's destinations (default).")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Send a test notice to every destination.

    The destinations are the operator's or one user's. Needs no daemon. Exit code 1 if one fails.
    """
    if user is not None and operator:
        raise typer.BadParameter("--user and --operator exclude each other")
    settings = load_config(config)
    recipient = _recipient(settings, user)
    failures = [
        _send_test(index, recipient, url)
        for index, url in enumerate(_resolved(settings, recipient.urls), start=1)
    ]
    raise typer.Exit(ExitCode.ERROR if any(failures) else ExitCode.OK)


def _recipient(config: Config, user: str | None) -> Recipient:
    if user is not None and user not in config.users:
        raise not_found("user", user, [*config.users])
    name = OPERATOR if user is None else user
    for each in config.notify.recipients:
        if each.name == name:
            return each
    key = "notify.operator" if user is None else f"users.{user}.notify"
    raise NotFound(f"{key} has no destination")


def _resolved(config: Config, urls: Sequence[str]) -> list[str]:
    if not any(url.startswith("secret:") for url in urls):
        return list(urls)
    from signalbot.vault.vault import Vault

    async def resolve(vault: Vault) -> list[str]:
        return [await vault.resolve(url) if url.startswith("secret:") else url for url in urls]

    return with_vault(config, resolve)


def _send_test(index: int, recipient: Recipient, url: str) -> bool:
    """Send a test notice; return whether it failed. The output masks the URL's secrets."""
    from signalbot.notifications.destinations import Destination, UnknownDestination, url_secrets
    from signalbot.notifications.message import Message
    from signalbot.observability.logging.secrets import SecretRegistry

    secrets = SecretRegistry()
    for secret in url_secrets(url):
        secrets.add(secret)
    message = Message("👋 Test from signalbot", f"Notices for {_name(recipient)} arrive here.")
    try:
        cause = Destination(url).send(message, is_silent=False)
    except UnknownDestination as e:
        raise ConfigError(f"{_name(recipient)}, destination {index}: {e}") from None
    outcome = "delivered" if cause is None else f"not delivered: {secrets.mask(cause)}"
    typer.echo(f"{_name(recipient)}, destination {index}: {outcome}")
    return cause is not None


def _name(recipient: Recipient) -> str:
    return "the operator" if recipient.name == OPERATOR else recipient.name
