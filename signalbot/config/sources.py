"""The file with the environment laid over it and what the API has made laid beside it.

It remembers where every value came from.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from signalbot.config.document import Document
from signalbot.config.environment import apply_environment
from signalbot.config.overrides import Overrides, apply_overrides
from signalbot.config.problems import Problem
from signalbot.config.runtime_definitions import Definition, apply_definitions
from signalbot.config.toml_positions import KeyPath, Keys, dotted
from signalbot.domain.users import Origin


def setting_layers(user: str, strategy: str) -> tuple[Keys, ...]:
    """Tables that may hold settings of a subscription, the most particular first."""
    return ("users", user, "subscriptions", strategy), ("users", user), ("defaults",)


class Sources:
    """Raw values by key path, before anything is checked: any key may hold anything."""

    def __init__(
        self,
        document: Document,
        environ: Mapping[str, str],
        definitions: Iterable[Definition] = (),
    ) -> None:
        self._document = document
        self.tables = document.tables
        self._variables = apply_environment(self.tables, environ)
        self.definitions = apply_definitions(definitions, self.tables)  #: those in force, by path
        self._overrides: Mapping[Keys, str] = {}

    def apply_overrides(self, overrides: Overrides) -> None:
        """Lay what is to be tried out over what is given for its user."""
        self._overrides = apply_overrides(self.tables, overrides)

    @property
    def text(self) -> str:
        """The file as it was read."""
        return self._document.text

    @classmethod
    def read(
        cls,
        path: Path,
        environ: Mapping[str, str],
        definitions: Iterable[Definition] = (),
        *,
        text: str | None = None,
    ) -> "Sources":
        """Read the file, lay ``environ`` over it and ``definitions`` beside.

        With ``text`` the file is taken to hold that, whatever it holds by now.

        Raises:
            InvalidConfig: the file cannot be read or is not TOML.
        """
        document = Document.read(path) if text is None else Document(path, text)
        return cls(document, environ, definitions)

    def get(self, *path: str) -> object:
        """The raw value at ``path``; None where nothing is given."""
        value: object = self.tables
        for key in path:
            if not isinstance(value, dict):
                return None
            value = value.get(key)
        return value

    def has(self, *path: str) -> bool:
        """Whether a value is given at ``path``, be it an explicit null."""
        parent = self.get(*path[:-1])
        return isinstance(parent, dict) and path[-1] in parent

    def names(self, *path: str) -> tuple[str, ...]:
        """Keys of the table at ``path``; none when there is no such table."""
        table = self.get(*path)
        return tuple(table) if isinstance(table, dict) else ()

    def deciding_path(self, layers: Iterable[Keys], setting: Keys) -> Keys | None:
        """Path of ``setting`` in the first of ``layers`` that gives it."""
        paths = ((*layer, *setting) for layer in layers)
        return next((path for path in paths if self.has(*path)), None)

    def definition_of(self, path: KeyPath) -> Definition | None:
        """What the API has made that holds the value at ``path``; the nearest around it."""
        keys = _text_keys(path)
        ends = range(len(keys), 0, -1)
        return next(
            (definition for end in ends if (definition := self.definitions.get(keys[:end]))), None
        )

    def origin_of(self, path: KeyPath) -> Origin:
        """Whether the file defines what is at ``path``, or the API."""
        return Origin.CONFIG if self.definition_of(path) is None else Origin.API

    def variable_of(self, path: KeyPath) -> str | None:
        """The environment variable that set the value at ``path`` or brought it into being."""
        if not self._variables:
            return None
        wider = [path[:end] for end in range(len(path), 0, -1)]
        for each in wider:
            if variable := self._variables.get(_text_keys(each)):
                return variable
        for each in wider:
            if self._document.has_line(each):
                return None
            if variable := self._variable_below(each):
                return variable
        return None

    def _variable_below(self, path: KeyPath) -> str | None:
        below = (name for leaf, name in self._variables.items() if leaf[: len(path)] == path)
        return next(below, None)

    def problem(self, path: KeyPath, message: str) -> Problem:
        """A problem with the value at ``path``, in the file's line or the variable that set it."""
        if (override := self._override_of(path)) is not None:
            return Problem(where=override, path=dotted(path), message=message)
        if self.definition_of(path) is not None:
            return Problem(where="made by the API", path=dotted(path), message=message)
        variable = self.variable_of(path)
        return Problem(
            where=f"environment {variable}" if variable else str(self._document.path),
            path=dotted(path),
            message=message,
            line=None if variable else self._document.line_of(path),
        )

    def _override_of(self, path: KeyPath) -> str | None:
        """Which wish put the value at ``path`` where it is, or one around it, or within it."""
        keys = _text_keys(path)
        around = (self._overrides.get(keys[:end]) for end in range(len(keys), 0, -1))
        within = (
            source for override, source in self._overrides.items() if override[: len(keys)] == keys
        )
        return next((source for source in (*around, *within) if source is not None), None)


def _text_keys(path: KeyPath) -> Keys:
    return tuple(str(key) for key in path)
