"""What this version does not do is said, and what would be unsafe to ignore is refused."""

from pathlib import Path

import pytest

from signalbot.config.example import example_text
from signalbot.config.load import load
from signalbot.config.unserved import run_problems
from tests.config.files import CONTRACT, MINIMAL, load_text


def test_the_contract_has_nothing_without_effect() -> None:
    """What the design promises is what is done."""
    assert load(CONTRACT, {}).notices == ()


def test_a_notice_names_a_few_users_and_counts_the_rest(tmp_path: Path) -> None:
    """One line, however many users."""
    users = "".join(
        f'[users.u{n}]\naccount = {{ exchange = "sim", margin_mode = "cross" }}\n' for n in range(9)
    )
    (notice,) = load_text(tmp_path, MINIMAL + users).notices
    assert notice.endswith("(set for u0, u1, u2, u3, u4 and 4 more)")


def test_options_for_ccxt_on_a_simulated_exchange_get_a_notice(tmp_path: Path) -> None:
    """No key is read and silently ignored."""
    text = MINIMAL.replace('"simulated"', '"simulated"\nccxt = { timeout = 5 }')
    (notice,) = load_text(tmp_path, text).notices
    assert notice.startswith("exchanges.sim: ccxt and sandbox have no effect")


def test_the_example_has_neither_notices_nor_problems(tmp_path: Path) -> None:
    """A first run begins without a warning."""
    config = load_text(tmp_path, example_text())
    assert config.notices == ()
    assert run_problems(config) == ()


@pytest.mark.parametrize(
    ("added", "path", "message"),
    [
        (
            '[strategies.hook]\nkind = "llm"\nexchange = "sim"\n'
            'symbols = ["A/B"]\ntimeframe = "5m"\n',
            "strategies.hook.kind",
            "'llm' cannot be run yet: it is a kind of a later version",
        ),
        (
            "[users.alice.ai]\nenabled = true\n",
            "users.alice.ai.enabled",
            "true cannot be run yet: this version asks no AI",
        ),
        (
            "[defaults.ai]\nenabled = true\n"
            '[users.bob]\naccount = { exchange = "sim" }\nsubscriptions = { trend = {} }\n',
            "defaults.ai.enabled",
            "true cannot be run yet: this version asks no AI",
        ),
    ],
)
def test_what_cannot_be_run_is_a_problem_of_run_only(
    tmp_path: Path, added: str, path: str, message: str
) -> None:
    """The file loads, so check and replay work; run has a reason with its place, once."""
    (problem,) = run_problems(load_text(tmp_path, MINIMAL + added))
    assert (problem.path, problem.message) == (path, message)
    assert problem.line is not None
    assert problem.line > 12


def test_an_ai_that_every_user_declines_is_no_problem(tmp_path: Path) -> None:
    """What counts is what holds in the end."""
    text = MINIMAL + "[defaults.ai]\nenabled = true\n[users.alice.ai]\nenabled = false\n"
    assert run_problems(load_text(tmp_path, text)) == ()
