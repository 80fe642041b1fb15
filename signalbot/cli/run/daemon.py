"""``signalbot run``: the daemon in the foreground; what systemd starts."""

import os
import sys

from signalbot.cli.errors import telling
from signalbot.cli.options import ConfigFile


def run(config: ConfigFile = None) -> None:
    """Run the daemon in the foreground until it is told to stop.

    It recovers from whatever the last run left, then executes every signal for every user.
    Logs go to standard output. Exit code 78 means that the configuration cannot be used.
    """
    with telling():
        from signalbot import daemon
        from signalbot.config.check import load_to_run
        from signalbot.config.locate import find_config
        from signalbot.ops.logging import configure
        from signalbot.ops.secrets import Secrets
        from signalbot.tasks import SystemClock

        settings = load_to_run(find_config(config, os.environ), os.environ)
        secrets = Secrets()
        configure(
            log_format=settings.daemon.log_format,
            level=settings.daemon.log_level,
            stream=sys.stdout,
            clock=SystemClock().now_ms,
            secrets=secrets,
        )
        daemon.run(settings, secrets)
