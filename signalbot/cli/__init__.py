"""The command line: every command, in the order of the help, and where its function is."""

from typing import Annotated

import typer

from signalbot import __version__
from signalbot.cli.lazy import Entry, lazy_app
from signalbot.cli.options import ConfigFile

SET_UP, RUN, OBSERVE, ACT = "Set up", "Run", "Observe", "Act on the running daemon"
KEEP = "Look after"

COMMANDS = {
    "init": Entry(
        where="signalbot.cli.setup.init:init",
        panel=SET_UP,
        examples=("signalbot init", "signalbot init /etc/signalbot"),
    ),
    "check": Entry(
        where="signalbot.cli.setup.check:check",
        panel=SET_UP,
        examples=("signalbot check -c config.toml", "signalbot check --json"),
    ),
    "config": Entry(
        where="signalbot.cli.setup.config:app",
        panel=SET_UP,
        examples=("signalbot config show --user alice", "signalbot config schema"),
    ),
    "keys": Entry(
        where="signalbot.cli.keys.credentials:app",
        panel=SET_UP,
        examples=("signalbot keys set alice", "signalbot keys import accounts.jsonl"),
    ),
    "secret": Entry(
        where="signalbot.cli.keys.secrets:app",
        panel=SET_UP,
        examples=("signalbot secret set alice-telegram", "signalbot secret list"),
    ),
    "notify": Entry(
        where="signalbot.cli.setup.notify:app",
        panel=SET_UP,
        examples=("signalbot notify test", "signalbot notify test --user alice"),
    ),
    "token": Entry(
        where="signalbot.cli.control.tokens:app",
        panel=SET_UP,
        examples=("signalbot token create --user alice", "signalbot token list"),
    ),
    "strategy": Entry(
        where="signalbot.cli.strategy.files:app",
        panel=SET_UP,
        examples=("signalbot strategy new breakout", "signalbot strategy check breakout.py"),
    ),
    "demo": Entry(
        where="signalbot.cli.run.demo:demo",
        panel=RUN,
        examples=("signalbot demo", "signalbot demo --speed 0 --keep demo"),
    ),
    "run": Entry(
        where="signalbot.cli.run.daemon:run",
        panel=RUN,
        examples=("signalbot run -c config.toml",),
    ),
    "replay": Entry(
        where="signalbot.cli.run.replay:replay",
        panel=RUN,
        examples=(
            "signalbot replay -c config.toml --candles btc-1m.csv --symbol BTC/USDT:USDT",
            "signalbot replay --candles btc-1m.csv --symbol BTC/USDT:USDT --report btc.html",
            "signalbot replay --candles btc-1m.csv --symbol BTC/USDT:USDT --ledger btc.db --json",
            "signalbot replay --signals --user ann --since 30d --set risk.max_open_positions=3",
        ),
    ),
    "status": Entry(
        where="signalbot.cli.inspect.status:status",
        panel=OBSERVE,
        examples=("signalbot status", "signalbot status --json || echo not running"),
    ),
    "users": Entry(
        where="signalbot.cli.inspect.accounts:users",
        panel=OBSERVE,
        examples=("signalbot users", "signalbot users --status HALTED"),
    ),
    "strategies": Entry(
        where="signalbot.cli.inspect.accounts:strategies",
        panel=OBSERVE,
        examples=("signalbot strategies", "signalbot strategies --json"),
    ),
    "subscriptions": Entry(
        where="signalbot.cli.inspect.accounts:subscriptions",
        panel=OBSERVE,
        examples=("signalbot subscriptions --user alice",),
    ),
    "signals": Entry(
        where="signalbot.cli.inspect.signals:signals",
        panel=OBSERVE,
        examples=(
            "signalbot signals --strategy trend --since 24h",
            "signalbot signals --user alice --symbol BTC",
            "signalbot signals --user alice --code PRICE_DRIFTED",
            "signalbot signals --ledger replay.db --limit 0 --json",
        ),
    ),
    "why": Entry(
        where="signalbot.cli.inspect.why:why",
        panel=OBSERVE,
        examples=(
            "signalbot why sig_3f9a0c1d2e4b5a67",
            "signalbot why 3f9a bob",
            "signalbot why 3f9a --json",
        ),
    ),
    "refusals": Entry(
        where="signalbot.cli.inspect.refusals:refusals",
        panel=OBSERVE,
        examples=("signalbot refusals alice --since 7d", "signalbot refusals --json"),
    ),
    "explain": Entry(
        where="signalbot.cli.inspect.explain:explain",
        panel=OBSERVE,
        examples=("signalbot explain COOLDOWN", "signalbot explain position.mismatch"),
    ),
    "executions": Entry(
        where="signalbot.cli.inspect.executions:executions",
        panel=OBSERVE,
        examples=(
            "signalbot executions --user alice --since 7d",
            "signalbot executions --status unknown",
        ),
    ),
    "positions": Entry(
        where="signalbot.cli.inspect.positions:positions",
        panel=OBSERVE,
        examples=("signalbot positions", "signalbot positions --all --symbol 'BTC/*'"),
    ),
    "orders": Entry(
        where="signalbot.cli.inspect.orders:orders",
        panel=OBSERVE,
        examples=("signalbot orders --user alice", "signalbot orders --status open"),
    ),
    "metrics": Entry(
        where="signalbot.cli.inspect.metrics:app",
        panel=OBSERVE,
        examples=("signalbot metrics dashboard", "signalbot metrics alerts"),
    ),
    "pnl": Entry(
        where="signalbot.cli.inspect.pnl:pnl",
        panel=OBSERVE,
        examples=(
            "signalbot pnl",
            "signalbot pnl --by day --user alice --since 7d",
            "signalbot pnl --by strategy --ledger replay.db",
            "signalbot pnl --user ann --shadow",
        ),
    ),
    "ai": Entry(
        where="signalbot.cli.inspect.ai:app",
        panel=OBSERVE,
        examples=("signalbot ai stats", "signalbot ai stats --since 7d --json"),
    ),
    "subscribe": Entry(
        where="signalbot.cli.control.subscriptions:subscribe",
        panel=ACT,
        examples=("signalbot subscribe alice btc-trend --set sizing.risk_percent=2",),
    ),
    "pause": Entry(
        where="signalbot.cli.control.trading:pause",
        panel=ACT,
        examples=("signalbot pause alice --reason holiday", "signalbot pause alice btc-trend"),
    ),
    "resume": Entry(
        where="signalbot.cli.control.trading:resume",
        panel=ACT,
        examples=("signalbot resume alice", "signalbot resume alice btc-trend"),
    ),
    "cancel": Entry(
        where="signalbot.cli.control.subscriptions:cancel",
        panel=ACT,
        examples=("signalbot cancel alice btc-trend", "signalbot cancel sig_3f9a0c1d2e4b5a67"),
    ),
    "close": Entry(
        where="signalbot.cli.control.trading:close",
        panel=ACT,
        examples=("signalbot close alice", "signalbot close alice BTC/USDT:USDT"),
    ),
    "halt": Entry(
        where="signalbot.cli.control.trading:halt",
        panel=ACT,
        examples=("signalbot halt --reason 'exchange maintenance'",),
    ),
    "unhalt": Entry(
        where="signalbot.cli.control.trading:unhalt", panel=ACT, examples=("signalbot unhalt",)
    ),
    "send": Entry(
        where="signalbot.cli.control.send:send",
        panel=ACT,
        examples=(
            "signalbot send btc-trend BTC/USDT:USDT LONG --stop-loss 59000 --key today",
            "signalbot send btc-trend BTC/USDT:USDT EXIT_LONG",
            "signalbot send btc-trend BTC/USDT:USDT EXIT_LONG --exit-percent 50",
        ),
    ),
    "webhook": Entry(
        where="signalbot.cli.control.webhook:app",
        panel=ACT,
        examples=(
            "signalbot webhook test tv-breakout alert.json",
            "signalbot webhook test tv-breakout alert.json --json",
        ),
    ),
    "doctor": Entry(
        where="signalbot.cli.keeping.doctor:doctor",
        panel=KEEP,
        examples=("signalbot doctor", "signalbot doctor --online --json"),
    ),
    "alert": Entry(
        where="signalbot.cli.keeping.alert:alert",
        panel=KEEP,
        examples=("signalbot alert 'the server restarts at noon'",),
    ),
    "backup": Entry(
        where="signalbot.cli.keeping.backup:backup",
        panel=KEEP,
        examples=("signalbot backup", "signalbot backup ledger-copy.db"),
    ),
    "restore": Entry(
        where="signalbot.cli.keeping.backup:restore",
        panel=KEEP,
        examples=("signalbot restore ledger-copy.db",),
    ),
}
"""A function is imported when its command is given, so a command may import what it needs."""

app = lazy_app(
    COMMANDS, help_text="One trading signal becomes every user's own trade, exactly once each."
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"signalbot {__version__}")
        raise typer.Exit


@app.callback()
def root(
    config: ConfigFile = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Take what may stand before a command; ``ConfigFile`` finds it there."""
