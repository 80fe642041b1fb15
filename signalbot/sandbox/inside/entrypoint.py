"""Run as a script: the first and only program of a worker process.

Arguments: the folder that holds the package, the ends of the two pipes, the strategy's folder as an
open descriptor, the daemon's process id.
"""

import sys


def main() -> None:
    """Load what every strategy needs while everything may still be read, then serve."""
    root, requests, responses, folder, parent = sys.argv[1:]
    sys.path.append(root)
    sys.argv[1:] = []
    from signalbot.sandbox.inside.confine import exit_with_parent, lower_priority  # noqa: PLC0415

    exit_with_parent(int(parent))
    missing = lower_priority(int(parent))
    from signalbot.sandbox.inside.request_loop import serve  # noqa: PLC0415

    sys.path.remove(root)
    serve(int(requests), int(responses), folder=int(folder), missing=missing)


if __name__ == "__main__":
    main()
