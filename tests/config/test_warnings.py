"""Settings without effect are warned about."""

from pathlib import Path

from signalbot.config.example import example_text
from signalbot.config.load import load
from tests.config.config_files import CONTRACT, MINIMAL, load_text


def test_the_contract_has_nothing_without_effect() -> None:
    """What the design promises is what is done."""
    assert load(CONTRACT, {}).warnings == ()


def test_a_notice_names_a_few_users_and_counts_the_rest(tmp_path: Path) -> None:
    """One line, however many users."""
    users = "".join(
        f'[users.u{n}]\naccount = {{ exchange = "sim", margin_mode = "cross" }}\n' for n in range(9)
    )
    (notice,) = load_text(tmp_path, MINIMAL + users).warnings
    assert notice.endswith("(set for u0, u1, u2, u3, u4 and 4 more)")


def test_options_for_ccxt_on_a_simulated_exchange_get_a_notice(tmp_path: Path) -> None:
    """No key is read and silently ignored."""
    text = MINIMAL.replace('"simulated"', '"simulated"\nccxt = { timeout = 5 }')
    (notice,) = load_text(tmp_path, text).warnings
    assert notice.startswith("exchanges.sim: ccxt and sandbox have no effect")


def test_the_example_has_no_notices(tmp_path: Path) -> None:
    """A first run begins without a warning."""
    config = load_text(tmp_path, example_text())
    assert config.warnings == ()
