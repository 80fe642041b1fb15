"""Entry point of a worker process, run as a script.

Arguments: the folder that contains the package, the ends of the two pipes, the strategy's folder as
an open descriptor, the daemon's process id.
"""

import sys


def main() -> None:
    """Import what every strategy needs while all files are readable, then serve."""
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
