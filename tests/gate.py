"""Everything a change must pass, in one go: format, lint, types, import rules, tests."""

import os
import subprocess
import sys
from pathlib import Path

WORKERS = max(8, os.cpu_count() or 1)  # daemons under test wait more than they compute
STEPS = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
    ("lint-imports",),
    ("pytest", "-q", "-n", str(WORKERS), "--dist", "loadgroup"),
)


def main() -> int:
    """Run every step, stop at the first that fails, and return its exit code."""
    here = Path(sys.executable).parent
    for tool, *arguments in STEPS:
        print(f"\n$ {tool} {' '.join(arguments)}", flush=True)
        code = subprocess.run([here / tool, *arguments], check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
