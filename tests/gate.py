"""Everything a change must pass, in one go: format, lint, types, import rules, tests."""

import os
import subprocess
import sys
from pathlib import Path

WORKERS = max(8, os.cpu_count() or 1)  # daemons under test wait more than they compute
COMPILED = ("-m", "compileall", "-q", "signalbot", "tests")
STEPS = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("mypy",),
    ("lint-imports",),
    ("pytest", "-q", "-n", str(WORKERS), "--dist", "loadgroup"),
)


def main() -> int:
    """Run every step, stop at the first that fails, and return its exit code.

    Python keeps what it has compiled, whatever it is told elsewhere: hundreds of processes are
    started that would compile the same modules each for itself.
    """
    here = Path(sys.executable).parent
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run([sys.executable, *COMPILED], check=True)
    for tool, *arguments in STEPS:
        print(f"\n$ {tool} {' '.join(arguments)}", flush=True)
        code = subprocess.run([here / tool, *arguments], check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
