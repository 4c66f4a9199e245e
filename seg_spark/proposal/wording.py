"""The facts of a column as text for people."""

import re
from collections.abc import Iterator
from typing import Any, Final

from seg_spark.proposal.columns import Proposal, ProposedFeature
from seg_spark.proposal.facts import ColumnFacts, NumberFacts
from seg_spark.proposal.names import GROUP_WORDS, OUTCOME_WORDS, WORDS_ABOUT_GROUPS, hints_at, words_of
from seg_spark.proposal.roles import MOST_LEVELS, UNUSABLE_TEXTS, rows
from seg_spark.settings.schema import Cleaning

_SKEWED: Final = 2.0
_MOST_SUSPICIONS: Final = 5
_MOST_SPELLINGS: Final = 5
_FEW_NUMBERS: Final = 10
_LONGEST_LEVEL: Final = 30


def feature_summary(feature: ProposedFeature) -> str:
    """The facts: `15 to 137, median 61.5` or `2 levels: Female 56.0%, Male 44.0%`, and what is missing."""
    facts = feature.facts
    if feature.kind == "number" and facts.numbers is not None:
        number = facts.numbers
        text = f"{plain(number.lowest)} to {plain(number.highest)}, median {plain(number.median)}"
    else:
        shares = ", ".join(f"{level(value)} {percent(count / facts.present)}" for value, count in facts.levels.top)
        more = ", ..." if facts.levels.distinct > len(facts.levels.top) else ""
        levels = "1 level" if facts.levels.distinct == 1 else f"{facts.levels.distinct:,} levels"
        text = f"{levels}: {shares}{more}" if facts.present else "no values"
    return f"{text}; {percent(facts.missing_share)} missing ({rows(facts.missing)})" if facts.missing else text


def warnings(feature: ProposedFeature) -> Iterator[str]:
    """Doubts about a feature that a person should settle."""
    if feature.kind == "number" and feature.facts.numbers is not None:
        yield from _number_warnings(feature.facts.numbers)
        if _are_groups(feature.header, feature.facts.numbers):
            yield (
                f"only {feature.facts.numbers.distinct} whole numbers: codes of groups, judging by its name; "
                "kind: category would make them levels"
            )
    else:
        yield from _level_warnings(feature.facts)
    if hints_at(feature.header, OUTCOME_WORDS):
        yield "an outcome, judging by its name: segments built on it cannot explain it"


def _are_groups(header: str, number: NumberFacts) -> bool:
    """Whether numbers are codes of groups, by the name of their column: Channel 1 and 2, Region 1 to 3."""
    words = words_of(header)
    is_named = not words.isdisjoint(GROUP_WORDS) and words <= GROUP_WORDS | WORDS_ABOUT_GROUPS
    return is_named and number.whole and 2 <= number.distinct <= MOST_LEVELS


def skew_of(feature: ProposedFeature) -> str | None:
    """A word about strong skew, and what would reduce the skew."""
    number = feature.facts.numbers
    if feature.kind != "number" or number is None or abs(number.skewness) <= _SKEWED:
        return None
    if number.distinct <= 2:  # a flag, whose skew nothing reduces
        return None
    advice = "clip: [0.01, 0.99] would bound it"
    if number.skewness > 0 and abs(number.log_skewness) < number.skewness / 2:
        advice = "transform: log1p with valid: [0, null] would reduce the skew"
    return f"strongly skewed ({number.skewness:.1f}); {advice}"


def remarks(feature: ProposedFeature, is_typed: bool) -> Iterator[str]:
    """Notes that need no action; in a typed table, numbers need not be texts."""
    number = feature.facts.numbers
    if feature.kind != "number" or number is None:
        return
    if is_typed and number.as_text:
        yield "numbers stored as text"
    if feature.facts.kind == "text" and number.form is not None and number.form_by is None:
        yield "written as text, so its form is declared"
    if number.whole and number.distinct <= _FEW_NUMBERS and not _are_groups(feature.header, number):
        values = "value" if number.distinct == 1 else "values"
        yield f"only {number.distinct} {values}: if they are codes rather than amounts, say kind: category"


