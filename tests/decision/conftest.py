"""No binary float may slip into the arithmetic of a decision."""

from collections.abc import Iterator
from decimal import FloatOperation, localcontext

import pytest


@pytest.fixture(autouse=True)
def _no_floats() -> Iterator[None]:
    """Make mixing a float into decimal arithmetic an error while a test runs."""
    with localcontext() as context:
        context.traps[FloatOperation] = True
        yield
