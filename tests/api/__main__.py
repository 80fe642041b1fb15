"""The whole schema-driven run: ``python -m tests.api [EXAMPLES]``, some minutes."""

import sys
import tempfile
from pathlib import Path

from tests.api.api_daemon import daemon
from tests.api.schema_fuzz import prepare, run

EXAMPLES = 100


def main() -> int:
    """Every route, as an administrator and as a user; the exit code is 1 when anything broke."""
    examples = int(sys.argv[1]) if len(sys.argv) > 1 else EXAMPLES
    failed = False
    with (
        tempfile.TemporaryDirectory() as folder,
        daemon(Path(folder), rate=100_000) as running,
    ):
        running.client(None)
        for who, token in prepare(running).items():
            ran = run(
                running, token, examples=examples, phases="examples,coverage,fuzzing,stateful"
            )
            failed |= ran.returncode != 0
            print(f"\n=== as {who}: exit code {ran.returncode}\n{ran.stdout[-6_000:]}", flush=True)
        running.command("unhalt")
        assert running.process is not None
        assert running.process.poll() is None, running.log[-3_000:]
        errors = [line for line in running.log.splitlines() if "Traceback" in line]
        print(f"{len(errors)} tracebacks in the daemon's log")
    return int(failed or bool(errors))


if __name__ == "__main__":
    raise SystemExit(main())
