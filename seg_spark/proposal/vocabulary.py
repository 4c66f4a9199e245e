"""Words and signs by which columns and values are recognised, in the languages that customer tables come in."""

# ruff: noqa: RUF001  (letters and dashes of other scripts are what these lists are about)

from typing import Final

from seg_spark.cleaning.one_value import FALSE_TEXTS, TRUE_TEXTS


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ID_WORDS: Final = _words(
    "id ids uid uuid guid key nr no num number nummer code index idx rownum row rownumber customer client user account "
    "kunde kunden kundennr kundennummer konto clientnum custid userid accountid codigo numero"
)
CODE_WORDS: Final = _words(
    "zip zipcode plz postal postcode postleitzahl phone telephone telefon tel mobile handy fax cep iban ssn"
)
DATE_WORDS: Final = _words("date datum day dt fecha data joined created registered since seit on at became time")
VERSION_WORDS: Final = _words("version revision seq sequence updated modified changed timestamp ts epoch")
"""Numbers that show which of several rows is the latest."""
AGE_WORDS: Final = _words("age ages alter edad idade eta leeftijd возраст alder")
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
YES: Final = frozenset(TRUE_TEXTS)
NO: Final = frozenset(FALSE_TEXTS)

MISSING_BETWEEN_NUMBERS: Final = _words(
    "? ?? - -- --- . .. * – — n/a N/A NA n.a. N.A. NaN nan NAN None none NONE null Null NULL nil #N/A #NA <NA> NaT \\N "
    "(null) k.A. missing Missing unknown Unknown UNKNOWN"
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
