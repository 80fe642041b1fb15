"""Random alerts, posted to a real daemon; many more by ``python -m tests.webhooks.fuzz``."""

from pathlib import Path

import pytest

from tests.webhooks.fuzz import post

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]
_BODIES = 400


def test_no_alert_opens_what_it_should_close_and_none_breaks_the_daemon(tmp_path: Path) -> None:
    """Most closing alerts are taken, and none is answered with a server error."""
    found = post(tmp_path, bodies=_BODIES, seed=1)
    exits = sum(count for answer, count in found.items() if "closing: 20" in answer)
    assert exits > _BODIES / 8
    assert any("any: 202 LONG" in answer for answer in found)
