"""Command table: every command, in help order, with the module that implements it."""

from typing import Annotated

import typer

from signalbot import __version__
from signalbot.cli.lazy import CommandEntry, lazy_app
from signalbot.cli.options import ConfigOption

SET_UP, RUN, OBSERVE, ACT = "Set up", "Run", "Observe", "Act on the running daemon"
MAINTAIN = "Maintain"

COMMANDS = {
    "init": CommandEntry(
        where="signalbot.cli.setup.init:init",
        panel=SET_UP,
        examples=("signalbot init", "signalbot init /etc/signalbot"),
    ),
    "check": CommandEntry(
        where="signalbot.cli.setup.check:check",
        panel=SET_UP,
        examples=("signalbot check -c config.toml", "signalbot check --json"),
    ),
    "config": CommandEntry(
        where="signalbot.cli.setup.config:app",
        panel=SET_UP,
        examples=("signalbot config show --user alice", "signalbot config schema"),
    ),
    "keys": CommandEntry(
        where="signalbot.cli.keys.credentials:app",
        panel=SET_UP,
        examples=("signalbot keys set alice", "signalbot keys import accounts.jsonl"),
    ),
    "secret": CommandEntry(
        where="signalbot.cli.keys.secrets:app",
        panel=SET_UP,
        examples=("signalbot secret set alice-telegram", "signalbot secret list"),
    ),
    "notify": CommandEntry(
        where="signalbot.cli.setup.notify:app",
        panel=SET_UP,
        examples=("signalbot notify test", "signalbot notify test --user alice"),
    ),
    "token": CommandEntry(
        where="signalbot.cli.control.tokens:app",
        panel=SET_UP,
        examples=("signalbot token create --user alice", "signalbot token list"),
    ),
    "strategy": CommandEntry(
        where="signalbot.cli.strategy.files:app",
        panel=SET_UP,
        examples=("signalbot strategy new breakout", "signalbot strategy check breakout.py"),
    ),
    "demo": CommandEntry(
        where="signalbot.cli.run.demo:demo",
        panel=RUN,
        examples=("signalbot demo", "signalbot demo --speed 0 --keep demo"),
    ),
    "run": CommandEntry(
        where="signalbot.cli.run.daemon:run",
        panel=RUN,
        examples=("signalbot run -c config.toml",),
    ),
    "replay": CommandEntry(
        where="signalbot.cli.run.replay:replay",
        panel=RUN,
        examples=(
            "signalbot replay -c config.toml --candles btc-1m.csv --symbol BTC/USDT:USDT",
            "signalbot replay --candles btc-1m.csv --symbol BTC/USDT:USDT --report btc.html",
            "signalbot replay --candles btc-1m.csv --symbol BTC/USDT:USDT --ledger btc.db --json",
            "signalbot replay --signals --user ann --since 30d --set risk.max_open_positions=3",
        ),
    ),
    "status": CommandEntry(
        where="signalbot.cli.inspect.status:status",
        panel=OBSERVE,
        examples=("signalbot status", "signalbot status --json || echo not running"),
    ),
    "users": CommandEntry(
        where="signalbot.cli.inspect.accounts:users",
        panel=OBSERVE,
        examples=("signalbot users", "signalbot users --status HALTED"),
    ),
    "strategies": CommandEntry(
        where="signalbot.cli.inspect.accounts:strategies",
        panel=OBSERVE,
        examples=("signalbot strategies", "signalbot strategies --json"),
    ),
    "subscriptions": CommandEntry(
        where="signalbot.cli.inspect.accounts:subscriptions",
        panel=OBSERVE,
        examples=("signalbot subscriptions --user alice",),
    ),
    "signals": CommandEntry(
        where="signalbot.cli.inspect.signals:signals",
        panel=OBSERVE,
        examples=(
            "signalbot signals --strategy trend --since 24h",
            "signalbot signals --user alice --symbol BTC",
            "signalbot signals --user alice --code PRICE_DRIFTED",
            "signalbot signals --ledger replay.db --limit 0 --json",
        ),
    ),
    "why": CommandEntry(
        where="signalbot.cli.inspect.why:why",
        panel=OBSERVE,
        examples=(
            "signalbot why sig_3f9a0c1d2e4b5a67",
            "signalbot why 3f9a bob",
            "signalbot why 3f9a --json",
        ),
    ),
    "skips": CommandEntry(
        where="signalbot.cli.inspect.skips:skips",
        panel=OBSERVE,
        examples=("signalbot skips alice --since 7d", "signalbot skips --json"),
    ),
    "explain": CommandEntry(
        where="signalbot.cli.inspect.explain:explain",
        panel=OBSERVE,
        examples=("signalbot explain COOLDOWN", "signalbot explain position.mismatch_found"),
    ),
    "executions": CommandEntry(
        where="signalbot.cli.inspect.executions:executions",
        panel=OBSERVE,
        examples=(
            "signalbot executions --user alice --since 7d",
            "signalbot executions --status unknown",
        ),
    ),
    "positions": CommandEntry(
        where="signalbot.cli.inspect.positions:positions",
        panel=OBSERVE,
        examples=("signalbot positions", "signalbot positions --all --symbol 'BTC/*'"),
    ),
    "orders": CommandEntry(
        where="signalbot.cli.inspect.orders:orders",
        panel=OBSERVE,
        examples=("signalbot orders --user alice", "signalbot orders --status open"),
    ),
    "metrics": CommandEntry(
        where="signalbot.cli.inspect.metrics:app",
        panel=OBSERVE,
        examples=("signalbot metrics dashboard", "signalbot metrics alerts"),
    ),
    "pnl": CommandEntry(
        where="signalbot.cli.inspect.pnl:pnl",
        panel=OBSERVE,
        examples=(
            "signalbot pnl",
            "signalbot pnl --by day --user alice --since 7d",
            "signalbot pnl --by strategy --ledger replay.db",
            "signalbot pnl --user ann --shadow",
        ),
    ),
    "ai": CommandEntry(
        where="signalbot.cli.inspect.ai:app",
        panel=OBSERVE,
        examples=("signalbot ai stats", "signalbot ai stats --since 7d --json"),
    ),
    "subscribe": CommandEntry(
        where="signalbot.cli.control.subscriptions:subscribe",
        panel=ACT,
        examples=("signalbot subscribe alice btc-trend --set sizing.risk_percent=2",),
    ),
    "pause": CommandEntry(
        where="signalbot.cli.control.trading:pause",
        panel=ACT,
        examples=("signalbot pause alice --reason holiday", "signalbot pause alice btc-trend"),
    ),
    "resume": CommandEntry(
        where="signalbot.cli.control.trading:resume",
        panel=ACT,
        examples=("signalbot resume alice", "signalbot resume alice btc-trend"),
    ),
    "cancel": CommandEntry(
        where="signalbot.cli.control.subscriptions:cancel",
        panel=ACT,
        examples=("signalbot cancel alice btc-trend", "signalbot cancel sig_3f9a0c1d2e4b5a67"),
    ),
    "close": CommandEntry(
        where="signalbot.cli.control.trading:close",
        panel=ACT,
        examples=("signalbot close alice", "signalbot close alice BTC/USDT:USDT"),
    ),
    "halt": CommandEntry(
        where="signalbot.cli.control.trading:halt",
        panel=ACT,
        examples=("signalbot halt --reason 'exchange maintenance'",),
    ),
    "unhalt": CommandEntry(
        where="signalbot.cli.control.trading:unhalt", panel=ACT, examples=("signalbot unhalt",)
    ),
    "send": CommandEntry(
        where="signalbot.cli.control.send:send",
        panel=ACT,
        examples=(
            "signalbot send btc-trend BTC/USDT:USDT LONG --stop-loss 59000 --key today",
            "signalbot send btc-trend BTC/USDT:USDT EXIT_LONG",
            "signalbot send btc-trend BTC/USDT:USDT EXIT_LONG --exit-percent 50",
        ),
    ),
    "webhook": CommandEntry(
        where="signalbot.cli.control.webhook:app",
        panel=ACT,
        examples=(
            "signalbot webhook test tv-breakout alert.json",
            "signalbot webhook test tv-breakout alert.json --json",
        ),
    ),
    "doctor": CommandEntry(
        where="signalbot.cli.maintenance.doctor:doctor",
        panel=MAINTAIN,
        examples=("signalbot doctor", "signalbot doctor --online --json"),
    ),
    "alert": CommandEntry(
        where="signalbot.cli.maintenance.alert:alert",
        panel=MAINTAIN,
        examples=("signalbot alert 'the server restarts at noon'",),
    ),
    "backup": CommandEntry(
        where="signalbot.cli.maintenance.backup:backup",
        panel=MAINTAIN,
        examples=("signalbot backup", "signalbot backup ledger-copy.db"),
    ),
    "restore": CommandEntry(
        where="signalbot.cli.maintenance.backup:restore",
        panel=MAINTAIN,
        examples=("signalbot restore ledger-copy.db",),
    ),
    "manual": CommandEntry(
        where="signalbot.cli.manual:manual",
        panel=MAINTAIN,
        examples=(
            "signalbot manual quickstart",
            "signalbot manual --list",
            "signalbot manual --search trailing",
        ),
    ),
}
"""Modules are imported when their command runs, so a command may import what it needs."""

app = lazy_app(
    COMMANDS,
    help_text="Turn one trading signal into every user's trade.",
    aliases={"refusals": "skips"},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"signalbot {__version__}")
        raise typer.Exit


@app.callback()
def root(
    config: ConfigOption = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Parse options that precede the command; ``ConfigOption`` reads them from here."""
