"""Runs the benchmarks named on the command line, or all of them."""

import os
import platform
import sys
from importlib import import_module

NAMES = ("advice", "api", "fanout", "isolation", "live", "replay", "start", "strategies")


def main() -> None:
    cores = os.cpu_count()
    print(f"Python {platform.python_version()}, {cores} cores, {platform.machine()}\n")
    for name in sys.argv[1:] or NAMES:
        import_module(f"tests.benchmarks.{name}").main()


main()
