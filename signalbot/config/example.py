"""The commented example that ``signalbot init`` writes."""

from importlib.resources import files


def example_text() -> str:
    """A complete file on a simulated exchange: valid as it is, and a tour of every setting."""
    return files("signalbot.config").joinpath("example.toml").read_text(encoding="utf-8")
