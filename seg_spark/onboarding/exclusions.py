"""Columns that may say who is no customer: staff, tests, closed accounts."""

from collections.abc import Mapping
from typing import Any

from seg_spark.onboarding.facts import ColumnFacts
from seg_spark.onboarding.names import hints_at, words_of
from seg_spark.onboarding.vocabulary import FLAG_WORDS, GONE_LEVELS, NO, STATE_WORDS, YES


def exclusion_of(facts: ColumnFacts) -> Mapping[str, Any] | None:
    """The entry of cleaning.exclude that a column suggests, or None."""
    levels = {_plain(level): level for level in facts.levels.all_levels}
    if not levels or len(levels) > 20:
        return None
    is_flag = set(levels) <= YES | NO and bool(set(levels) & YES)
    if is_flag and hints_at(facts.header, FLAG_WORDS):
        return {"column": facts.header, "is_true": True}
    negative = set(levels) & NO
    if set(levels) <= YES | NO and negative and words_of(facts.header) <= {"is", "active", "aktiv", "account"}:
        level = levels[min(negative)]
        return {"column": facts.header, "equals": level} if "active" in words_of(facts.header) else None
    if hints_at(facts.header, STATE_WORDS):
        gone = [levels[word] for word in sorted(GONE_LEVELS) if word in levels]
        if len(gone) == 1:
            return {"column": facts.header, "equals": gone[0]}
        if gone:
            return {"column": facts.header, "is_in": gone}
    return None


def _plain(level: Any) -> str:
    if isinstance(level, float) and level.is_integer():
        level = int(level)
    return str(level).strip().lower()
