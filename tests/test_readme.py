"""The README: its commands run, its links lead somewhere, its transcript is real."""

import re
from pathlib import Path

from signalbot.api.connection_limiter import build_connection_limiter
from signalbot.settings.daemon import ApiSettings
from tests.cli.command_line import CommandLine
from tests.cli.conftest import shell
from tests.config.config_files import load_text

__all__ = ["shell"]

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_readme_is_short() -> None:
    """Everything else is in the manual."""
    assert README.count("\n") <= 150


def test_ci_runs_the_second_command_of_the_readme() -> None:
    """CI runs exactly the documented command."""
    commands = re.findall(r"```sh\n(python3 -m venv .*)\n```", README)
    assert len(commands) == 2
    assert commands[1] in (ROOT / ".ci" / "run").read_text()


def test_every_link_of_the_front_pages_leads_to_a_file() -> None:
    """In the README, CONTRIBUTING and the changelog."""
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        for target in re.findall(r"\]\((?!http)([^)#]+)[^)]*\)", (ROOT / name).read_text()):
            assert (ROOT / target).exists(), f"{name}: {target}"


def test_the_readme_names_every_page_that_is_no_sender_of_alerts() -> None:
    """The pages of single senders are named by the page on webhooks."""
    pages = {path.stem for path in (ROOT / "signalbot" / "manual").glob("*.md")}
    named = set(re.findall(r"\(signalbot/manual/([\w-]+)\.md", README))
    assert {each for each in pages - named if not each.startswith("webhooks-")} == set()


def test_the_configuration_of_the_readme_is_valid(tmp_path: Path) -> None:
    """It is a complete file."""
    [text] = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    assert load_text(tmp_path, text).users.keys() == {"alice"}


def test_the_transcript_of_the_readme_is_real(shell: CommandLine) -> None:
    """Every row of a user stands so in what the demo's ledger shows."""
    [transcript] = re.findall(r"```\n\$ signalbot why (.*?)```", README, re.DOTALL)
    users = ["alice", "bob", "carol", "dave", "erin", "frank", "grace"]
    rows = [line for line in transcript.splitlines() if line.partition(" ")[0] in users]
    assert shell.run("demo", "--speed", "0", "--keep", "demo").code == 0
    shown = shell.run("why", "sig_dcc0", "--ledger", "demo/demo.db").lines
    for row in rows:
        assert any(_tidy(line).startswith(_tidy(row)) for line in shown), row
    assert len(rows) == len(users)


def _tidy(line: str) -> str:
    return " ".join(line.split())


def test_an_address_may_take_a_quarter_of_the_connections() -> None:
    """And all connections together a quarter of the files, as the page on security says."""
    settings = ApiSettings(host="127.0.0.1", port=1, tls_behind_proxy=False)
    limiter = build_connection_limiter(settings, open_files=1_000_000)
    assert (limiter.max_connections, limiter._max_per_address) == (256, 64)
    assert build_connection_limiter(settings, open_files=400).max_connections == 100


def test_every_module_of_the_pipeline_has_its_place_in_the_life_of_a_signal() -> None:
    """The page follows the tree: a step nobody mentions is a step nobody finds."""
    text = (ROOT / "signalbot" / "manual" / "architecture.md").read_text()
    page = text.partition("## Life of a signal")[2].partition("\n## ")[0]
    pipeline = ROOT / "signalbot" / "pipeline"
    steps = {
        path.relative_to(pipeline).as_posix()
        for path in pipeline.rglob("*.py")
        if path.name != "__init__.py"
    }
    assert {name for name in steps if f"`{name}`" not in page} == {
        "account.py",
        "account_history.py",
        "account_valuation.py",
        "key_permissions.py",
        "orders/order_intents.py",
        "trading_state.py",
    }