def general_warnings(proposal: Proposal) -> Iterator[str]:
    """Doubts about the whole table that a person should settle."""
    sample, ids = proposal.sample, proposal.ids
    is_json = sample.settings.format == "json"
    encoding = sample.settings.options.encoding
    if sample.settings.format == "csv" and not encoding.upper().startswith("UTF"):
        yield f"the character set, {encoding}, is a guess; if letters look wrong, set input.options.encoding"
    if ids.blank_rows:
        yield f"{rows(ids.blank_rows)} without a customer id will be rejected"
    if ids.repeated:
        settle = "name one in input.order_by" if proposal.order_by else "no column shows which row is the latest"
        yield (
            f"{ids.repeated:,} customer ids occur in more than one row ({rows(ids.repeated_rows)} in all): equal rows "
            f"are merged, others rejected unless a column settles it; {settle}"
        )
        if 2 * ids.repeated_rows > sample.rows:
            yield "this looks like a table of orders or visits; segments need one row per customer: sum it up first"
    if sample.malformed_rows:
        fault = "with something else than a JSON object" if is_json else "with more or fewer fields than the header"
        yield f"{rows(sample.malformed_rows)} {fault} will be rejected"
    doomed = ids.blank_rows + ids.repeated_rows + sample.malformed_rows + sum(map(_unusable_rows, proposal.features))
    limit = Cleaning().max_rejected_share
    if doomed > limit * (sample.rows + sample.malformed_rows):
        yield (
            f"{rows(doomed)} may be rejected; above cleaning.max_rejected_share ({percent(limit)}) a run stops "
            "with exit code 5"
        )
    if sample.settings.format == "csv" and all(re.fullmatch(r"[-+]?[\d.,]+", name) for name in sample.columns):
        yield "the first line holds numbers alone: is it a header, or the first customer?"
    if sample.unnamed_columns:
        yield f"columns without a name in the header are left out: {sample.unnamed_columns}"


def _unusable_rows(feature: ProposedFeature) -> int:
    """Rows that a run rejects for their value of this feature."""
    if feature.kind == "category":
        return feature.facts.unusable_texts
    return 0 if feature.facts.numbers is None else feature.facts.numbers.unusable_rows


def concerns(proposal: Proposal) -> Iterator[str]:
    """All doubts that a person should settle, skewed features in one line."""
    yield from general_warnings(proposal)
    for feature in proposal.features:
        yield from (f"{feature.name}: {text}" for text in warnings(feature))
    skewed = [feature.name for feature in proposal.features if skew_of(feature) is not None]
    if skewed:
        more = f" and {len(skewed) - 20} more" if len(skewed) > 20 else ""
        yield f"strongly skewed, so a few customers would form segments of their own: {', '.join(skewed[:20])}{more}"


def plain(number: float) -> str:
    """A number for a person: 61.5, 1893, 0.0123."""
    if float(number).is_integer() and abs(number) < 1e15:
        return f"{number:.0f}"
    return f"{number:.2f}".rstrip("0").rstrip(".") if abs(number) >= 100 else f"{number:.4g}"


def percent(share: float) -> str:
    """A share for a person: 26.5%."""
    return "under 0.1%" if 0 < share < 0.001 else f"{share:.1%}"


def level(value: Any) -> str:
    """A level for a person: on one line, not too long."""
    text = str(value).lower() if isinstance(value, bool) else " ".join(str(value).split())
    return text if len(text) <= _LONGEST_LEVEL else f"{text[: _LONGEST_LEVEL - 3]}..."


def _number_warnings(number: NumberFacts) -> Iterator[str]:
    for suspicion in number.suspicions[:_MOST_SUSPICIONS]:
        texts = ", ".join(map(repr, suspicion.texts[:_MOST_SPELLINGS] or (_exact(suspicion.value),)))
        yield (
            f"{plain(suspicion.value)} in {rows(suspicion.count)}: {suspicion.why}; if it means unknown, {texts} in "
            f"input.null_values makes it missing (in every column), or {_bounds(number)} rejects it"
        )
    if len(number.suspicions) > _MOST_SUSPICIONS:
        yield f"and {len(number.suspicions) - _MOST_SUSPICIONS} more such values"
    if number.form_by is not None and number.form is not None:
        role = "groups thousands" if number.form.grouping else "is the decimal sign"
        sign = number.form.grouping or number.form.decimal
        yield f"1{sign}234 might be read in two ways; {number.form_by} that {sign!r} {role}: please check"
    if number.form is not None and len(number.form.symbols) > 1:
        yield f"several symbols ({', '.join(number.form.symbols)}) are read as if they meant the same: please check"
    if number.unusable_rows:
        yield f"neither a number nor missing in {rows(number.unusable_rows)}, which will be rejected"


def _exact(number: float) -> str:
    text = f"{number:.15g}"
    return text if float(text) == number else repr(number)


def _level_warnings(facts: ColumnFacts) -> Iterator[str]:
    if facts.unusable_texts:
        yield f"{UNUSABLE_TEXTS} in {rows(facts.unusable_texts)}, which will be rejected"
    for pair in facts.levels.alike[:3]:
        one, other = (repr(text[:_LONGEST_LEVEL]) for text in pair)
        yield f"{one} and {other} differ only in case or spaces, and are two levels"


def _bounds(number: NumberFacts) -> str:
    """A range without the suspicious values that leaves room around the others: tomorrow's may lie further out."""
    below = [suspicion.value for suspicion in number.suspicions if suspicion.value < number.usual_lowest]
    above = [suspicion.value for suspicion in number.suspicions if suspicion.value > number.usual_highest]
    low = high = "null"
    if below:
        nearest = max(below)
        beside = nearest + 1 if number.whole else (nearest + number.usual_lowest) / 2
        low = plain(0 if nearest < 0 <= number.usual_lowest else beside)
    if above:
        nearest = min(above)
        high = plain(nearest - 1 if number.whole else (nearest + number.usual_highest) / 2)
    return f"valid: [{low}, {high}]"
