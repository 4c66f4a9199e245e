"""Names for features, and the words by which columns and values are recognised, in the languages of customer tables."""

# ruff: noqa: RUF001  (letters and dashes of other scripts are what these lists are about)

import keyword
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Final

from seg_spark import columns
from seg_spark.cleaning.one_value import FALSE_TEXTS, TRUE_TEXTS
from seg_spark.features.fitted import readable
from seg_spark.settings.feature import LONGEST_LABEL

YES: Final = frozenset(TRUE_TEXTS)
NO: Final = frozenset(FALSE_TEXTS)
ABBREVIATIONS: Final = {
    "acct": "account", "addr": "address", "avg": "average", "bal": "balance", "cmp": "campaign", "cust": "customer",
    "dept": "department", "edu": "education", "freq": "frequency", "hh": "household", "intl": "international",
    "mins": "minutes", "mth": "month", "mths": "months", "pct": "percent", "pmt": "payment", "pmts": "payments",
    "prod": "product", "prods": "products", "qty": "quantity", "svc": "service", "tot": "total", "trx": "transactions",
    "txn": "transactions", "txns": "transactions", "wk": "week", "yr": "year", "yrs": "years",
}  # fmt: skip
"""Short forms in headers that mean one thing only, and the word that people read."""
PLAIN_LETTERS: Final = str.maketrans(
    {
        **dict(zip("äöüÄÖÜßæÆøØœŒłŁđĐı", ["ae", "oe", "ue", "Ae", "Oe", "Ue", "ss", "ae", "Ae", "o", "O", "oe", "Oe",
                                             "l", "L", "d", "D", "i"], strict=True)),
        **{"&": " and ", "%": " percent "},
    }
)  # fmt: skip
"""Letters that lose more than an accent on the way to ASCII, and signs that are words."""
DASHES: Final = "-–"
LONGEST_NAME: Final = 64
_IN_BRACKETS: Final = re.compile(r"[(\[\uff08\u3010]([^()\[\]\uff08\uff09\u3010\u3011]{1,16})[)\]\uff09\u3011]")
_RANGE: Final = re.compile(rf"\d\s*[{DASHES}]\s*\d")
_MONEY: Final = re.compile(r"[$€£¥₹₽₩₺%°²³円元]|\b(?:eur|usd|gbp|chf|jpy|inr|sek|nok|dkk|pln|czk)\b", re.IGNORECASE)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


OWNERS: Final = _words("customer client user account kunde kunden konto")
"""Whom an identifier is of; alone they name one too."""
ID_WORDS: Final = OWNERS | _words(
    "id ids uid uuid guid key nr no num number nummer code index idx rownum row rownumber "
    "kundennr kundennummer clientnum custid userid accountid codigo numero"
)
CODE_WORDS: Final = _words(
    "zip zipcode plz postal postcode postleitzahl phone telephone telefon tel mobile handy fax cep iban ssn"
)
MEASURE_WORDS: Final = _words(
    "amount balance value spend spent spending revenue sales turnover income profit margin cost costs price fee fees "
    "bill bills charge charges payment payments credit debit limit loan minutes calls sms data usage mb gb kb volume "
    "orders purchases transactions visits views clicks logins sessions items points count total sum average avg mean "
    "score rating share rate percent age tenure duration months days weeks years hours betrag umsatz saldo wert anzahl "
    "kosten preis montant solde valeur nombre importe valor cantidad"
)
"""What is measured or counted."""
GROUP_WORDS: Final = _words(
    "sex gender geschlecht sexe sexo sesso plec kon пол region regions country nation nationality land pays pais "
    "marital marriage familienstand race ethnicity ethnic religion occupation profession beruf industry branche sector "
    "channel kanal"
)
"""What people are told apart by: whole numbers there are codes, with which there is nothing to calculate."""
WORDS_ABOUT_GROUPS: Final = _words(
    "id code cd key nr no type typ status group class category customer client user kunde"
)
"""Words that may stand beside one of those, and leave it one."""
DATE_WORDS: Final = _words("date datum day dt fecha data joined created registered since seit on at became time")
VERSION_WORDS: Final = _words("version revision seq sequence updated modified changed timestamp ts epoch")
"""Numbers that show which of several rows is the latest."""
AGE_WORDS: Final = _words("age ages alter edad idade eta leeftijd возраст alder")
AGED_THINGS: Final = _words(
    "account contract tenure subscription policy loan card device vehicle car house home property building company "
    "business month months monate mois meses week weeks wochen day days tage jours dias"
)
"""Words that say that an age is not that of a person, or not in years."""
BIRTH_WORDS: Final = _words(
    "birth yob dob birthyear geburt geburtsjahr geburtsdatum geboren born nacimiento naissance рождения"
)
YEAR_WORDS: Final = BIRTH_WORDS | _words("year yr jahr année annee anno año ano jaar rok год")
OUTCOME_WORDS: Final = _words("churn churned exited attrition target label outcome response")
"""Columns that say how a customer's story ended, such as churn."""

