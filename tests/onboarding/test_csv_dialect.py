"""Delimiters, quotes and escapes are found in texts that would mislead a count of signs."""

import pytest

from seg_spark.onboarding.csv_dialect import Dialect, find_dialect, spans_lines


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("id,age\n1,2\n3,4\n", Dialect(",")),
        ("id;a;b\n1;2,5;3,5\n3;4,5;1,5\n", Dialect(";")),
        ("id\tnote\n1\ta, b, c\n2\td, e, f\n", Dialect("\t")),
        ("id|a\n1|2\n", Dialect("|")),
        ("id^a\n1^2\n", Dialect("^")),
        ('id,note\n1,"a;b;c"\n2,"d;e;f"\n', Dialect(",")),
        ("id,note\n1,'a, b'\n2,'c, d'\n", Dialect(",", "'", "'")),
        ('id,note\n1,"a \\"b\\", c"\n2,"d"\n', Dialect(",", '"', "\\")),
        ('id,path\n1,"C:\\"\n2,"D:\\"\n', Dialect(",")),
        ("id,when\n1,10:30:00\n2,11:45:10\n", Dialect(",")),
        ("id\n1\n2\n", Dialect(",")),
    ],
)
def test_the_dialect_is_found(text: str, dialect: Dialect) -> None:
    assert find_dialect(text, "t.csv") == dialect


def test_a_delimiter_must_cut_the_header_too() -> None:
    rows = "".join(f"{i};{i},5;{i},5{';x' * (i % 9 == 0)}\n" for i in range(90))
    assert find_dialect(f"id;a;b\n{rows}", "t.csv") == Dialect(";")


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
    assert spans_lines(text.splitlines(keepends=True), Dialect(), 100) is spans
