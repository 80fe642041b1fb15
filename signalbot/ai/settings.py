"""What the configuration says of the AI's providers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

MILLION = 1_000_000


class ProviderKind(StrEnum):
    """How a provider is spoken to."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GOOGLE = "google"
    OPENAI_COMPATIBLE = "openai-compatible"


@dataclass(frozen=True, slots=True, kw_only=True)
class AiProviderSettings:
    name: str
    kind: ProviderKind
    base_url: str | None = None  #: None: the provider's own
    api_key: str | None = field(default=None, repr=False)  #: ``secret:NAME``, for the vault
    input_price: Decimal | None = None  #: per million tokens; None: not known, costs nothing
    output_price: Decimal | None = None  #: per million tokens
    max_output_tokens: int = 2_000  #: of one answer, thinking included
    retries: int = 1  #: of a call that was refused for load or did not get through

    def cost(self, input_tokens: int, output_tokens: int) -> Decimal:
        """In the currency of the prices."""
        return (
            (self.input_price or 0) * Decimal(input_tokens)
            + (self.output_price or 0) * Decimal(output_tokens)
        ) / MILLION


@dataclass(frozen=True, slots=True, kw_only=True)
class AiSettings:
    providers: Mapping[str, AiProviderSettings] = field(default_factory=dict)
    budget_per_day: Decimal | None = None  #: of a UTC day, in the currency of the prices
