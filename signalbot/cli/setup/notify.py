"""``notify``: sees whether notices arrive."""

from collections.abc import Sequence
from typing import Annotated

import typer

from signalbot.cli.errors import ExitCode, not_found, report_errors
from signalbot.cli.keys.vault_access import with_vault
from signalbot.cli.lazy import examples_text, new_app
from signalbot.cli.load_config import load_config
from signalbot.cli.options import ConfigOption
from signalbot.config.settings import Config
from signalbot.domain.errors import ConfigError, NotFound
from signalbot.domain.notices import OPERATOR, Recipient

app = new_app(
    name="notify",
    help="See whether notices arrive.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def root() -> None:
    """Make ``test`` a word of its own, though there is no other yet."""


@app.command(
    "test", epilog=examples_text(("signalbot notify test", "signalbot notify test --user alice"))
)
def send_test(
    user: Annotated[
        str | None, typer.Option("--user", metavar="USER", help="Send to this user.")
    ] = None,
    operator: Annotated[
        bool, typer.Option("--operator", help="Send to the operator, as without options.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Send a notice to every destination of the operator or of a user, and tell what came of it.

    Needs no daemon. Exit code 1 when a destination did not take it.
    """
    with report_errors():
        if user is not None and operator:
            raise typer.BadParameter("either --user or --operator")
        settings = load_config(config)
        recipient = _recipient(settings, user)
        failures = [
            _try(place, recipient, url)
            for place, url in enumerate(_resolved(settings, recipient.urls), start=1)
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
    raise NotFound(f"{key} names no destination")


def _resolved(config: Config, urls: Sequence[str]) -> list[str]:
    if not any(url.startswith("secret:") for url in urls):
        return list(urls)
    from signalbot.vault.vault import Vault

    async def resolve(vault: Vault) -> list[str]:
        return [await vault.resolve(url) if url.startswith("secret:") else url for url in urls]

    return with_vault(config, resolve)


def _try(place: int, recipient: Recipient, url: str) -> bool:
    """Whether it failed; what is printed has none of the URL's secrets."""
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
        raise ConfigError(f"{_name(recipient)}, destination {place}: {e}") from None
    outcome = "delivered" if cause is None else f"not delivered: {secrets.mask(cause)}"
    typer.echo(f"{_name(recipient)}, destination {place}: {outcome}")
    return cause is not None


def _name(recipient: Recipient) -> str:
    return "the operator" if recipient.name == OPERATOR else recipient.name
