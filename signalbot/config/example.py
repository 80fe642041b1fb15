"""The commented example configuration, written by ``signalbot init``.

``python -m signalbot.config.example`` prints it; ``config.example.toml`` of the repository is this
output.
"""

import sys
from importlib.resources import files


def example_text() -> str:
    """Return a valid, commented file on a simulated exchange that shows every setting."""
    return files("signalbot.config").joinpath("example.toml").read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.stdout.write(example_text())
