"""The OpenAPI document is true: whatever may be sent is answered as it says."""

import os
from pathlib import Path

import pytest

from tests.api.api_daemon import BTC, daemon
from tests.api.schema_fuzz import prepare, run

PHASES = ("examples,coverage,fuzzing", "fuzzing")
"""Of an administrator and of a user; ``python -m tests.api`` is all of it, many times over."""


@pytest.mark.process
@pytest.mark.timeout(300)
def test_nothing_that_may_be_sent_breaks_it(tmp_path: Path) -> None:
    """schemathesis over every route: no 500, no answer that the document does not know."""
    with daemon(tmp_path, rate=100_000) as running:
        running.client(None)
        examples = int(os.environ.get("SIGNALBOT_FUZZ", "2"))
        for (_, token), phases in zip(prepare(running).items(), PHASES, strict=True):
            ran = run(running, token, examples=examples, phases=phases)
            assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-1000:]
        assert "Traceback" not in running.log
        running.command("unhalt")
        running.command("send", "trend", BTC, "EXIT_LONG", "--key", "2")
