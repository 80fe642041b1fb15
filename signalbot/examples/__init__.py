"""Examples to copy: strategy files, configurations, alert bodies. Tests run each of them."""

import re
from importlib.resources import files

STRATEGY_TEMPLATE = "breakout"
"""What ``signalbot strategy new`` copies unless another example is named."""


def strategy_examples() -> dict[str, str]:
    """The source text of every strategy example, by name."""
    folder = files("signalbot.examples").joinpath("strategies")
    return {
        each.name.removesuffix(".py"): each.read_text(encoding="utf-8")
        for each in sorted(folder.iterdir(), key=lambda each: each.name)
        if each.name.endswith(".py") and each.name != "__init__.py"
    }


def summary_of(source: str) -> str:
    """The first line of an example's docstring, without its name."""
    return source.partition("\n")[0].strip('"').partition(": ")[2]


def renamed_strategy(source: str, name: str) -> str:
    """An example under another name: its title and its class are called after ``name``."""
    parts = [part for part in re.split(r"[-_]+", name) if part]
    text = re.sub(r'\A"""[^:]+', f'"""{" ".join(parts).capitalize()}', source, count=1)
    class_name = "".join(part.capitalize() for part in parts)
    return re.sub(
        r"^class \w+\(Strategy\)", f"class {class_name}(Strategy)", text, flags=re.MULTILINE
    )
