"""Loads the configuration of the daemon: the file, and definitions made through the API."""

import os
from pathlib import Path

from signalbot.config.load import load
from signalbot.config.locate import find_config
from signalbot.config.runtime_definitions import Definition
from signalbot.config.settings import Config
from signalbot.ledger.definitions import read_definitions
from signalbot.ledger.views import open_ledger
from signalbot.state_dir import LEDGER_NAME


def load_config(config: Path | None) -> Config:
    """Load file and definitions; without a ledger, the file alone.

    Raises:
        ConfigError: one of them is invalid.
    """
    path = find_config(config, os.environ)
    alone = load(path, os.environ)
    ledger = alone.daemon.state_dir / LEDGER_NAME
    if not ledger.exists():
        return alone
    with open_ledger(ledger) as connection:
        made = [
            Definition.from_key(each.key, each.table, each.version, each.operator_table)
            for each in read_definitions(connection)
        ]
    return load(path, os.environ, made) if made else alone
