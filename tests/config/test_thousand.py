"""A thousand users in one file are no reason to wait."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from signalbot.config.load import load
from signalbot.config.locate import state_dir_of
from tests.config.config_files import CONTRACT, write

USERS = 1_000


def thousand_users() -> str:
    """The contract's file with a thousand users, each with settings of every kind."""
    head = CONTRACT.read_text(encoding="utf-8").split("[users.alice]")[0]
    return head + "".join(
        f"""
        [users.user{n}]
        mode = "paper"
        notify = ["secret:user{n}"]
        [users.user{n}.account]
        exchange = "binance"
        leverage = {n % 20 + 1}
        paper_balance = {10_000 + n}
        [users.user{n}.filters]
        symbols = ["BTC/*"]
        hours = ["08:00-22:00"]
        time_zone = "Europe/Berlin"
        [users.user{n}.protection]
        stop_loss = {{ percent = {n % 5 + 1}.5 }}
        take_profits = [{{ percent = 2.0, share = 50 }}, {{ percent = 4.0, share = 50 }}]
        [users.user{n}.subscriptions.btc-trend]
        sizing = {{ risk_percent = {n % 3 + 1}.0 }}
        """
        for n in range(USERS)
    )


def test_loading_costs_little_more_than_reading_toml(tmp_path: Path) -> None:
    """Validation, layers and cross checks together take less than four parsings more."""
    path = write(tmp_path, thousand_users())
    text = path.read_text(encoding="utf-8")
    config = load(path, {})
    assert len(config.subscriptions) == USERS
    assert len({id(each.settings) for each in config.subscriptions}) == 15
    parsing = min(_elapsed(lambda: tomllib.loads(text)) for _ in range(3))
    loading = min(_elapsed(lambda: load(path, {})) for _ in range(3))
    assert loading < 5 * parsing


def test_the_state_directory_is_found_without_reading_the_users(tmp_path: Path) -> None:
    """Commands that read the ledger do not pay for the size of the file."""
    path = write(tmp_path, thousand_users())
    loading = min(_elapsed(lambda: load(path, {})) for _ in range(3))
    finding = min(_elapsed(lambda: state_dir_of(path, {})) for _ in range(3))
    assert finding < loading / 10


def _elapsed(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return perf_counter() - start
