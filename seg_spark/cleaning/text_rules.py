"""What a text means, stated once for Spark and for plain Python: missing, a number, a usable text.

The patterns are written in the part of the language that Java and Python share.
"""

import re
from typing import Final

from seg_spark.settings.feature import TextForm

BLANKS: Final = " \t\r\n\u00a0"
"""Characters that do not count around a value."""
LARGEST_NUMBER: Final = 1e150
"""Numbers from here on count as not finite: their squares, which distances are made of, are."""
MAX_TEXT_LENGTH: Final = 256
"""Characters an id or a category may have."""
CONTROL_CHARACTERS: Final = r"[\x00-\x1f\x7f]"
NOT_TEXT: Final = "\ufffd"
"""What a decoder leaves where bytes are not of the declared character set."""
JAVA_ONLY_ENDINGS: Final = ("d", "D", "f", "F")
"""1d and 1f are numbers to Java, not to people."""

TRUE_TEXTS: Final = ("true", "t", "yes", "y", "1", "ja", "j", "oui", "si", "sí", "sì", "sim", "tak", "да", "はい", "是")
FALSE_TEXTS: Final = ("false", "f", "no", "n", "0", "nein", "non", "nee", "nej", "não", "nie", "нет", "いいえ", "否")
"""What people write for true and false, in lower case."""


_MINUS_SIGNS: Final = "-\u2212"
_VARIANTS: Final = {" ": " \u00a0\u202f", "'": "'\u2019"}
"""Grouping signs that look alike and are meant alike."""


def number_pattern(form: TextForm) -> str:
    """A regular expression for a trimmed text in this form, up to its end; its third group holds the digits.

    Before the digits a sign and a symbol are allowed in either order, after them a symbol. The sign for the
    very end is left to the caller: \\z in Java, \\Z in Python ($ would pass over a line break).
    """
    decimal = re.escape(form.decimal)
    whole = r"[0-9]+"
    if form.grouping:
        sign = f"[{_VARIANTS.get(form.grouping, form.grouping)}]"
        whole = rf"(?:[0-9]{{1,3}}(?:{sign}[0-9]{{2,3}})*{sign}[0-9]{{3}}|[0-9]+)"
    digits = rf"(?:{whole}(?:{decimal}[0-9]*)?|{decimal}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    blank = f"[{BLANKS}\u202f]*"
    symbol = f"(?:(?:{'|'.join(_literal(one) for one in form.symbols)}){blank})?" if form.symbols else ""
    after = f"(?:{blank}(?:{'|'.join(_literal(one) for one in form.symbols)}))?" if form.symbols else ""
    signs = f"[{_MINUS_SIGNS}+]?"  # a - in the middle would mean a range
    return f"^({signs}){blank}{symbol}({signs}){blank}({digits}){after}"


def digit_translation(form: TextForm) -> tuple[str, str]:
    """(characters, their replacements): brings the digits to 1234.5; those without a replacement are removed."""
    return form.decimal + _VARIANTS.get(form.grouping, form.grouping), "."


def is_minus(sign: str) -> bool:
    """Whether a sign that `number_pattern` found means minus."""
    return sign != "" and sign in _MINUS_SIGNS


def minus_pattern() -> str:
    """A regular expression for a minus sign."""
    return f"[{_MINUS_SIGNS}]"


def _literal(text: str) -> str:
    return "".join(f"\\{char}" if char in r"\.^$|?*+()[]{}/" else char for char in text)
