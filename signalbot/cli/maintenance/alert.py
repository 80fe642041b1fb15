"""``alert``: sends a message to the operator, with or without a running daemon."""

import asyncio
from typing import Annotated

import typer

from signalbot.cli.keys.vault_access import command_config, with_vault
from signalbot.cli.options import ConfigOption
from signalbot.domain.errors import ConfigError, Unavailable


def alert(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="Message text.")],
    config: ConfigOption = None,
) -> None:
    """Send a message to the operator's destinations.

    Works without the daemon: systemd uses it to report that the daemon has died.
    """
    from signalbot.notifications.message import Message
    from signalbot.notifications.send_now import send_now as deliver
    from signalbot.vault.vault import Vault

    settings = command_config(config)
    urls = settings.notify.operator
    if not urls:
        raise ConfigError(f"{settings.path}: notify.operator: no destination is set")
    message = Message(title="signalbot", body=text)

    async def with_secrets(vault: Vault) -> list[str]:
        return await deliver(message, urls, resolve_secret=vault.resolve)

    if any(url.startswith("secret:") for url in urls):
        failures = with_vault(settings, with_secrets)
    else:
        failures = asyncio.run(deliver(message, urls, resolve_secret=_itself))
    if failures:
        raise Unavailable("; ".join(failures))
    typer.echo(f"sent to {len(urls)} destination{'s' if len(urls) > 1 else ''}")


async def _itself(url: str) -> str:
    return url
