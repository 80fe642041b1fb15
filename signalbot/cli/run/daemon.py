"""``run``: runs the daemon in the foreground; systemd starts this command."""

import os
import sys

from signalbot.cli.options import ConfigOption


def run(config: ConfigOption = None) -> None:
    """Run the daemon in the foreground.

    Recovers the state of the last run, then executes every signal for every user. Logs go to
    standard output. Exit code 78 means an invalid configuration.
    """
    from signalbot.config.daemon_config import load_for_daemon
    from signalbot.config.locate import find_config
    from signalbot.daemon import process
    from signalbot.observability.logging.secrets import SecretRegistry
    from signalbot.observability.logging.setup import configure_logging
    from signalbot.tasks import SystemClock

    settings = load_for_daemon(find_config(config, os.environ), os.environ)
    secrets = SecretRegistry()
    configure_logging(
        log_format=settings.daemon.log_format,
        level=settings.daemon.log_level,
        stream=sys.stdout,
        clock=SystemClock().now_ms,
        secrets=secrets,
    )
    process.run(settings, secrets)
