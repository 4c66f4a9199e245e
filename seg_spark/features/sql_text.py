"""Pieces of SQL text that are safe to paste: identifiers and literals, nothing else.

Doubles are written with an exponent, which makes them DOUBLE (not DECIMAL) in Spark and in other
engines, and with all digits, so that a value read back is the same bits.
"""

import math


def identifier(name: str) -> str:
    """A column name, quoted."""
    return "`" + name.replace("`", "``") + "`"


def double(value: float) -> str:
    """A finite double, exact to the bit: 0.1 -> 0.1e0."""
    if not math.isfinite(value):
        raise ValueError(f"no SQL literal for {value}")
    text = repr(float(value))
    return text if "e" in text else f"{text}e0"


def text(value: str) -> str:
    """A text literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
