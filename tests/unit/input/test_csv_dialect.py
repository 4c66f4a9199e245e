"""Delimiters, quotes and escapes are found in texts that would mislead a count of signs."""

import pytest

from seg_spark.input.discovery import find_dialect, spans_lines
from seg_spark.settings.raw_table import TextOptions


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("id,age\n1,2\n3,4\n", TextOptions(delimiter=",")),
        ("id;a;b\n1;2,5;3,5\n3;4,5;1,5\n", TextOptions(delimiter=";")),
        ("id\tnote\n1\ta, b, c\n2\td, e, f\n", TextOptions(delimiter="\t")),
        ("id|a\n1|2\n", TextOptions(delimiter="|")),
        ("id^a\n1^2\n", TextOptions(delimiter="^")),
        ('id,note\n1,"a;b;c"\n2,"d;e;f"\n', TextOptions(delimiter=",")),
        ("id,note\n1,'a, b'\n2,'c, d'\n", TextOptions(quote="'", escape="'")),
        ('id,note\n1,"a \\"b\\", c"\n2,"d"\n', TextOptions(escape="\\")),
        ('id,path\n1,"C:\\"\n2,"D:\\"\n', TextOptions(delimiter=",")),
        ("id,when\n1,10:30:00\n2,11:45:10\n", TextOptions(delimiter=",")),
        ("id\n1\n2\n", TextOptions(delimiter=",")),
        ("id;income, k€\n1;12,5\n2;13,5\n", TextOptions(delimiter=";")),
        ("id|a, b|c, d\n1|2,3|4,5\n2|3,4|5,6\n", TextOptions(delimiter="|")),
        ('id,"Annual\nincome",age,score\n' + "".join(f"{i},1,2,3\n" for i in range(40)), TextOptions()),
    ],
)
def test_the_dialect_is_found(text: str, dialect: TextOptions) -> None:
    assert find_dialect(text, "t.csv") == dialect


def test_a_delimiter_must_cut_the_header_too() -> None:
    rows = "".join(f"{i};{i},5;{i},5{';x' * (i % 9 == 0)}\n" for i in range(90))
    assert find_dialect(f"id;a;b\n{rows}", "t.csv") == TextOptions(delimiter=";")


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ('id,note\n1,"two\nlines"\n2,x\n', True),
        ("id,note\n1,one\n2,x\n", False),
        ('id,note,n\n1,"abc,5\n2,"def,6\n3,"x,7\n', False),
        ('id,note,n\n1,"two\nlines",1\n2,"abc,5\n3,"def,6\n4,"x"y,7\n5,"z"y,7\n', False),
        ('id,note\n1,5" pipe\n2,7" pipe\n', False),
    ],
)
def test_line_breaks_in_quotes_are_told_from_stray_quotes(text: str, spans: bool) -> None:
    assert spans_lines(text.splitlines(keepends=True), TextOptions(), 100) is spans
