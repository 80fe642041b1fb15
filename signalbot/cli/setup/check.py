"""``check``: lists configuration errors, or prints the resolved configuration."""

import asyncio
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from signalbot.cli.errors import ExitCode
from signalbot.cli.formatting import comma_list, duration, facts, number
from signalbot.cli.options import ConfigOption, JsonOption
from signalbot.cli.render import Column, print_facts, print_json, print_table
from signalbot.config.locate import find_config
from signalbot.config.problems import InvalidConfig, Problem
from signalbot.domain.money import text

if TYPE_CHECKING:
    from signalbot.config.settings import Config

_USERS = (
    Column("User", "user_id"),
    Column("Mode", "mode"),
    Column("Exchange", "exchange"),
    Column("Leverage", "leverage", is_number=True),
    Column("Margin", "margin_mode", is_extra=True),
    Column("Paper balance", "paper_balance", number, is_number=True, is_extra=True),
    Column("Follows", "strategies", comma_list, is_prose=True),
)
_STRATEGIES = (
    Column("Strategy", "name"),
    Column("Kind", "kind"),
    Column("Exchange", "exchange"),
    Column("Timeframe", "timeframe"),
    Column("TTL", "signal_ttl_ms", duration, is_extra=True),
    Column("Subscribers", "subscribers", is_number=True),
    Column("Symbols", "symbols", comma_list, is_prose=True),
    Column("Params", "params", facts, is_prose=True, is_extra=True),
)
_ONLINE = (
    Column("User", "user"),
    Column("OK", "ok", lambda is_ok: "yes" if is_ok else "NO"),
    Column("Check", "what"),
    Column("Result", "says", is_prose=True),
)


def check(
    *,
    online: Annotated[
        bool, typer.Option("--online", help="Also check exchanges: keys, permissions, balances.")
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Check the configuration, or print the resolved result.

    Every error is listed with line, key and value; then the exit code is 78. Settings without
    effect, and what this version cannot run, are listed too but are not errors.
    """
    path = find_config(config, os.environ)
    try:
        loaded = _load(path)
    except InvalidConfig as e:
        if not as_json:
            typer.echo(f"{e}\nsee: signalbot manual configuration", err=True)
            raise typer.Exit(ExitCode.BAD_CONFIG) from None
        print_json({"ok": False, "config": str(path), "problems": _plain_problems(e.problems)})
        raise typer.Exit(ExitCode.BAD_CONFIG) from None
    found = _summary(loaded)
    if online:
        found["online"] = _check_exchanges(loaded)
        found["ok"] = found["ok"] and all(each["ok"] for each in found["online"])
    if as_json:
        print_json(found)
    else:
        _print(found)
    if not found["ok"]:
        raise typer.Exit(ExitCode.ERROR)


def _load(path: Path) -> "Config":
    """The configuration with its strategies checked.

    Raises:
        InvalidConfig: it has errors.
    """
    from signalbot.config.checks.live import live_problems
    from signalbot.config.checks.strategies import check_strategies
    from signalbot.config.load import load

    config = load(path, os.environ)
    problems = (*check_strategies(config), *live_problems(config))
    if problems:
        raise InvalidConfig(problems)
    return config


def _check_exchanges(config: "Config") -> list[dict[str, Any]]:
    """Return the checks of every live account at its exchange."""
    from signalbot.cli.keys.account_checks import check_accounts, live_users
    from signalbot.vault import master_key

    users = live_users(config)
    if not users:
        return []
    path = master_key.locate_key_file(config.daemon.master_key_file, os.environ)
    found = asyncio.run(check_accounts(config, users, path))
    return [
        {"user": user, "ok": each.is_ok, "what": each.subject, "says": each.result}
        for user, findings in found.items()
        for each in findings
    ]


def _summary(config: "Config") -> dict[str, Any]:
    from signalbot.config.checks.ai import ai_library_problems

    subscribers = Counter(each.strategy for each in config.subscriptions)
    followed: dict[str, list[str]] = {user_id: [] for user_id in config.users}
    for each in config.subscriptions:
        followed[each.user_id].append(each.strategy)
    return {
        "ok": True,
        "config": str(config.path),
        "state_dir": str(config.daemon.state_dir),
        "users": [
            {
                "user_id": user.user_id,
                "mode": user.mode,
                "exchange": user.account.exchange,
                "leverage": user.account.leverage,
                "margin_mode": user.account.margin_mode,
                "paper_balance": text(user.account.paper_balance),
                "strategies": followed[user.user_id],
            }
            for user in config.users.values()
        ],
        "strategies": [
            {
                "name": each.name,
                "kind": each.kind,
                "exchange": each.exchange,
                "symbols": list(each.symbols),
                "timeframe": each.timeframe,
                "signal_ttl_ms": each.signal_ttl_ms,
                "params": dict(each.params),
                "subscribers": subscribers[each.name],
            }
            for each in config.strategies.values()
        ],
        "notices": list(config.warnings),
        "run_problems": _plain_problems(tuple(ai_library_problems(config))),
    }


def _plain_problems(problems: tuple[Problem, ...]) -> list[dict[str, Any]]:
    return [
        {
            "where": each.where,
            "line": each.line,
            "column": each.column,
            "path": each.path,
            "message": each.message,
            "text": str(each),
        }
        for each in problems
    ]


def _print(found: dict[str, Any]) -> None:
    print_facts([("Config", found["config"]), ("State", found["state_dir"])])
    for rows, columns in ((found["strategies"], _STRATEGIES), (found["users"], _USERS)):
        if rows:
            typer.echo()
            print_table(rows, columns)
    typer.echo()
    for notice in found["notices"]:
        typer.echo(f"notice: {notice}")
    for problem in found["run_problems"]:
        typer.echo(f"cannot run: {problem['text']}")
    if found.get("online"):
        print_table(found["online"], _ONLINE)
    elif "online" in found:
        typer.echo("online: no live account at a real exchange")
    typer.echo("the configuration is valid" + (", but see above" if found["run_problems"] else ""))
