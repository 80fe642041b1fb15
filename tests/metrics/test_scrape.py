"""Prometheus at the door of a running daemon."""

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from signalbot.metrics.collector import CONTENT_TYPE
from tests.api.api_daemon import BTC, daemon


@pytest.mark.process
@pytest.mark.timeout(120)
def test_administrators_scrape_a_running_daemon(tmp_path: Path) -> None:
    """What was traded is there, with the figures of the process; users are not let in."""
    with daemon(tmp_path) as running:
        running.command("send", "trend", BTC, "LONG", "--key", "1")
        running.until(lambda: len(running.rows("SELECT * FROM positions")) == 2, "both trade")
        answer = running.admin().get("/metrics")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == CONTENT_TYPE
        families = {each.name: each for each in text_string_to_metric_families(answer.text)}
        (positions,) = families["signalbot_open_positions"].samples
        assert positions.value == 2
        assert families["process_resident_memory_bytes"].samples[0].value > 10_000_000
        commits = {
            each.name: each.value for each in families["signalbot_ledger_commit_seconds"].samples
        }
        assert commits["signalbot_ledger_commit_seconds_count"] > 0
        assert "anna" not in answer.text
        assert running.user("anna").get("/metrics").status_code == 403
        assert running.client(None).get("/metrics").status_code == 401
