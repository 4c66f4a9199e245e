"""The character set of text files, from their bytes, by a name that Python and Java both know."""

# ruff: noqa: RUF001  (letters and dashes of other scripts are what these lists are about)

import re
from collections.abc import Collection, Iterable
from typing import Final

from charset_normalizer import from_bytes

BOMS: Final = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xef\xbb\xbf", "UTF-8"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
"""Byte order marks; the longer ones first, since one of them begins with a shorter."""
UTF_8: Final = "UTF-8"
_ENOUGH_BYTES: Final = 200_000
_MOSTLY: Final = 0.95
_IN_RUNS: Final = 0.3
_FITTING: Final = 0.8
_NAMES: Final = {
    "cp1250": "windows-1250",
    "cp1251": "windows-1251",
    "cp1252": "windows-1252",
    "cp1253": "windows-1253",
    "cp1254": "windows-1254",
    "cp1255": "windows-1255",
    "cp1256": "windows-1256",
    "cp866": "IBM866",
    "koi8_r": "KOI8-R",
    "cp932": "cp932",
    "shift_jis": "Shift_JIS",
    "euc_jp": "EUC-JP",
    "gb18030": "GB18030",
    "big5": "Big5",
    "euc_kr": "EUC-KR",
    "cp949": "EUC-KR",
}
"""Python's names and those to write into a conf."""
_OTHER_SCRIPTS: Final = (
    *("cp1251", "koi8_r", "cp866", "cp1253", "cp1255", "cp1256"),
    *("cp932", "euc_jp", "gb18030", "big5", "euc_kr"),
)
_APOSTROPHES: Final = "’´"
_WESTERN_LETTERS: Final = frozenset(
    "ÄÖÜäöüßÀÂÇÈÉÊËÎÏÔÙÛàâçèéêëîïôùûœŒÆæÑñÁÍÓÚáíóúìòÌÒÅåØøÃãÕõÝý€£¥°§«»–—’‘“”„…´·º²³½®©™¡¿\u00a0"
)
_CENTRAL_EUROPEAN_LETTERS: Final = frozenset(
    "ĄąĆćĘęŁłŃńŚśŹźŻżČčĎďĚěŇňŘřŠšŤťŮůŽžĹĺĽľŔŕŐőŰűĂăÂâÎîŞşŢţÁáÉéÍíÓóÖöÚúÜüÝýÄäßÇçËëôÔ€–—’„”“…§°\u00a0"
)


def by_mark(start: bytes) -> str | None:
    """The character set that a byte order mark (or the zeros of UTF-16 text) shows, or None."""
    for mark, name in BOMS:
        if start.startswith(mark):
            return name
    pairs = start[: len(start) // 2 * 2][:2000]
    if len(pairs) >= 8:
        even, odd = pairs[::2].count(0), pairs[1::2].count(0)
        half = len(pairs) / 2
        if odd > 0.7 * half and even < 0.1 * half:
            return "UTF-16LE"
        if even > 0.7 * half and odd < 0.1 * half:
            return "UTF-16BE"
    return None


def of_lines(lines: Iterable[bytes]) -> tuple[str, bool]:
    """The character set of text without a byte order mark, and whether every line is valid in it.

    Only lines that are not plain ASCII count. UTF-8 wins where nearly all of them are UTF-8: a few damaged
    rows are no reason to misread the others.
    """
    telling: list[bytes] = []
    size = utf_8 = beyond_ascii = 0
    for line in lines:
        if line.isascii():
            continue
        beyond_ascii += 1
        utf_8 += _decodes(line, "utf-8")
        if size < _ENOUGH_BYTES:
            telling.append(line)
            size += len(line)
        elif utf_8 < _MOSTLY * beyond_ascii:
            break
    if utf_8 >= _MOSTLY * beyond_ascii:
        return UTF_8, utf_8 == beyond_ascii
    return guess(b"\n".join(telling)), True


def guess(text: bytes) -> str:
    """The most likely character set of text that is not UTF-8.

    Western words have single letters beyond ASCII; in Cyrillic, Greek or East Asian ones such bytes come in runs,
    or are not letters of Western words.
    """
    beyond = re.findall(rb"[\x80-\xff]+", text)
    total = sum(map(len, beyond))
    in_runs = sum(len(run) for run in beyond if len(run) > 2)
    western = _fitting(text.decode("cp1252", "replace"), _WESTERN_LETTERS)
    central = _fitting(text.decode("cp1250", "replace"), _CENTRAL_EUROPEAN_LETTERS)
    if in_runs > _IN_RUNS * total or max(western, central) < _FITTING * total:
        found = from_bytes(text, cp_isolation=list(_OTHER_SCRIPTS), threshold=1.0).best()
        if found is not None and found.encoding in _NAMES:
            plain = found.encoding == "cp932" and _decodes(text, "shift_jis")
            return _NAMES["shift_jis" if plain else found.encoding]
    if central > western:
        return _NAMES["cp1250"]
    return _NAMES["cp1252"] if _decodes(text, "cp1252") else "ISO-8859-1"


def _fitting(text: str, letters: Collection[str]) -> int:
    """How many characters beyond ASCII are of the given ones, and no signs inside words."""
    count = 0
    for before, char, after in zip(f" {text}", text, f"{text[1:]} ", strict=False):
        inside = (before.isascii() and before.isalpha()) or (after.isascii() and after.isalpha())
        count += not char.isascii() and char in letters and (char.isalpha() or char in _APOSTROPHES or not inside)
    return count


def _decodes(text: bytes, encoding: str) -> bool:
    try:
        text.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
