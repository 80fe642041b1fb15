"""A Grafana dashboard and alert rules for Prometheus, as they are loaded there."""

from importlib.resources import files


def dashboard() -> str:
    """The dashboard as Grafana imports it."""
    return files(__name__).joinpath("signalbot.json").read_text(encoding="utf-8")


def alerts() -> str:
    """The alert rules as ``rule_files`` of Prometheus reads them."""
    return files(__name__).joinpath("alerts.yml").read_text(encoding="utf-8")
