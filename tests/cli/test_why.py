"""``why``: the commonest question has an answer for every user."""

import re

import pytest

from tests.cli.command_line import CommandLine
from tests.cli.sample_ledger import FATES, NOW, OLDER_ID, POSITION_ID, SIGNAL_ID


def test_everybody_subscribed_has_a_line_with_outcome_and_code(home: CommandLine) -> None:
    """Acted or not: nobody is left out, and nobody else is there."""
    story = home.run("why", SIGNAL_ID, "--json").json
    assert story["signal"]["signal_id"] == SIGNAL_ID
    told = {row["user_id"]: (row["outcome"], row["code"], row["status"]) for row in story["users"]}
    assert told == FATES


def test_a_piped_line_says_all_about_one_user(home: CommandLine) -> None:
    """So that ``grep bob`` is enough."""
    lines = home.run("why", SIGNAL_ID).lines
    header = re.split(r" {2,}", next(line for line in lines if line.startswith("USER")))
    cells = {
        line.split()[0]: dict(zip(header, re.split(r" {2,}", line), strict=True))
        for line in lines[lines.index("") + 2 :]
    }
    assert cells.keys() == FATES.keys()
    alice, bob, carol, dave = (cells[name] for name in ("alice", "bob", "carol", "dave"))
    assert (alice["STATUS"], alice["REQUESTED"], alice["FILLED"]) == ("executed", "0.03", "0.03")
    assert (alice["PRICE"], alice["SLIP BP"], alice["LATENCY MS"]) == ("43214.8", "1.00", "62")
    assert (alice["RANK"], alice["RESULT"]) == ("0", "OPEN")
    assert bob["REASON"].startswith(
        "the number of open positions has reached risk.max_open_positions"
    )
    assert bob["REASON"].endswith("open=3 limit=3")
    assert "failed: REJECTED: margin is short" in carol["REASON"]
    assert "unknown: no answer in 10 s" in dave["REASON"]
    assert cells["erin"]["DECISION"] == "no decision"
    assert "no decision recorded" in cells["erin"]["REASON"]


def test_one_users_story_has_the_cure_and_the_orders_in_order(home: CommandLine) -> None:
    """What would change it, and everything that was sent."""
    assert "raise risk.max_open_positions" in home.ask("why", SIGNAL_ID, "bob").out
    story = home.run("why", SIGNAL_ID, "alice", "--json").json
    (turn,) = story["users"]
    assert turn["position_id"] == POSITION_ID
    assert turn["cure"] == "nothing to do"
    assert turn["net_pnl"] == "-0.6482"
    assert [order["leg"] for order in story["orders"]] == ["entry", "stop_loss"]
    assert [order["status"] for order in story["orders"]] == ["filled", "open"]
    assert all(order["intended_at_ms"] == NOW + 21 for order in story["orders"])


@pytest.mark.parametrize("beginning", ["sig_5f0", "5f0", "5F0C9A", SIGNAL_ID])
def test_the_beginning_of_an_id_is_enough(home: CommandLine, beginning: str) -> None:
    """As long as only one signal begins so."""
    assert home.ask("why", beginning, "--json").json["signal"]["signal_id"] == SIGNAL_ID


def test_a_beginning_of_several_ids_names_them(home: CommandLine) -> None:
    """Rather than choosing one."""
    said = home.ask("why", "5f")
    assert said.code == 4
    assert SIGNAL_ID in said.err
    assert OLDER_ID in said.err


def test_an_unknown_signal_names_the_nearest(home: CommandLine) -> None:
    """A mistyped id is one glance away from the right one."""
    said = home.run("why", SIGNAL_ID[:-1] + "4")
    assert said.code == 4
    assert f"did you mean {SIGNAL_ID}" in said.err
    assert said.out == ""


def test_a_user_without_part_in_the_signal_is_not_found(home: CommandLine) -> None:
    """And is told apart from one that does not exist."""
    unsubscribed = home.ask("why", SIGNAL_ID, "zoe")
    assert unsubscribed.code == 4
    assert "not subscribed to 'trend'" in unsubscribed.err
    unknown = home.ask("why", SIGNAL_ID, "alise")
    assert unknown.code == 4
    assert "did you mean alice" in unknown.err


def test_a_terminal_gets_decisions_and_executions_apart(home: CommandLine) -> None:
    """One wide table would fit no screen."""
    seen = re.sub(r"\x1b\[[0-9;]*m", "", home.on_terminal("why", SIGNAL_ID, columns=100))
    assert re.search(r"bob +paper +SKIP +MAX_OPEN_POSITIONS", seen)
    assert re.search(r"alice +paper +executed", seen)
    assert max(len(line.rstrip()) for line in seen.splitlines()) <= 100
