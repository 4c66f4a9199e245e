"""Columns that may say who is no customer: staff, tests, closed accounts."""

from collections.abc import Mapping
from typing import Any, Final

from seg_spark.onboarding.facts import ColumnFacts
from seg_spark.onboarding.names import hints_at, words_of

_FLAG_WORDS: Final = frozenset(
    ["staff", "employee", "internal", "test", "testing", "deleted", "closed", "blocked", "banned", "fraud", "spam", "bot", "demo", "dummy", "inactive", "cancelled", "canceled", "suspended", "terminated", "mitarbeiter", "geloescht", "gesperrt"]
)
_STATE_WORDS: Final = frozenset(["status", "state", "lifecycle", "stage", "account"])
_GONE_LEVELS: Final = ["closed", "deleted", "inactive", "cancelled", "canceled", "terminated", "blocked", "suspended", "banned", "test", "staff", "internal", "archived", "geschlossen", "gelöscht", "gekündigt", "inaktiv", "gesperrt"]
_YES: Final = frozenset(("true", "t", "yes", "y", "1"))
_NO: Final = frozenset(("false", "f", "no", "n", "0"))


def exclusion_of(facts: ColumnFacts) -> Mapping[str, Any] | None:
    """The entry of cleaning.exclude that a column suggests, or None."""
    levels = {_plain(level): level for level in facts.levels.all_levels}
    if not levels or len(levels) > 20:
        return None
    is_flag = set(levels) <= _YES | _NO and bool(set(levels) & _YES)
    if is_flag and hints_at(facts.header, _FLAG_WORDS):
        return {"column": facts.header, "is_true": True}
    negative = set(levels) & _NO
    if set(levels) <= _YES | _NO and negative and words_of(facts.header) <= {"is", "active", "aktiv", "account"}:
        level = levels[min(negative)]
        return {"column": facts.header, "equals": level} if "active" in words_of(facts.header) else None
    if hints_at(facts.header, _STATE_WORDS):
        gone = [levels[word] for word in _GONE_LEVELS if word in levels]
        if len(gone) == 1:
            return {"column": facts.header, "equals": gone[0]}
        if gone:
            return {"column": facts.header, "is_in": gone}
    return None


def _plain(level: Any) -> str:
    if isinstance(level, float) and level.is_integer():
        level = int(level)
    return str(level).strip().lower()
