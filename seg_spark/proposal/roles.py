"""From the facts of a column to a role: a feature, left out with the reason, or a rule for rows to leave out."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from seg_spark.proposal.facts import ColumnFacts, ColumnRole, NumberFacts
from seg_spark.proposal.names import (
    BIRTH_WORDS,
    CODE_WORDS,
    DATE_WORDS,
    FLAG_WORDS,
    GONE_LEVELS,
    ID_WORDS,
    NO,
    STATE_WORDS,
    YES,
    hints_at,
    is_measured,
    words_of,
)
from seg_spark.proposal.text_forms import are_compact_dates, date_form
from seg_spark.settings.schema import Cleaning

MOST_LEVELS: Final = 20
_FEWEST_ROWS: Final = 10
"""With fewer rows a row number and a count look the same."""
_NEARLY_ALL: Final = 0.9
_LONG_TEXT: Final = 40
_ODD_NUMBER: Final = re.compile(
    r"\(\s*\W?\d[\d.,]*\s*\)|[-+]?\W?\d[\d.,]*\s?(k|m|mio|bn|tsd|mrd)\.?|\d[\d.,]*\s?-|[^\w\s.,+-]\s?\d[\d.,]*",
    re.IGNORECASE,
)
_WITH_POINT: Final = re.compile(r"[-+]?[\d,]*\.\d+")
_WITH_COMMA: Final = re.compile(r"[-+]?[\d.]*,\d+")
UNUSABLE_TEXTS: Final = "control characters (such as line breaks and tabs) or damaged letters"


@dataclass(frozen=True)
class ProposedRole:
    """A column and its proposed role."""

    facts: ColumnFacts
    role: ColumnRole
    reason: str = ""
    """Why it is left out; empty for a feature."""
    feature_kind: str | None = None
    """The kind of feature it would be: number, category, or None where it can be none."""
    can_order: bool = False
    """Whether its values may decide which of several rows of a customer is the latest."""

    @property
    def is_feature(self) -> bool:
        """Whether it is proposed."""
        return self.role in (ColumnRole.NUMBER, ColumnRole.CATEGORY)


def propose_role(facts: ColumnFacts, customer_id: str) -> ProposedRole:
    """The role of a column."""
    if facts.header == customer_id:
        return ProposedRole(facts, ColumnRole.ID, "the customer id")
    found = (rule(facts) for rule in (_unusable_or_empty, _date, _constant, _identifier, _flag, _number))
    return next((role for role in found if role is not None), None) or _text(facts)


def exclusion_of(facts: ColumnFacts) -> Mapping[str, Any] | None:
    """The entry of cleaning.exclude that a column suggests, or None."""
    levels: dict[str, list[Any]] = {}  # as they are written, by what they say
    for level in sorted(facts.levels.all_levels, key=str):
        levels.setdefault(_level_text(level), []).append(level)
    if not levels or len(levels) > MOST_LEVELS:
        return None
    is_flag = set(levels) <= YES | NO and bool(set(levels) & YES)
    if is_flag and hints_at(facts.header, FLAG_WORDS):
        return {"column": facts.header, "is_true": True}
    words = words_of(facts.header)
    if set(levels) <= YES | NO and words <= {"is", "ist", "active", "aktiv", "account"}:
        says_gone = NO if words & {"active", "aktiv"} else frozenset()
    else:
        says_gone = GONE_LEVELS if hints_at(facts.header, STATE_WORDS) else frozenset()
    gone = [level for word in sorted(says_gone & set(levels)) for level in levels[word]]
    if not gone:
        return None
    return {"column": facts.header} | ({"equals": gone[0]} if len(gone) == 1 else {"is_in": gone})


def _unusable_or_empty(facts: ColumnFacts) -> ProposedRole | None:
    if facts.kind == "other":
        return ProposedRole(facts, ColumnRole.UNUSABLE, f"holds {facts.called or 'lists'}, which cannot be a feature")
    if facts.present == 0:
        return ProposedRole(facts, ColumnRole.EMPTY, "every value is missing", "category")
    return None


def _constant(facts: ColumnFacts) -> ProposedRole | None:
    """One value in all rows; a text here and nothing there is rather a yes or no."""
    if facts.levels.distinct > 1 or (facts.numbers is None and facts.missing):
        return None
    where = "wherever there is one" if facts.missing else "in every row"
    return ProposedRole(facts, ColumnRole.CONSTANT, f"the same value {where}", _kind(facts))


def _flag(facts: ColumnFacts) -> ProposedRole | None:
    """A yes or no written as 1 and 0, in a typed table also as floats, which pandas makes of them where one is missing.

    As a number, standardised, a rare 1 would outweigh every other feature.
    """
    levels = {
        str(int(value)) if isinstance(value, float) and value.is_integer() else str(value) for value in facts.counts
    }
    if facts.numbers is None or levels != {"0", "1"}:
        return None
    return ProposedRole(facts, ColumnRole.CATEGORY, feature_kind="category")


def _number(facts: ColumnFacts) -> ProposedRole | None:
    return (
        None if facts.numbers is None else ProposedRole(facts, ColumnRole.NUMBER, feature_kind="number", can_order=True)
    )


def _text(facts: ColumnFacts) -> ProposedRole:
    levels = facts.levels
    role, reason = ColumnRole.CATEGORY, ""
    if facts.unusable_texts > Cleaning().max_rejected_share * facts.rows:
        role, reason = (
            ColumnRole.FREE_TEXT,
            f"{UNUSABLE_TEXTS} in {rows(facts.unusable_texts)}, which would be rejected",
        )
    elif levels.mean_length > _LONG_TEXT and levels.distinct > 2:
        role, reason = ColumnRole.FREE_TEXT, f"free text, {levels.mean_length:.0f} characters on average"
    elif levels.distinct > 2 and (written := _unread_numbers(facts.counts)) is not None:
        role, reason = ColumnRole.FREE_TEXT, f"numbers in a form that is not read, as {written}; write them as 1234.5"
    elif levels.distinct > 2 and levels.distinct >= _NEARLY_ALL * facts.present:
        role, reason = ColumnRole.IDENTIFIER, f"nearly all of its {levels.distinct:,} texts differ"
    elif levels.distinct > MOST_LEVELS:
        role, reason = ColumnRole.FREE_TEXT, f"{levels.distinct:,} levels, more than {MOST_LEVELS}"
    return ProposedRole(facts, role, reason, "category")


def _date(facts: ColumnFacts) -> ProposedRole | None:
    if facts.kind in ("date", "timestamp"):
        return ProposedRole(facts, ColumnRole.DATE, f"a {facts.kind}", can_order=True)
    if facts.kind == "text":
        found = date_form(facts.counts)
        if found is not None:
            form, can_order = found
            return ProposedRole(facts, ColumnRole.DATE, f"dates written {form}", can_order=can_order)
    number = facts.numbers
    if number is not None and number.whole and hints_at(facts.header, DATE_WORDS | BIRTH_WORDS):
        values = (float(raw) for raw in facts.counts) if number.form is None and not number.unusable_rows else ()
        if are_compact_dates(values):
            return ProposedRole(facts, ColumnRole.DATE, "dates written YYYYMMDD", can_order=True)
    return None


def _identifier(facts: ColumnFacts) -> ProposedRole | None:
    """Row numbers, identifiers and codes."""
    number = facts.numbers
    kind = "category"  # codes are not to be averaged
    reason = None
    measured = is_measured(facts.header)
    if hints_at(facts.header, CODE_WORDS) and not measured and _are_codes(facts):
        reason = "codes, not amounts (telephone or postal, by its name)"
    elif number is not None and number.as_text and number.form is None and _have_leading_zeros(facts):
        reason = "codes, not amounts: they have leading zeros"
    elif number is not None and number.whole and facts.present >= _FEWEST_ROWS:
        kind, reason = _kind(facts), _numbering(facts, number, measured)
    return None if reason is None else ProposedRole(facts, ColumnRole.IDENTIFIER, reason, kind)


def _numbering(facts: ColumnFacts, number: NumberFacts, measured: bool) -> str | None:
    all_differ = number.distinct == facts.rows
    if all_differ and number.highest - number.lowest + 1 == facts.rows:
        return "row numbers: whole numbers without a gap or a repetition"
    if number.distinct >= 0.95 * facts.present and hints_at(facts.header, ID_WORDS) and not measured:
        return "an identifier: nearly all values differ, and its name suggests it"
    return None


def _unread_numbers(counts: Mapping[Any, int]) -> str | None:
    """Examples, if nearly all texts are numbers as accountants (9.50), SAP 9.50- or people 2.3K may write them, or
    numbers in several forms at once."""
    texts = sorted(str(value).strip() for value in counts)
    forms = [[text for text in texts if form.fullmatch(text)] for form in (_ODD_NUMBER, _WITH_POINT, _WITH_COMMA)]
    whole = sum(re.fullmatch(r"[-+]?\d+", text) is not None for text in texts)
    odd, *plain = forms
    if sum(map(len, forms)) + whole < _NEARLY_ALL * len(texts) or not (odd or all(plain)):
        return None
    return repr(odd[0]) if odd else " and ".join(repr(found[0]) for found in plain)


def rows(count: int) -> str:
    """A number of rows for a person."""
    return "1 row" if count == 1 else f"{count:,} rows"


def _kind(facts: ColumnFacts) -> str:
    return "category" if facts.numbers is None else "number"


def _are_codes(facts: ColumnFacts) -> bool:
    if facts.numbers is not None and not facts.numbers.whole:
        return False
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


def _level_text(level: Any) -> str:
    if isinstance(level, float) and level.is_integer():
        level = int(level)
    return str(level).strip().lower()
