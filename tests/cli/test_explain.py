"""``explain`` and ``refusals``: why users did not trade, in general and in numbers."""

from signalbot.domain.failures import Failure
from signalbot.domain.reasons import Reason
from tests.cli.shell import Shell


def test_every_code_is_explained(shell: Shell) -> None:
    """With its cause and its cure, whichever way it is written."""
    told = {row["code"]: row for row in shell.ask("explain", "--json").json}
    assert told.keys() == {each.value for each in (*Reason, *Failure)}
    assert all(row["cause"] and row["cure"] for row in told.values())
    said = shell.ask("explain", "cooldown")
    assert Reason.COOLDOWN.cause in said.out
    assert Reason.COOLDOWN.cure in said.out


def test_a_code_that_is_none_names_what_was_meant(shell: Shell) -> None:
    """And leaves as not found."""
    said = shell.run("explain", "COOLDWN")
    assert said.code == 4
    assert "COOLDOWN" in said.err


def test_refusals_are_counted_by_user_and_code(home: Shell) -> None:
    """As many as the decisions say, with the cure beside."""
    rows = home.ask("refusals", "--json").json
    assert rows
    for row in rows:
        decided = home.ask("signals", "--user", row["user_id"], "--limit", "0", "--json").json
        skipped = [each for each in decided if each["outcome"] == "SKIP"]
        assert row["signals"] == sum(each["code"] == row["code"] for each in skipped)
        assert row["cure"] == Reason[row["code"]].cure
    user = rows[0]["user_id"]
    assert {row["user_id"] for row in home.ask("refusals", user, "--json").json} == {user}
    assert home.run("refusals", "nobody").code == 4
