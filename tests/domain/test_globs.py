"""Lists of globs mean what they mean one by one, and cost little however they are written."""

from fnmatch import fnmatchcase

from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.globs import MAX_GLOB_LENGTH, MAX_GLOBS, matches_any
from tests.linear_cost import grows_too_fast

NAMES = st.text("aB/*?[]-!:", max_size=8)


@given(NAMES, st.lists(NAMES, max_size=5))
def test_a_list_matches_what_one_of_its_globs_matches(name: str, globs: list[str]) -> None:
    """Letter case counts, and every special character means what it means to ``fnmatch``."""
    assert matches_any(name, tuple(globs)) is any(fnmatchcase(name, each) for each in globs)


def test_a_name_is_matched_in_proportion_to_its_length() -> None:
    """Many stars before a letter that never comes."""
    glob = ("*a" * (MAX_GLOB_LENGTH // 2 - 1) + "*b",)
    assert grows_too_fast(lambda size: matches_any("a" * size, glob), length=4_000) is None


def test_the_longest_list_is_read_once() -> None:
    """A list that has been used is used again as it is; the second time costs nearly nothing."""
    globs = tuple(f"{number}*" for number in range(MAX_GLOBS))
    same = tuple(f"{number}*" for number in range(MAX_GLOBS))
    assert not matches_any("x", globs)
    assert matches_any("999/USDT", same)
