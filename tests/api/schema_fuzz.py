"""Sends whatever the OpenAPI document allows, and much that it does not: nothing may break."""

import subprocess
import sys
from pathlib import Path

from tests.api.api_daemon import BTC, Daemon

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,negative_data_rejection"
)


def prepare(running: Daemon) -> dict[str, str]:
    """Something to be told of, and a token of each kind."""
    running.command("send", "trend", BTC, "LONG", "--key", "1")
    sql = "SELECT * FROM positions WHERE status = 'OPEN'"
    running.until(lambda: len(running.rows(sql)) == 2, "both trade")
    running.command("close", "ben")
    return {
        "an administrator": running.command("token", "create", "--admin").strip(),
        "a user": running.command("token", "create", "--user", "anna").strip(),
    }


def run(
    running: Daemon, token: str, *, examples: int, phases: str, seed: int = 1
) -> "subprocess.CompletedProcess[str]":
    """Run schemathesis against a daemon, as whoever has ``token``."""
    return subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"),
            "run",
            f"{running.url}/openapi.json",
            "--header",
            f"Authorization: Bearer {token}",
            "--checks",
            CHECKS,
            "--phases",
            phases,
            "--max-examples",
            str(examples),
            "--seed",
            str(seed),
            "--no-color",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=running.folder,
    )
