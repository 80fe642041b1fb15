"""Reasons: every code can be read, explained and cured."""

import re

import pytest

from signalbot.config.schema import keys_at
from signalbot.domain.reasons import Reason

SETTING = re.compile(r"\b(filters|sizing|risk|protection|ai|account|entry)\.([a-z_]+)")


@pytest.mark.parametrize("reason", Reason)
def test_a_code_is_upper_snake_and_its_own_name(reason: Reason) -> None:
    """The same word in the ledger, the log, the command line and the README."""
    assert re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*", reason)
    assert reason.value == reason.name
    assert Reason[reason.value] is reason


@pytest.mark.parametrize("reason", Reason)
def test_a_code_has_a_cause_and_a_cure(reason: Reason) -> None:
    """Clauses that complete a sentence: no capital, no full stop."""
    for clause in (reason.cause, reason.cure):
        assert len(clause.split()) >= 2
        assert not clause[0].isupper() or clause.split()[0].isupper()
        assert not clause.endswith(".")
        assert clause == clause.strip()


def test_no_two_codes_have_the_same_cause() -> None:
    """Whoever reads why can tell them apart."""
    assert len({reason.cause for reason in Reason}) == len(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_every_setting_that_a_reason_names_exists(reason: Reason) -> None:
    """A cure that names a key which the file does not know would be no cure."""
    for table, key in SETTING.findall(f"{reason.cause}; {reason.cure}"):
        where = ("users", "x", "account") if table == "account" else ("defaults", table)
        assert key in keys_at(where), f"{table}.{key}"
