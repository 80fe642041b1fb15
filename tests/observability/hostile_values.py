"""Values that should never be logged."""

from collections import OrderedDict
from datetime import UTC, datetime
from enum import Enum, StrEnum

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy


class HostileValue:
    """Cannot be shown, compared or tested for truth."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__
    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        raise ValueError("neither true nor false")

    def __eq__(self, other: object) -> bool:
        raise ValueError("not comparable")


class Color(Enum):
    RED = "red\n"


class Label(StrEnum):
    LINE = "two\nlines"


class Broken(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def endless() -> list[object]:
    """A list that contains itself so often that following it would never end."""
    loop: list[object] = []
    loop += [loop] * 100
    return loop


texts: SearchStrategy[str] = st.text(st.characters(exclude_categories=()))
#: By name, for hypothesis cannot show them either.
_UNSHOWABLE: dict[str, object] = {
    "more digits than Python shows": 10**5000,
    "as many, negative": -(10**5000),
    "number": 10**100,
    "member": Color.RED,
    "text member": Label.LINE,
    "object": HostileValue(),
    "class": HostileValue,
    "exception": Broken("x"),
    "exception of two lines": ValueError("a\nb"),
    "time": datetime(2026, 1, 1, tzinfo=UTC),
    "loop": endless(),
}
_leaves: SearchStrategy[object] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from(sorted(_UNSHOWABLE)).map(lambda name: _UNSHOWABLE[name]),
    st.floats(),
    st.decimals(),
    st.binary(),
    texts,
)
values: SearchStrategy[object] = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(texts, st.integers(), st.none()), inner, max_size=3),
        st.tuples(inner, inner),
        st.builds(OrderedDict, st.dictionaries(texts, inner, max_size=2)),
        st.sets(texts, max_size=3),
    ),
    max_leaves=8,
)
facts: SearchStrategy[dict[str, object]] = st.dictionaries(
    st.one_of(
        texts,
        st.sampled_from(["user_id", "symbol", "action", "side", "signal_id", "strategy", "pnl"]),
        st.sampled_from(["ts", "level", "exception"]),
    ).filter(lambda name: name not in ("event", "exc_info")),
    values,
    max_size=6,
)
