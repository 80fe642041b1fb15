"""Opens the vault for one command, and prompts for secrets without echoing them."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from getpass import getpass
from pathlib import Path
from typing import TypeVar

from signalbot.cli.load_config import load_config
from signalbot.config.settings import Config
from signalbot.domain.errors import ConfigError
from signalbot.ledger.database import open_database
from signalbot.ledger.vault_store import VaultStore
from signalbot.observability.process_limits import protect_memory
from signalbot.state_dir import LEDGER_NAME
from signalbot.tasks import SystemClock
from signalbot.vault import master_key
from signalbot.vault.vault import Vault

T = TypeVar("T")


def command_config(config: Path | None) -> Config:
    """The file, and what the API has made."""
    return load_config(config)


def with_vault(config: Config, work: Callable[[Vault], Awaitable[T]]) -> T:
    """Run ``work`` with the configuration's vault; the daemon may run at the same time."""
    path = master_key.locate_key_file(config.daemon.master_key_file, os.environ)

    async def opened(store: VaultStore) -> T:
        return await work(await Vault.unlock(store, path, now_ms=SystemClock().now_ms()))

    return with_store(config, opened)


def with_store(config: Config, work: Callable[[VaultStore], Awaitable[T]]) -> T:
    """Run ``work`` with the vault's encrypted values."""
    protect_memory()

    async def opened() -> T:
        config.daemon.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        async with open_database(config.daemon.state_dir / LEDGER_NAME) as database:
            return await work(VaultStore(database))

    return asyncio.run(opened())


def prompt_secret(prompt: str) -> str:
    """Read one secret from a hidden prompt, or from standard input if that is no terminal.

    Raises:
        ConfigError: the secret is empty.
    """
    value = getpass(f"{prompt}: ") if sys.stdin.isatty() else sys.stdin.read()
    value = value.strip("\r\n")
    if not value.strip():
        raise ConfigError(f"{prompt}: no input")
    return value
