"""``explain`` and ``skips``: why users did not trade, in general and in numbers."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest

from signalbot.domain.code_catalog import CODES
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.executions import Decision, DecisionOutcome
from signalbot.domain.signals import SignalId
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.ledger.database import open_database
from signalbot.ledger.signals import Signals
from tests.cli.command_line import CommandLine
from tests.cli.sample_ledger import BTC, ETH, NOW, signal, write_history

HOUR_MS = 3_600_000
REFUSED = (
    (DecisionCode.PRICE_DRIFTED, ETH, 1),
    (DecisionCode.PRICE_DRIFTED, BTC, 3),
    (DecisionCode.COOLDOWN, BTC, 2),
    (DecisionCode.PRICE_DRIFTED, BTC, 40),
)
"""What bob did not trade besides the one signal of the history: why, which, hours before it."""


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The history, and four more signals that bob refused and alice executed."""
    path: Path = tmp_path_factory.mktemp("book") / "signalbot.db"
    asyncio.run(_write(path))
    return str(path)


async def _write(path: Path) -> None:
    await write_history(path)
    async with open_database(path) as database:
        signals = Signals(database)
        for number, (code, symbol, hours) in enumerate(REFUSED):
            at_ms = Ms(NOW - hours * HOUR_MS)
            said = signal(SignalId(f"sig_{number:016x}"), at_ms=at_ms, symbol=symbol)
            assert await signals.store(said)
            skip = Decision(
                signal_id=said.signal_id,
                user_id=UserId("bob"),
                outcome=DecisionOutcome.SKIP,
                code=code,
                detail={"limit": number},
                decided_at_ms=at_ms,
            )
            await signals.record_decision(skip)
            took = replace(
                skip,
                user_id=UserId("alice"),
                outcome=DecisionOutcome.EXECUTE,
                code=DecisionCode.APPROVED,
            )
            await signals.record_decision(took)


def test_every_code_is_listed_with_cause_and_cure(shell: CommandLine) -> None:
    """Without a configuration, a ledger or a daemon."""
    told = shell.run("explain", "--json").json
    assert [row["code"] for row in told] == [each.value for kind in CODES.values() for each in kind]
    assert all(row["cause"] and row["cure"] for row in told)


@pytest.mark.parametrize("word", ["PRICE_DRIFTED", "price_drifted", "price-drifted"])
def test_one_code_however_it_is_typed(shell: CommandLine, word: str) -> None:
    """With what it tells of, what it means, and what would change it."""
    said = shell.ask("explain", word)
    assert (said.code, said.err) == (0, "")
    assert re.search(r"^Code +PRICE_DRIFTED$", said.out, re.MULTILINE)
    assert re.search(r"^Fix +raise filters", said.out, re.MULTILINE)


def test_a_line_of_the_log_can_be_asked_about(shell: CommandLine) -> None:
    """By its event, without opening the manual."""
    row = shell.ask("explain", "position.mismatch_found", "--json").json
    assert (row["code"], row["of"]) == ("position.mismatch_found", "log event")
    assert row["cause"]


@pytest.mark.parametrize(
    ("wrong", "meant"), [("PRICE_DRIFT", "PRICE_DRIFTED"), ("positon.opened", "position.opened")]
)
def test_a_mistyped_code_names_the_nearest(shell: CommandLine, wrong: str, meant: str) -> None:
    """And is not found, which a script can tell."""
    said = shell.run("explain", wrong)
    assert (said.code, said.out) == (4, "")
    assert f"did you mean {meant}" in said.err


def test_skips_are_counted_commonest_first_with_the_cure(shell: CommandLine, book: str) -> None:
    """So that the setting which costs most trades stands on top."""
    rows = shell.run("skips", "bob", "--ledger", book, "--json").json
    assert [(row["code"], row["signals"]) for row in rows] == [
        ("PRICE_DRIFTED", 3),
        ("COOLDOWN", 1),
        ("MAX_OPEN_POSITIONS", 1),
    ]
    assert rows[0]["cure"] == "raise filters.max_price_drift_percent"
    assert rows[0]["last_at_ms"] == NOW - HOUR_MS
    everybody = shell.ask("skips", "--ledger", book, "--json").json
    assert [row for row in everybody if row["user_id"] == "bob"] == rows
    assert "alice" not in {row["user_id"] for row in everybody}


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        (("--since", "4h"), {"PRICE_DRIFTED": 2, "COOLDOWN": 1, "MAX_OPEN_POSITIONS": 1}),
        (("--symbol", "ETH"), {"PRICE_DRIFTED": 1}),
        (("--strategy", "dips"), {}),
    ],
)
def test_filters_of_skips_hold(
    shell: CommandLine, book: str, options: tuple[str, ...], codes: dict[str, int]
) -> None:
    """Time, market and strategy."""
    rows = shell.ask("skips", "bob", *options, "--ledger", book, "--json").json
    assert {row["code"]: row["signals"] for row in rows} == codes


def test_the_signals_behind_a_count_can_be_listed(shell: CommandLine, book: str) -> None:
    """As many, with the numbers that refused them."""
    said = shell.ask(
        "signals", "--user", "bob", "--code", "price-drifted", "--ledger", book, "--json"
    )
    assert [row["symbol"] for row in said.json] == [ETH, BTC, BTC]
    assert [row["detail"] for row in said.json] == [{"limit": 0}, {"limit": 1}, {"limit": 3}]


def test_a_mistyped_user_of_skips_is_not_found(shell: CommandLine, book: str) -> None:
    """Rather than one who was never refused anything."""
    said = shell.ask("skips", "bab", "--ledger", book)
    assert said.code == 4
    assert "did you mean bob" in said.err
