"""``ai stats`` on a ledger in which nobody was asked; with calls, see ``tests/ai``."""

from tests.cli.command_line import CommandLine


def test_nothing_asked_is_said_plainly(home: CommandLine) -> None:
    """For people a sentence, for programs zeros."""
    assert "no AI calls" in home.ask("ai", "stats").out
    found = home.ask("ai", "stats", "--since", "7d", "--json").json
    assert (found["calls"], found["cost"], found["models"]) == (0, "0", [])
    assert found["signals"]["vetoed"]["average_move_percent"] is None
