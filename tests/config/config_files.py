"""Configuration files to test with."""

import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from signalbot.config.load import load
from signalbot.config.problems import InvalidConfig, Problem
from signalbot.config.settings import Config

CONTRACT = Path(__file__).parent / "contract.toml"
"""The configuration of the design, word for word."""

MINIMAL = """
[exchanges.sim]
ccxt_id = "simulated"
[strategies.trend]
kind = "ema_cross"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
timeframe = "5m"
[users.alice.account]
exchange = "sim"
[users.alice.subscriptions.trend]
"""
"""One exchange, one strategy, one user and nothing else."""


def write(folder: Path, text: str) -> Path:
    """A configuration file in ``folder``."""
    path = folder / "config.toml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def load_text(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Config:
    """Load a file with the content ``text``."""
    return load(write(folder, text), environ or {})


def problems_of(
    folder: Path, text: str, environ: Mapping[str, str] | None = None
) -> tuple[Problem, ...]:
    """What is wrong with a file of ``text``; at least one thing must be."""
    with pytest.raises(InvalidConfig) as caught:
        load_text(folder, text, environ)
    return caught.value.problems


def only_problem(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Problem:
    """The one thing that is wrong with a file of ``text``."""
    problems = problems_of(folder, text, environ)
    assert len(problems) == 1, "\n".join(map(str, problems))
    return problems[0]
