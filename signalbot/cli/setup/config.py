"""``config show`` and ``config schema``: print effective settings and the file's schema."""

import json
import os
from typing import TYPE_CHECKING, Any

from signalbot.cli.errors import not_found
from signalbot.cli.lazy import examples_text, new_app
from signalbot.cli.options import ConfigOption, JsonOption, StrategyOption, UserOption
from signalbot.cli.render import Column, print_json, print_list
from signalbot.config.locate import find_config

if TYPE_CHECKING:
    from signalbot.config.explain import ExplainedValue
    from signalbot.config.settings import Config


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


_COLUMNS = (
    Column("Key", "key"),
    Column("Value", "value", _value, is_prose=True),
    Column("Origin", "origin"),
)

app = new_app(
    name="config",
    help="Show effective settings or the configuration schema.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command(
    epilog=examples_text(
        (
            "signalbot config show",
            "signalbot config show --user alice",
            "signalbot config show --user alice --strategy trend --json",
        )
    )
)
def show(
    *,
    user: UserOption = None,
    strategy: StrategyOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show effective settings with their origin; secrets masked.

    With --user and --strategy: the settings of this subscription.
    """
    from signalbot.config.explain import explain
    from signalbot.config.load import load

    loaded = load(find_config(config, os.environ), os.environ)
    _check_names(loaded, user, strategy)
    rows = [_row(each) for each in explain(loaded) if _concerns(each.subject, user, strategy)]
    print_list(rows, _COLUMNS, as_json=as_json, none="no matching settings")


@app.command(epilog=examples_text(("signalbot config schema > signalbot.schema.json",)))
def schema() -> None:
    """Print the configuration's JSON Schema, for editors."""
    from signalbot.config.schema import file_schema

    print_json(file_schema())


def _check_names(config: "Config", user: str | None, strategy: str | None) -> None:
    if user is not None and user not in config.users:
        raise not_found("user", user, list(config.users))
    if strategy is not None and strategy not in config.strategies:
        raise not_found("strategy", strategy, list(config.strategies))


def _concerns(subject: str, user: str | None, strategy: str | None) -> bool:
    """Whether the table ``subject`` applies to this user and this strategy."""
    match subject.split("."):
        case ["users", owner, "subscriptions", followed]:
            return user in (None, owner) and strategy in (None, followed)
        case ["users", owner]:
            return user in (None, owner) and strategy is None
        case ["strategies", name]:
            return user is None and strategy in (None, name)
        case _:
            return user is None and strategy is None


def _row(explained: "ExplainedValue") -> dict[str, Any]:
    return {
        "subject": explained.subject,
        "path": explained.path,
        "key": f"{explained.subject}.{explained.path}",
        "value": explained.value,
        "origin": explained.origin,
        "help": explained.help,
    }
