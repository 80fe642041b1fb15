"""Codes: each one has a cause and a fix."""

import re

import pytest

from signalbot.config.schema import keys_at
from signalbot.domain.code_catalog import CODES, code_of, meaning_of
from signalbot.domain.codes import Code

ALL = [each for kind in CODES.values() for each in kind]
SETTING = re.compile(r"\b(filters|sizing|risk|protection|ai|account|entry)\.([a-z_]+)")


@pytest.mark.parametrize("code", ALL)
def test_a_code_is_upper_snake_and_its_own_name(code: Code) -> None:
    """The same word in the ledger, the log, the command line and the manual."""
    assert re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*", code)
    assert code.value == code.name


@pytest.mark.parametrize("code", ALL)
def test_a_code_has_a_cause_and_a_fix(code: Code) -> None:
    """Clauses that complete a sentence: no capital, no full stop."""
    for clause in (code.cause, code.fix):
        assert len(clause.split()) >= 2
        assert not clause[0].isupper() or clause.split()[0].isupper()
        assert not clause.endswith(".")
        assert clause == clause.strip()


def test_no_two_codes_have_the_same_word_or_cause() -> None:
    """Each code is identified by its word alone, across all kinds."""
    assert len({code.value for code in ALL}) == len(ALL)
    assert len({code.cause for code in ALL}) == len(ALL)


@pytest.mark.parametrize("code", ALL)
def test_every_setting_that_a_code_names_exists(code: Code) -> None:
    """A fix names only configuration keys that exist."""
    for table, key in SETTING.findall(f"{code.cause}; {code.fix}"):
        tables: list[tuple[str, ...]] = [
            ("users", "x", "account") if table == "account" else ("defaults", table)
        ]
        if table == "ai":  # the money is the daemon's, not a user's
            tables.append(("ai",))
        assert any(key in keys_at(where) for where in tables), f"{table}.{key}"


@pytest.mark.parametrize("code", ALL)
def test_a_code_is_found_by_its_word(code: Code) -> None:
    """As it stands in the ledger."""
    assert code_of(str(code)) is code
    assert meaning_of(str(code)) == {"cause": code.cause, "cure": code.fix}


@pytest.mark.parametrize("word", [None, "", "FROM_A_NEWER_VERSION"])
def test_an_unknown_word_has_no_meaning_and_breaks_nothing(word: str | None) -> None:
    """A ledger may have been written by a newer signalbot."""
    assert meaning_of(word) == {"cause": None, "cure": None}
