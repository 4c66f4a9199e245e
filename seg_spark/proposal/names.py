"""Names for features, and what the words of a header say about its column."""

import keyword
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Final

from seg_spark import columns
from seg_spark.features.fitted import readable
from seg_spark.proposal.vocabulary import (
    ABBREVIATIONS,
    AMOUNT_WORDS,
    DASHES,
    NUMBER_WORDS,
    PLAIN_LETTERS,
    UNIT_WORDS,
)
from seg_spark.settings.feature import LONGEST_LABEL

LONGEST_NAME: Final = 64
_IN_BRACKETS: Final = re.compile(r"[(\[\uff08\u3010]([^()\[\]\uff08\uff09\u3010\u3011]{1,16})[)\]\uff09\u3011]")
_RANGE: Final = re.compile(rf"\d\s*[{DASHES}]\s*\d")
_MONEY: Final = re.compile(r"[$€£¥₹₽₩₺%°²³円元]|\b(?:eur|usd|gbp|chf|jpy|inr|sek|nok|dkk|pln|czk)\b", re.IGNORECASE)


def snake_case(header: str) -> str:
    """A header as an identifier: ASCII where its letters have such a form, its own script otherwise."""
    text = "".join(map(_plain_letter, unicodedata.normalize("NFC", header).translate(PLAIN_LETTERS)))
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", text)
    text = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", text)
    text = "".join(char if f"a{char}".isidentifier() else "_" for char in text.lower())
    return re.sub(r"_+", "_", text).strip("_")[:LONGEST_NAME].rstrip("_")


def feature_names(headers: Iterable[str]) -> dict[str, str]:
    """A name for each header: an identifier, not one that we write ourselves, and unlike the others in any case.

    A unit or a range in brackets is left out: `Spending Score (1-100)` becomes `spending_score`.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for header in headers:
        base = snake_case(_IN_BRACKETS.sub(_unless_said, header)) or snake_case(header) or "feature"
        if not base.isidentifier():
            base = f"feature_{base}"
        if base in columns.RESERVED or keyword.iskeyword(base):
            base = f"{base}_value"
        names[header] = _unused(base[:LONGEST_NAME], taken)
        taken.add(names[header])
    return names


def feature_labels(names: Collection[str]) -> dict[str, str]:
    """What people read instead of a feature's name that has short forms in it: `amount of wines` for `mnt_wines`.

    Left out where it would be what another feature is called.
    """
    plain = {name: readable(name) for name in names}
    labels = {name: label for name in names if (label := _spelled_out(name)) != plain[name]}
    called = Counter([*labels.values(), *plain.values()])
    return {name: label for name, label in labels.items() if called[label] == 1 and len(label) <= LONGEST_LABEL}


def _spelled_out(name: str) -> str:
    """The words of a name without short forms; that it is a number of things goes without saying: `web purchases`."""
    words = [word for part in name.split("_") for word in _whole_words(part)]
    is_number, is_amount = words[0] in NUMBER_WORDS, words[0] in AMOUNT_WORDS
    if not (is_number or is_amount) or len(words) == 1:
        return " ".join(
            "number" if word in NUMBER_WORDS else "amount" if word in AMOUNT_WORDS else word for word in words
        )
    counted = _spelled_out("_".join(words[1:]))
    if is_amount:
        return f"amount of {counted}"
    return counted if re.search(r"s\b", counted) else f"number of {counted}"


def _whole_words(part: str) -> list[str]:
    """`cmp3` as campaign 3; words without a short form as they are."""
    match = re.fullmatch(r"([a-z]+)(\d*)", part)
    if match is None or match[1] not in ABBREVIATIONS:
        return [part]
    return [ABBREVIATIONS[match[1]], *filter(None, [match[2]])]


def words_of(header: str) -> frozenset[str]:
    """The words of a header, in lower case."""
    return frozenset(snake_case(header).split("_"))


def hints_at(header: str, words: Collection[str]) -> bool:
    """Whether a header contains one of the words."""
    return not words_of(header).isdisjoint(words)


def unit_of(header: str) -> str | None:
    """The unit that a header names in brackets: `k$` of `Annual Income (k$)`; None for a range or a remark."""
    return next((unit for inside in _IN_BRACKETS.findall(header) if (unit := _unit(inside)) is not None), None)


def _unit(inside: str) -> str | None:
    """The unit that brackets hold, if they do."""
    unit = re.sub(r"^in\s+", "", inside.strip(), flags=re.IGNORECASE)
    if _RANGE.search(unit):
        return None
    return unit if unit.lower() in UNIT_WORDS or _MONEY.search(unit) else None


def _unless_said(brackets: re.Match[str]) -> str:
    """Nothing for brackets with a unit or a range, which a name need not repeat; else the brackets as they are."""
    said_elsewhere = _RANGE.search(brackets[1]) or _unit(brackets[1]) is not None
    return " " if said_elsewhere else brackets[0]


def _plain_letter(char: str) -> str:
    """A letter without its accents where that leaves ASCII; letters of other scripts as they are."""
    bare = "".join(part for part in unicodedata.normalize("NFKD", char) if not unicodedata.combining(part))
    return bare if bare.isascii() else unicodedata.normalize("NFKC", char)


def _unused(base: str, taken: Collection[str]) -> str:
    name, number = base, 1
    while name.lower() in taken:
        number += 1
        name = f"{base[: LONGEST_NAME - 1 - len(str(number))]}_{number}"
    return name