FLAG_WORDS: Final = _words(
    "staff employee internal test testing deleted closed blocked banned fraud spam bot demo dummy inactive cancelled "
    "canceled suspended terminated mitarbeiter geloescht gelöscht gekündigt gekuendigt gesperrt"
)
"""Yes-or-no columns that may mark rows that are not customers."""
STATE_WORDS: Final = _words("status state lifecycle stage account")
"""Columns of which one level may say so."""
GONE_LEVELS: Final = _words(
    "closed deleted inactive cancelled canceled terminated blocked suspended banned test staff internal archived "
    "geschlossen gelöscht gekündigt inaktiv gesperrt"
)

MISSING_BETWEEN_NUMBERS: Final = _words(
    "? ?? - -- --- . .. * – — n/a N/A NA n.a. N.A. NaN nan NAN None none NONE null Null NULL nil #N/A #NA <NA> NaT \\N "
    "(null) k.A. missing Missing unknown Unknown UNKNOWN #DIV/0! #VALUE! #REF! #NUM! #NAME? #NULL!"
)
"""Texts that mean missing in a column of numbers."""
MISSING_ANYWHERE: Final = _words("? NaN nan #N/A <NA> NaT \\N (null)")
"""Texts that mean missing in a category too."""

CURRENCIES: Final = _words(
    "$ € £ ¥ ₹ ₽ ₩ ₺ zł kr kr. CHF Fr. Fr EUR USD GBP JPY INR SEK NOK DKK PLN CZK AUD CAD Rs Rs. R$ US$ A$ C$ Kč Ft "
    "руб руб. р. 円 元 k€ k$ T€"
)
"""Signs allowed before or after a number."""
UNITS_AFTER: Final = _words(
    "% km kg cm lb lbs min year years yrs Jahre Jahr month months Monate day days Tage GB MB kWh pts points Punkte"
)
"""Units allowed after a number; other letters are not, since A1 and A2 are not numbers."""
UNIT_WORDS: Final = _words(
    "years year yrs yr jahre jahr anos ans months month monate mo weeks days day tage hours hour hrs h min minutes "
    "kg g lb lbs km m cm mm mi miles kwh mwh gb mb tb eur euro euros usd gbp chf jpy inr k t thousands "
    "millions mio tsd points punkte pts pct percent score"
)
"""What a header may say in brackets as a unit, in lower case."""

NUMBER_WORDS: Final = _words("num nb nbr cnt")
AMOUNT_WORDS: Final = _words("amt amnt mnt")


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


def is_measured(header: str) -> bool:
    """Whether a header says that something is measured or counted, and not numbered: `Account balance`, `Phone spend`,
    `Number of page views`, but not `Payment no`."""
    words, name = words_of(header), snake_case(header)
    if name.startswith(("number_of_", "no_of_", "nr_of_", "num_of_")):
        return True
    numbered = not words.isdisjoint(ID_WORDS - OWNERS) and not name.startswith(("num_", "nb_"))
    return not words.isdisjoint(MEASURE_WORDS) and not numbered


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
