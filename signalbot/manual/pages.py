"""Finds, renders and searches the manual's pages."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

Tables = Mapping[str, Callable[[], str]]
"""What renders each table as Markdown, by the name of its directive."""

_DIRECTIVE = re.compile(r"^\{\{([a-z-]+)\}\}$", re.MULTILINE)
_COMMENT = re.compile(r"^<!-- .* -->\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ManualPage:
    """One page as it is stored: its tables are directives such as ``{{events}}``."""

    topic: str
    source: str

    @property
    def title(self) -> str:
        return self.source.partition("\n")[0].removeprefix("# ")

    def render(self, tables: Tables) -> str:
        """The page as Markdown; a directive that ``tables`` does not know stays as it is."""

        def fill(found: re.Match[str]) -> str:
            table = tables.get(found[1])
            return found[0] if table is None else table().strip()

        return _COMMENT.sub("", _DIRECTIVE.sub(fill, self.source))

    @property
    def directives(self) -> frozenset[str]:
        """Names of the directives outside code blocks."""
        prose = re.sub(r"^```.*?^```", "", self.source, flags=re.DOTALL | re.MULTILINE)
        return frozenset(_DIRECTIVE.findall(prose))


@dataclass(frozen=True, slots=True)
class Match:
    """One line of a rendered page that contains the word."""

    topic: str
    heading: str
    line: str


def manual_pages() -> dict[str, ManualPage]:
    """Every page by its topic, in the order of the alphabet."""
    found = dict(_pages_in(files("signalbot.manual"), ""))
    return dict(sorted(found.items()))


def _pages_in(folder: Traversable, prefix: str) -> Iterator[tuple[str, ManualPage]]:
    for each in folder.iterdir():
        if each.is_dir() and not each.name.startswith("__"):
            yield from _pages_in(each, f"{prefix}{each.name}/")
        elif each.name.endswith(".md"):
            topic = prefix + each.name.removesuffix(".md")
            yield topic, ManualPage(topic, each.read_text(encoding="utf-8"))


def search(word: str, tables: Tables) -> Iterator[Match]:
    """Every line of every page that contains ``word``, whatever its letter case."""
    wanted = word.casefold()
    for page in manual_pages().values():
        heading = page.title
        for line in page.render(tables).splitlines():
            if line.startswith("#"):
                heading = line.lstrip("# ")
            if wanted in line.casefold():
                yield Match(page.topic, heading, line)
