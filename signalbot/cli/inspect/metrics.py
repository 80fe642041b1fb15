"""``metrics``: dashboard and alert rules for Grafana and Prometheus."""

import sys

from signalbot.cli.lazy import examples_text, new_app

app = new_app(
    name="metrics",
    help="Print a Grafana dashboard or Prometheus alert rules.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command(epilog=examples_text(("signalbot metrics dashboard > signalbot.json",)))
def dashboard() -> None:
    """Print a dashboard to import into Grafana."""
    from signalbot.metrics import dashboard as data

    sys.stdout.write(data.dashboard())


@app.command(epilog=examples_text(("signalbot metrics alerts > /etc/prometheus/signalbot.yml",)))
def alerts() -> None:
    """Print alert rules for rule_files of Prometheus."""
    from signalbot.metrics import dashboard as data

    sys.stdout.write(data.alerts())
