"""Names for features, and what the words of a header tell about its column."""

import keyword
import re
import unicodedata
from collections.abc import Collection, Iterable
from typing import Final

from seg_spark import columns

LONGEST_NAME: Final = 64
_LETTERS: Final = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "æ": "ae", "Æ": "Ae", "ø": "o", "Ø": "O",
     "œ": "oe", "Œ": "Oe", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i", "&": " and ", "%": " percent ", "€": " eur ",
     "£": " gbp "}
)  # fmt: skip
_UNIT_WORDS: Final = frozenset(
    ["years", "year", "yrs", "yr", "jahre", "jahr", "anos", "ans", "months", "month", "monate", "mo", "weeks", "days", "day", "tage", "hours", "hour", "hrs", "h", "min", "minutes", "kg", "g", "lb", "lbs", "km", "m", "cm", "mm", "mi", "miles", "kwh", "mwh", "gb", "mb", "tb", "eur", "euro", "euros", "usd", "gbp", "chf", "jpy", "inr", "k", "t", "thousands", "millions", "mio", "tsd", "points", "punkte", "pts", "pct", "percent", "score"]
)
_MONEY: Final = re.compile(r"[$€£¥₹₽₩₺%°²³]|\b(?:eur|usd|gbp|chf|jpy|inr|sek|nok|dkk|pln|czk)\b", re.IGNORECASE)

ID_WORDS: Final = frozenset(
    ["id", "ids", "uid", "uuid", "guid", "key", "nr", "no", "num", "number", "nummer", "code", "index", "idx", "rownum", "row", "rownumber", "customer", "client", "user", "account", "kunde", "kunden", "kundennr", "kundennummer", "konto", "clientnum", "custid", "userid", "accountid", "codigo", "numero"]
)
CODE_WORDS: Final = frozenset(
    ["zip", "zipcode", "plz", "postal", "postcode", "postleitzahl", "phone", "telephone", "telefon", "tel", "mobile", "handy", "fax", "cep", "iban", "ssn"]
)
DATE_WORDS: Final = frozenset(
    ["date", "datum", "day", "dt", "fecha", "data", "joined", "created", "registered", "since", "seit", "on", "at", "became", "time"]
)
AGE_WORDS: Final = frozenset(["age", "ages", "alter", "edad", "idade", "eta", "leeftijd", "возраст", "alder"])
BIRTH_WORDS: Final = frozenset(
    ["birth", "yob", "birthyear", "geburt", "geburtsjahr", "geburtsdatum", "geboren", "born", "nacimiento", "naissance"]
)


def snake_case(header: str) -> str:
    """A header as an identifier: ASCII where its letters have such a form, its own script otherwise."""
    text = "".join(map(_plain_letter, unicodedata.normalize("NFC", header).translate(_LETTERS)))
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", text)
    text = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", text)
    text = "".join(char if f"a{char}".isidentifier() else "_" for char in text.lower())
    return re.sub(r"_+", "_", text).strip("_")[:LONGEST_NAME].rstrip("_")


def feature_names(headers: Iterable[str]) -> dict[str, str]:
    """A name for each header: an identifier, not one that we write ourselves, and unlike the others in any case."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for header in headers:
        base = snake_case(header) or "feature"
        if not base.isidentifier():
            base = f"feature_{base}"
        if base in columns.RESERVED or keyword.iskeyword(base):
            base = f"{base}_value"
        names[header] = _unused(base[:LONGEST_NAME], taken)
        taken.add(names[header])
    return names


def words_of(header: str) -> frozenset[str]:
    """The words of a header, in lower case."""
    return frozenset(snake_case(header).split("_"))


def hints_at(header: str, words: Collection[str]) -> bool:
    """Whether one of the words stands in a header."""
    return not words_of(header).isdisjoint(words)


def unit_of(header: str) -> str | None:
    """The unit that a header names in brackets: `k$` of `Annual Income (k$)`; None for a range or a remark."""
    for inside in re.findall(r"[(\[]([^()\[\]]{1,16})[)\]]", header):
        unit = re.sub(r"^in\s+", "", str(inside).strip(), flags=re.IGNORECASE)
        if re.search(r"\d\s*[-–]\s*\d", unit):
            continue
        if unit.lower() in _UNIT_WORDS or _MONEY.search(unit):
            return unit
    return None


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
