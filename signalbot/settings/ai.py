"""Settings of AI providers and their budget."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

MAX_CALL_S = 120
"""Maximum duration of a call, in seconds."""

MAX_INSTRUCTIONS = 2_000
"""Maximum characters of a user's instructions."""

_MILLION = 1_000_000


class ProviderKind(StrEnum):
    """API protocol of a provider."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GOOGLE = "google"
    OPENAI_COMPATIBLE = "openai-compatible"


@dataclass(frozen=True, slots=True, kw_only=True)
class AiProviderSettings:
    """One provider of models."""

    name: str
    kind: ProviderKind
    base_url: str | None = None  #: None: the provider's default
    api_key: str | None = field(default=None, repr=False)  #: ``secret:NAME``, for the vault
    input_price: Decimal | None = None  #: per million tokens; None: unknown, counted as 0
    output_price: Decimal | None = None  #: per million tokens
    max_output_tokens: int = 2_000  #: of one response, reasoning included
    retries: int = 1  #: of a call that failed for load or connection

    def cost(self, input_tokens: int, output_tokens: int) -> Decimal:
        """Return the cost of a call in the currency of the prices."""
        return (
            (self.input_price or 0) * Decimal(input_tokens)
            + (self.output_price or 0) * Decimal(output_tokens)
        ) / _MILLION


@dataclass(frozen=True, slots=True, kw_only=True)
class AiSettings:
    """The ``[ai]`` section."""

    providers: Mapping[str, AiProviderSettings] = field(default_factory=dict)
    budget_per_day: Decimal | None = (
        None  #: per UTC day, in the currency of the prices; None: unlimited
    )
