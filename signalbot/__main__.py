"""``python -m signalbot``, and what the ``signalbot`` script calls."""

from signalbot.cli import app
from signalbot.cli.errors import report_errors


def main() -> None:
    """Run the command line, then leave the process with its exit code."""
    with report_errors():
        app(prog_name="signalbot")


if __name__ == "__main__":
    main()
