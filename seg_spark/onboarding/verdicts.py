"""From the facts of a column to a verdict: a feature, or left out with the reason."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from seg_spark.onboarding.date_texts import are_compact_dates, date_form
from seg_spark.onboarding.facts import ColumnFacts, NumberFacts, Verdict
from seg_spark.onboarding.names import hints_at
from seg_spark.onboarding.vocabulary import BIRTH_WORDS, CODE_WORDS, DATE_WORDS, ID_WORDS

MOST_LEVELS: Final = 20
_FEWEST_ROWS: Final = 10
"""Fewer rows do not tell a row number from a count."""
_NEARLY_ALL: Final = 0.9
_LONG_TEXT: Final = 40


@dataclass(frozen=True)
class Judged:
    """A column and what becomes of it."""

    facts: ColumnFacts
    verdict: Verdict
    reason: str = ""
    """Why it is left out; empty for a feature."""
    otherwise: str | None = None
    """The kind of feature it would be: number, category, or None where it can be none."""
    can_order: bool = False
    """Whether its values may tell which of several rows of a customer is the latest."""

    @property
    def is_feature(self) -> bool:
        """Whether it is proposed."""
        return self.verdict in (Verdict.NUMBER, Verdict.CATEGORY)


def judge(facts: ColumnFacts, customer_id: str) -> Judged:
    """The verdict about a column."""
    if facts.header == customer_id:
        return Judged(facts, Verdict.ID, "the customer id")
    found = (rule(facts) for rule in (_without_values, _dated, _constant, _identifier, _number))
    return next((judged for judged in found if judged is not None), None) or _text(facts)


def _without_values(facts: ColumnFacts) -> Judged | None:
    if facts.kind == "other":
        return Judged(facts, Verdict.UNUSABLE, f"holds {facts.called or 'lists'}, of which no feature can be made")
    if facts.present == 0:
        return Judged(facts, Verdict.EMPTY, "every value is missing", "category")
    return None


def _constant(facts: ColumnFacts) -> Judged | None:
    """One value in all rows; a text here and nothing there is rather a yes or no."""
    if facts.levels.distinct > 1 or (facts.numbers is None and facts.missing):
        return None
    where = "wherever there is one" if facts.missing else "in every row"
    return Judged(facts, Verdict.CONSTANT, f"the same value {where}", _kind(facts))


def _number(facts: ColumnFacts) -> Judged | None:
    return None if facts.numbers is None else Judged(facts, Verdict.NUMBER, otherwise="number", can_order=True)


def _text(facts: ColumnFacts) -> Judged:
    levels = facts.levels
    verdict, reason = Verdict.CATEGORY, ""
    if levels.mean_length > _LONG_TEXT and levels.distinct > 2:
        verdict, reason = Verdict.FREE_TEXT, f"free text, {levels.mean_length:.0f} characters on average"
    elif levels.distinct > 2 and levels.distinct >= _NEARLY_ALL * facts.present:
        verdict, reason = Verdict.IDENTIFIER, f"nearly all of its {levels.distinct:,} texts differ"
    elif levels.distinct > MOST_LEVELS:
        verdict, reason = Verdict.FREE_TEXT, f"{levels.distinct:,} levels, more than {MOST_LEVELS}"
    return Judged(facts, verdict, reason, "category")


def _dated(facts: ColumnFacts) -> Judged | None:
    if facts.kind in ("date", "timestamp"):
        return Judged(facts, Verdict.DATE, f"a {facts.kind}", can_order=True)
    if facts.kind == "text":
        found = date_form(facts.counts)
        if found is not None:
            form, can_order = found
            return Judged(facts, Verdict.DATE, f"dates written {form}", can_order=can_order)
    number = facts.numbers
    if number is not None and number.whole and hints_at(facts.header, DATE_WORDS | BIRTH_WORDS):
        values = (float(raw) for raw in facts.counts) if number.form is None and not number.unusable_rows else ()
        if are_compact_dates(values):
            return Judged(facts, Verdict.DATE, "dates written YYYYMMDD", can_order=True)
    return None


def _identifier(facts: ColumnFacts) -> Judged | None:
    """Row numbers, identifiers and codes."""
    number = facts.numbers
    reason = None
    if hints_at(facts.header, CODE_WORDS) and _are_codes(facts):
        reason = "codes, not amounts (telephone or postal, by its name)"
    elif number is not None and number.as_text and number.form is None and _have_leading_zeros(facts):
        reason = "codes, not amounts: they have leading zeros"
    elif number is not None and number.whole and facts.present >= _FEWEST_ROWS:
        reason = _numbering(facts, number)
    kind = "category" if reason is not None and reason.startswith("codes") else _kind(facts)  # not to be averaged
    return None if reason is None else Judged(facts, Verdict.IDENTIFIER, reason, kind)


def _numbering(facts: ColumnFacts, number: NumberFacts) -> str | None:
    all_differ = number.distinct == facts.rows
    if all_differ and number.highest - number.lowest + 1 == facts.rows:
        return "row numbers: whole numbers without a gap or a repetition"
    if number.distinct >= 0.95 * facts.present and hints_at(facts.header, ID_WORDS):
        return "an identifier: nearly all values differ, and so says its name"
    return None


def _kind(facts: ColumnFacts) -> str:
    return "category" if facts.numbers is None else "number"


def _are_codes(facts: ColumnFacts) -> bool:
    texts = [re.sub(r"[ ()+./-]", "", _digits(value)) for value in list(facts.counts)[:1000]]
    return sum(text.isdigit() and len(text) >= 4 for text in texts) >= 0.8 * len(texts)


def _have_leading_zeros(facts: ColumnFacts) -> bool:
    """Texts of one length, some with a zero in front: 01067."""
    texts = [str(value).strip() for value in facts.counts]
    lengths = {len(text) for text in texts}
    return len(lengths) == 1 and min(lengths) >= 3 and _any_leading_zero(texts)


def _any_leading_zero(texts: Iterable[str]) -> bool:
    return any(re.fullmatch(r"0\d*[1-9]\d*", text) for text in texts)


def _digits(value: object) -> str:
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)
