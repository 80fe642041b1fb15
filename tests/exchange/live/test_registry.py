"""One row per exchange holds all that is special about it; no other code names an exchange."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from ccxt import pro

import signalbot
from signalbot.domain.errors import ConfigError
from signalbot.domain.market import MarketKind
from signalbot.exchange.live.registry import (
    SUPPORTED,
    adapters_of,
    client_profile,
    exchange_row,
    supported_message,
    unsupported_message,
)

PACKAGE = Path(signalbot.__file__).parent

#: Files that name exchanges for another reason than to treat one in its own way.
ALLOWED = {
    "exchange/live/registry.py": "the rows",
    "config/sections/exchanges.py": "an example in a help text",
    "api/models": "examples of the API's documentation",
    "api/routes/webhooks.py": "an example of the API's documentation",
    "webhooks/symbols.py": "prefixes of chart symbols, whatever exchange is traded at",
    "webhooks/instruction_reader.py": "formats of alerts",
    "webhooks/level_fields.py": "formats of alerts",
    "replay/candle_files": "formats of candle files from anywhere",
    "exchange/live/adapters": "the adapters",
}
NAMES = ("binance", "bybit", "okx", "okex", "bitget", "htx", "huobi", "kraken", "mexc")
NAME = re.compile("|".join(NAMES), re.IGNORECASE)


def _source_files() -> Iterator[Path]:
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE).as_posix()
        if not any(inside == each or inside.startswith(f"{each}/") for each in ALLOWED):
            yield path


def _names_and_strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Identifiers and texts of a module; docstrings and comments may cite an exchange's manual."""
    docstrings = {
        id(node.value) for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }  # fmt: skip
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in docstrings:
                yield node.lineno, text
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name
            case ast.ClassDef(name=name):
                yield node.lineno, name


def test_no_code_outside_adapters_and_registry_names_an_exchange() -> None:
    """What is special about an exchange stands in its row or in its adapter."""
    found = [
        f"{path.relative_to(PACKAGE)}:{line}: {text}"
        for path in _source_files()
        for line, text in _names_and_strings(ast.parse(path.read_text()))
        if NAME.search(text)
    ]
    assert not found


@pytest.mark.parametrize("ccxt_id", SUPPORTED)
def test_a_row_fits_its_adapters(ccxt_id: str) -> None:
    """The id is one of ccxt's, and every adapter is of the kind of market it is listed under."""
    assert ccxt_id in pro.exchanges
    adapters = adapters_of(ccxt_id)
    assert adapters
    for kind, adapter in adapters.items():
        assert (adapter.capabilities.exchange, adapter.capabilities.kind) == (ccxt_id, kind)


@pytest.mark.parametrize("ccxt_id", SUPPORTED)
def test_a_row_agrees_with_ccxt_on_keys(ccxt_id: str) -> None:
    """Whether a key has a passphrase."""
    needed = getattr(pro, ccxt_id)().requiredCredentials
    assert exchange_row(ccxt_id).needs_password is bool(needed["password"])


def test_a_test_network_that_does_not_exist_never_becomes_the_real_exchange() -> None:
    """However the configuration came past its check."""
    with pytest.raises(ConfigError, match="no test network"):
        client_profile("mexc", adapters_of("mexc").values(), sandbox=True)


def test_an_unknown_id_has_a_row_without_adapters() -> None:
    """So that a caller may ask before it has refused the id."""
    assert not adapters_of("kucoin")
    assert not exchange_row("kucoin").adapters


@pytest.mark.parametrize(
    ("given", "meant"),
    [("huobi", "htx"), ("OKEX5", "okx"), ("binance-futures", "binanceusdm"), ("bybitt", "bybit")],
)
def test_another_id_of_an_exchange_leads_to_the_right_one(given: str, meant: str) -> None:
    """By alias first, then by likeness."""
    assert f"did you mean {meant!r}?" in unsupported_message(given)
    assert repr(meant) in supported_message(given)


def test_leverage_tiers_are_requested_of_perpetuals_only() -> None:
    """A spot market has none."""
    for ccxt_id in SUPPORTED:
        row = exchange_row(ccxt_id)
        assert (row.leverage_tiers is not None) is (MarketKind.SWAP in row.adapters)
