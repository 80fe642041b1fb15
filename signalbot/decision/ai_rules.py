"""Applies an AI's advice to a plan: within the user's bounds, and never towards more risk.

The bounds are enforced here by arithmetic, whatever the response contains.
"""

from dataclasses import replace
from decimal import Decimal

from signalbot.decision.decision_input import DecisionInput, EntryPlan, Skip
from signalbot.decision.levels import round_stop, take_profit_targets
from signalbot.domain.advice import Advice, Verdict
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.money import HUNDRED, ZERO
from signalbot.domain.settings import AiPermission, AiRules, BelowMinimum, OnAiError
from signalbot.domain.signals import Side


def check_advice(advice: Advice, rules: AiRules) -> Skip | None:
    """The skip that results from the advice, if any."""
    facts = advice_facts(advice, rules)
    if advice.verdict is Verdict.ABSTAIN:
        return Skip(advice.failure_code, facts) if rules.on_error is OnAiError.SKIP else None
    if AiPermission.VETO not in rules.may:
        return None
    if advice.verdict is Verdict.DENY:
        return Skip(DecisionCode.AI_DENIED, facts)
    if advice.confidence < rules.min_confidence:
        return Skip(DecisionCode.AI_DENIED, facts | {"limit": rules.min_confidence})
    return None


def apply_advice(s: DecisionInput, plan: EntryPlan, advice: Advice) -> EntryPlan | Skip:
    """The plan after the advice: never larger, its stop never farther away.

    The size was computed with the original stop, so a closer stop also reduces the risk.
    """
    rules = s.settings.ai
    if advice.verdict is not Verdict.APPROVE:
        return replace(plan, facts={**plan.facts, **advice_facts(advice, rules)})
    quantity = _quantity(s, plan, advice)
    if isinstance(quantity, Skip):
        return quantity
    stop = _stop(s, plan, advice)
    targets_after = plan.targets
    if quantity != plan.quantity:
        targets_after = take_profit_targets(s, side=plan.side, entry=plan.price, quantity=quantity)
    facts = {
        **plan.facts,
        "quantity": quantity,
        "stop_loss": stop,
        "take_profits": [aim.price for aim in targets_after],
        **advice_facts(advice, rules),
    }
    if quantity != plan.quantity:
        facts["quantity_before_ai"] = plan.quantity
    if stop != plan.stop_loss:
        facts["stop_before_ai"] = plan.stop_loss
    return replace(plan, quantity=quantity, stop_loss=stop, targets=targets_after, facts=facts)


def advice_facts(advice: Advice, rules: AiRules) -> dict[str, object]:
    """The advice as facts of the decision, including requests that the rules do not permit."""
    facts: dict[str, object] = {"ai": _VERDICT_TEXT[advice.verdict]}
    if advice.verdict is not Verdict.ABSTAIN:
        facts["ai_confidence"] = advice.confidence
    facts |= {"ai_says": advice.reason, "ai_call": advice.call_id}
    if advice.is_shared:
        facts["ai_shared"] = True
    if beyond := _not_permitted(advice, rules):
        facts["ai_not_allowed"] = beyond
    return facts


_VERDICT_TEXT = {Verdict.APPROVE: "approved", Verdict.DENY: "vetoed", Verdict.ABSTAIN: "failed"}


def _not_permitted(advice: Advice, rules: AiRules) -> list[str]:
    requests = {
        AiPermission.VETO: advice.verdict is Verdict.DENY,
        AiPermission.SHRINK: advice.size_percent < HUNDRED,
        AiPermission.STOP: advice.stop_percent > ZERO,
    }
    return [
        power.value
        for power, is_requested in requests.items()
        if is_requested and power not in rules.may
    ]


def _quantity(s: DecisionInput, plan: EntryPlan, advice: Advice) -> Decimal | Skip:
    rules = s.settings.ai
    if AiPermission.SHRINK not in rules.may or advice.size_percent >= HUNDRED:
        return plan.quantity
    percent = max(advice.size_percent, rules.least_size_percent)
    quantity = s.instrument.floor_quantity(plan.quantity * min(percent, HUNDRED) / HUNDRED)
    least = s.instrument.smallest_quantity(plan.price)
    if quantity >= least:
        return quantity
    if s.settings.sizing.below_minimum is BelowMinimum.ROUND_UP:
        return min(least, plan.quantity)
    facts = {"quantity": quantity, "minimum": least, **advice_facts(advice, rules)}
    return Skip(DecisionCode.BELOW_MINIMUM, facts)


def _stop(s: DecisionInput, plan: EntryPlan, advice: Advice) -> Decimal | None:
    """The stop moved closer by at most the permitted part of its distance, on the same side."""
    rules, stop = s.settings.ai, plan.stop_loss
    if stop is None or AiPermission.STOP not in rules.may or advice.stop_percent <= ZERO:
        return stop
    percent = min(advice.stop_percent, rules.most_stop_percent)
    closer = round_stop(
        s.instrument, side=plan.side, price=stop + (plan.price - stop) * percent / HUNDRED
    )
    is_between = (plan.price - closer) * plan.side.sign > 0
    nearest = max if plan.side is Side.LONG else min
    return nearest(closer, stop) if is_between else stop
