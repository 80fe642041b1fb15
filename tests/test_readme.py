"""The front door tells the truth: what it lists is what there is."""

import re
from pathlib import Path

import pytest

from signalbot.api import (
    connection_limiter,
    event_stream,
    read_limits,
    request_limits,
    server,
    strict_json,
    token_buckets,
)
from signalbot.api.connection_limiter import build_connection_limiter
from signalbot.api.limited_protocols import MAX_HEADER_BYTES
from signalbot.api.middleware import MAX_BODY_BYTES
from signalbot.config.sections.notify import notices_table
from signalbot.config.settings import ApiSettings
from signalbot.domain import globs
from signalbot.domain.code_catalog import CODES, codes_table
from signalbot.exchange.live.capability_tables import capability_table, retention_table
from signalbot.ledger.idempotency import MAX_KEYS_PER_AUTHOR
from signalbot.webhooks import fields, signature

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("told", CODES)
def test_every_code_is_explained(told: str) -> None:
    """The tables of codes are the code's own lists, word for word."""
    section = README.partition(f"<!-- codes: {told} -->")[2].partition("<!-- /codes -->")[0]
    assert section.strip() == codes_table(CODES[told]).strip()


def test_every_exchange_stands_in_the_capability_table() -> None:
    """What the code allows is what the README promises."""
    section = README.partition("<!-- capabilities -->")[2].partition("<!-- /capabilities -->")[0]
    assert section.strip() == capability_table().strip()


def test_what_every_exchange_ends_or_forgets_stands_in_a_table() -> None:
    """How long stops, ids and lists last, as its adapter declares it."""
    section = README.partition("<!-- endurance -->")[2].partition("<!-- /endurance -->")[0]
    assert section.strip() == retention_table().strip()


def test_every_notice_stands_in_the_table_of_notices() -> None:
    """With how loudly it is told when nobody has chosen."""
    section = README.partition("<!-- notices -->")[2].partition("<!-- /notices -->")[0]
    assert section.strip() == notices_table().strip()


def test_every_limit_of_the_listener_is_what_the_page_says() -> None:
    """The numbers are the code's."""
    terms = ApiSettings(host="127.0.0.1", port=1, tls_behind_proxy=False)
    section = README.partition("<!-- limits -->")[2].partition("<!-- /limits -->")[0]
    rows = [line.strip("| ").split(" | ")[1] for line in section.strip().splitlines()[2:]]
    numbers = [[int(each.replace(",", "")) for each in re.findall(r"[\d,]*\d", r)] for r in rows]
    assert numbers == [
        [terms.max_connections],
        [int(connection_limiter.REQUEST_TIMEOUT_S), int(connection_limiter.STALL_TIMEOUT_S)],
        [MAX_BODY_BYTES, MAX_HEADER_BYTES, server._MAX_FRAME_BYTES],
        [read_limits.MIN_PIECES, read_limits.BYTES_PER_PIECE],
        [read_limits.FRAMES, read_limits.ANONYMOUS_FRAMES, read_limits.FRAMES_PER_SECOND],
        [strict_json.MAX_DEPTH, fields._MAX_FIELDS, fields._MAX_DEPTH],
        [terms.requests_per_second, int(token_buckets.BURST_S)],
        [request_limits._ANONYMOUS_FACTOR],
        [request_limits._REQUESTS_PER_CHANGE, request_limits._CHANGE_BURST],
        [MAX_KEYS_PER_AUTHOR],
        [
            event_stream.MAX_CONNECTIONS_PER_TOKEN,
            int(event_stream.SUBSCRIBE_INTERVAL_S),
            event_stream.MAX_QUEUED_EVENTS,
        ],
        [signature.TOLERANCE_S],
        [globs.MAX_GLOBS, globs.MAX_GLOB_LENGTH],
    ]
    quarter = build_connection_limiter(terms, open_files=1_000_000)
    assert (quarter.max_connections, quarter._max_per_address) == (256, 64)
    assert build_connection_limiter(terms, open_files=400).max_connections == 100


def test_ci_runs_the_second_command_of_the_readme() -> None:
    """What a newcomer is told to run is what CI runs, to the letter."""
    commands = re.findall(r"```sh\n(python3 -m venv .*)\n```", README)
    assert len(commands) == 2
    assert commands[1] in (ROOT / ".ci" / "run").read_text()


def test_every_module_of_the_pipeline_has_its_place_in_the_life_of_a_signal() -> None:
    """The page follows the tree: a step nobody mentions is a step nobody finds."""
    page = README.partition("## Life of a signal")[2].partition("\n## ")[0]
    pipeline = ROOT / "signalbot" / "pipeline"
    steps = {
        path.relative_to(pipeline).as_posix()
        for path in pipeline.rglob("*.py")
        if path.name != "__init__.py"
    }
    missing = {name for name in steps if f"`{name}`" not in page}
    assert missing == {
        "account.py",
        "account_history.py",
        "account_valuation.py",
        "key_permissions.py",
        "orders/order_intents.py",
        "trading_state.py",
    }
