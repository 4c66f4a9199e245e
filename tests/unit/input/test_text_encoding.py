"""The character set of a file is found, by a name that Python and Java know."""

# ruff: noqa: RUF001

import codecs

import pytest

from seg_spark.input.text_encoding import by_mark, of_lines

RUSSIAN = "Имя;Город\nАнна;Москва\nИван;Санкт-Петербург\nОльга;Казань\n"
GERMAN = "Straße;Größe\nHauptstraße;groß\nKönigsallee;klein\n"
FRENCH = "prénom,ville\nJérôme,Besançon\nAgnès,Orléans\n"
POLISH = "imię;miasto\nŁukasz;Łódź\nGrażyna;Gdańsk\nŻaneta;Częstochowa\n"
JAPANESE = "顧客番号,性別,都道府県\n1,男性,東京都\n2,女性,大阪府\n"
CHINESE = "客户编号,性别,城市\n1,男,北京\n2,女,上海\n"
KOREAN = "고객번호,성별,도시\n1,남성,서울\n2,여성,부산\n"
GREEK = "Όνομα;Πόλη\nΑννα;Αθήνα\nΓιώργος;Θεσσαλονίκη\n"


@pytest.mark.parametrize(
    ("text", "codec", "name"),
    [
        (RUSSIAN, "cp1251", "windows-1251"),
        (RUSSIAN, "koi8_r", "KOI8-R"),
        (RUSSIAN, "cp866", "IBM866"),
        (GERMAN, "cp1252", "windows-1252"),
        (FRENCH, "latin_1", "windows-1252"),
        (POLISH, "cp1250", "windows-1250"),
        ("imie\nŁukasz\nPaweł\nMałgorzata\n", "cp1250", "windows-1250"),
        (JAPANESE, "shift_jis", "Shift_JIS"),
        ("id,性\n1,男\n2,女\n3,子\n", "shift_jis", "Shift_JIS"),
        (JAPANESE, "euc_jp", "EUC-JP"),
        (JAPANESE + "髙橋①,山﨑②\n", "cp932", "cp932"),
        (CHINESE, "gb18030", "GB18030"),
        (KOREAN, "euc_kr", "EUC-KR"),
        (GREEK, "cp1253", "windows-1253"),
        (GERMAN, "utf-8", "UTF-8"),
        ("id,age\n1,2\n", "ascii", "UTF-8"),
    ],
)
def test_the_character_set_is_found(text: str, codec: str, name: str) -> None:
    content = text.encode(codec)
    assert of_lines(content.splitlines()) == (name, True)
    assert content.decode(name) == text


def test_a_damaged_row_does_not_make_all_others_misread() -> None:
    lines = [f"{i},Größe".encode() for i in range(100)] + ["100,Größe".encode("cp1252")]
    assert of_lines(lines) == ("UTF-8", False)


@pytest.mark.parametrize("name", ["UTF-8", "UTF-16", "UTF-32", "UTF-16LE", "UTF-16BE"])
def test_marks_and_zeros_tell_wide_characters(name: str) -> None:
    content = ("\ufeff" if name == "UTF-8" else "").encode() + "id;Größe\n1;2\n".encode(name)
    assert by_mark(content) == name
    assert codecs.lookup(name)


def test_plain_text_has_no_mark() -> None:
    assert by_mark(b"id,age\n1,2\n") is None
