"""``python -m tests.soak --minutes 5 --users 200``: the long run, as a table."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.soak.measures import grown, table
from tests.soak.run import Soaked, soak


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--speed", type=int, default=20, help="simulated seconds in a real one")
    parser.add_argument("--alert", type=float, default=5.0, help="seconds between two alerts")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = soak(
            Path(folder),
            users=asked.users,
            seconds=asked.minutes * 60,
            speed=asked.speed,
            alert_s=asked.alert,
        )
    print(table(found.samples))
    print(", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in found.counts.items()))
    wrong = list(faults(found))
    print("\n".join(wrong) or "nothing grew, was lost, or came twice")
    sys.exit(bool(wrong))


def faults(found: Soaked) -> list[str]:
    """Everything that should not be, one sentence each."""
    return [
        *grown(found.samples),
        *(f"not decided once by everybody: {each}" for each in found.undecided),
        *(f"lost {times} times: {notice}" for notice, times in found.lost.items()),
        *(f"came {times} times too often: {notice}" for notice, times in found.repeated.items()),
        *(f"the feed did not tell once: {each}" for each in found.unheard),
        *(f"in the log: {each}" for each in found.errors),
    ]


if __name__ == "__main__":
    main()
