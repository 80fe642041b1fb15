"""The OpenAPI document is true: whatever may be sent is answered as it says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.rig import BTC, daemon


@pytest.mark.process
@pytest.mark.timeout(300)
def test_nothing_that_may_be_sent_breaks_it(tmp_path: Path) -> None:
    """schemathesis over every route: no 500, no answer that the document does not know."""
    with daemon(tmp_path, rate=100_000) as running:
        running.command("send", "trend", BTC, "LONG", "--key", "1")
        token = running.command("token", "create", "--admin").strip()
        running.client(token)
        ran = subprocess.run(
            [
                str(Path(sys.executable).parent / "schemathesis"),
                "run",
                f"{running.url}/openapi.json",
                "--header",
                f"Authorization: Bearer {token}",
                "--checks",
                "not_a_server_error,status_code_conformance,content_type_conformance,"
                "response_schema_conformance",
                "--phases",
                "examples,coverage,fuzzing",
                "--max-examples",
                os.environ.get("SIGNALBOT_FUZZ", "4"),
                "--seed",
                "1",
                "--no-color",
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-1000:]
        running.command("unhalt")
        running.command("send", "trend", BTC, "EXIT_LONG", "--key", "2")
