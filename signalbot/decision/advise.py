"""What an AI's advice does to a plan: within the user's bounds, and never towards more risk.

The bounds are kept here, by arithmetic, whatever the answer says and whoever wrote it.
"""

from dataclasses import replace
from decimal import Decimal

from signalbot.decision.levels import round_stop, targets
from signalbot.decision.situation import Denial, EntryPlan, Situation
from signalbot.domain.advice import Advice, Verdict
from signalbot.domain.money import HUNDRED, ZERO
from signalbot.domain.reasons import Reason
from signalbot.domain.settings import AiPower, AiRules, BelowMinimum, OnAiError
from signalbot.domain.signals import Side


def weigh(advice: Advice, rules: AiRules) -> Denial | None:
    """The refusal that the advice comes to, if any."""
    facts = told(advice, rules)
    if advice.verdict is Verdict.ABSTAIN:
        return Denial(advice.trouble, facts) if rules.on_error is OnAiError.SKIP else None
    if AiPower.VETO not in rules.may:
        return None
    if advice.verdict is Verdict.DENY:
        return Denial(Reason.AI_DENIED, facts)
    if advice.confidence < rules.min_confidence:
        return Denial(Reason.AI_DENIED, facts | {"limit": rules.min_confidence})
    return None


def soften(s: Situation, plan: EntryPlan, advice: Advice) -> EntryPlan | Denial:
    """The plan as the advice leaves it: as large or smaller, its stop as far or closer.

    The size was found with the stop as it was, so a closer stop risks less, too.
    """
    rules = s.settings.ai
    if advice.verdict is not Verdict.APPROVE:
        return replace(plan, facts={**plan.facts, **told(advice, rules)})
    quantity = _quantity(s, plan, advice)
    if isinstance(quantity, Denial):
        return quantity
    stop = _stop(s, plan, advice)
    aims = plan.targets
    if quantity != plan.quantity:
        aims = targets(s, side=plan.side, entry=plan.price, quantity=quantity)
    facts = {
        **plan.facts,
        "quantity": quantity,
        "stop_loss": stop,
        "take_profits": [aim.price for aim in aims],
        **told(advice, rules),
    }
    if quantity != plan.quantity:
        facts["quantity_before_ai"] = plan.quantity
    if stop != plan.stop_loss:
        facts["stop_before_ai"] = plan.stop_loss
    return replace(plan, quantity=quantity, stop_loss=stop, targets=aims, facts=facts)


def told(advice: Advice, rules: AiRules) -> dict[str, object]:
    """The advice as facts of the decision, with what it asked for and may not have."""
    facts: dict[str, object] = {"ai": _WORDS[advice.verdict]}
    if advice.verdict is not Verdict.ABSTAIN:
        facts["ai_confidence"] = advice.confidence
    facts |= {"ai_says": advice.reason, "ai_call": advice.call_id}
    if advice.is_shared:
        facts["ai_shared"] = True
    if beyond := _beyond(advice, rules):
        facts["ai_not_allowed"] = beyond
    return facts


_WORDS = {Verdict.APPROVE: "approved", Verdict.DENY: "vetoed", Verdict.ABSTAIN: "failed"}


def _beyond(advice: Advice, rules: AiRules) -> list[str]:
    wishes = {
        AiPower.VETO: advice.verdict is Verdict.DENY,
        AiPower.SHRINK: advice.size_percent < HUNDRED,
        AiPower.STOP: advice.stop_percent > ZERO,
    }
    return [power.value for power, wished in wishes.items() if wished and power not in rules.may]


def _quantity(s: Situation, plan: EntryPlan, advice: Advice) -> Decimal | Denial:
    rules = s.settings.ai
    if AiPower.SHRINK not in rules.may or advice.size_percent >= HUNDRED:
        return plan.quantity
    percent = max(advice.size_percent, rules.least_size_percent)
    quantity = s.instrument.floor_quantity(plan.quantity * min(percent, HUNDRED) / HUNDRED)
    least = s.instrument.smallest_quantity(plan.price)
    if quantity >= least:
        return quantity
    if s.settings.sizing.below_minimum is BelowMinimum.ROUND_UP:
        return min(least, plan.quantity)
    facts = {"quantity": quantity, "minimum": least, **told(advice, rules)}
    return Denial(Reason.BELOW_MINIMUM, facts)


def _stop(s: Situation, plan: EntryPlan, advice: Advice) -> Decimal | None:
    """Closer by at most the allowed part of its distance; it stays on its side of the price."""
    rules, stop = s.settings.ai, plan.stop_loss
    if stop is None or AiPower.STOP not in rules.may or advice.stop_percent <= ZERO:
        return stop
    percent = min(advice.stop_percent, rules.most_stop_percent)
    closer = round_stop(
        s.instrument, side=plan.side, price=stop + (plan.price - stop) * percent / HUNDRED
    )
    is_between = (plan.price - closer) * plan.side.sign > 0
    nearest = max if plan.side is Side.LONG else min
    return nearest(closer, stop) if is_between else stop
