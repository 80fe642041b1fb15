"""``signalbot notify test``: whether notices arrive, without the daemon and without a secret."""

from pathlib import Path

from tests.cli.command_line import CommandLine
from tests.config.config_files import MINIMAL
from tests.notifications.http_receiver import Receiver, receiving


def shell(folder: Path, receiver: Receiver) -> CommandLine:
    """A folder in which the operator has one destination and alice has two."""
    secret = f"json://alice:canary-word@127.0.0.1:{receiver.port}/second"
    urls = f'"{receiver.url("first")}", "{secret}"'
    text = MINIMAL.replace("[users.alice.account]", f"[users.alice]\nnotify = [{urls}]\n\\g", 1)
    text = text.replace("\\g", "[users.alice.account]")
    text += f'[notify]\noperator = ["{receiver.url("operator")}"]\n'
    text += '[users.bob]\naccount = { exchange = "sim" }\n'
    (folder / "config.toml").write_text(text)
    return CommandLine(folder)


def test_every_destination_of_a_user_gets_one(tmp_path: Path) -> None:
    """And only those."""
    with receiving() as receiver:
        said = shell(tmp_path, receiver).run("notify", "test", "--user", "alice")
        assert (said.code, said.lines) == (
            0,
            ["alice, destination 1: delivered", "alice, destination 2: delivered"],
        )
        assert [got.path for got in receiver.got] == ["/first", "/second"]
        assert receiver.got[0].body == "Notices for alice arrive here."


def test_what_a_service_refused_is_told_with_its_answer(tmp_path: Path) -> None:
    """Exit code 1, and nothing of the password."""
    with receiving() as receiver:
        receiver.refusals["/second"] = [401]
        said = shell(tmp_path, receiver).run("notify", "test", "--user", "alice")
        assert said.code == 1
        assert said.lines[1].startswith("alice, destination 2: not delivered: ")
        assert "401" in said.lines[1]
        assert "canary" not in said.out + said.err


def test_without_a_name_it_is_the_operator(tmp_path: Path) -> None:
    """Whoever sets it up is the first who wants to know."""
    with receiving() as receiver:
        said = shell(tmp_path, receiver).run("notify", "test")
        assert (said.code, said.lines) == (0, ["the operator, destination 1: delivered"])


def test_nobody_to_tell_is_not_found(tmp_path: Path) -> None:
    """A user without destinations, and one who does not exist."""
    with receiving() as receiver:
        here = shell(tmp_path, receiver)
        bob, eve = (here.run("notify", "test", "--user", name) for name in ("bob", "eve"))
    assert (bob.code, bob.err) == (4, "signalbot: users.bob.notify has no destination\n")
    assert (eve.code, "no user 'eve'" in eve.err) == (4, True)
