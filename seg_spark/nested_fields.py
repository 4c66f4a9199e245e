"""Fields inside fields, named `outer.inner`: of Spark's schemas, Arrow's, and JSON objects alike."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Field = TypeVar("Field")
Inner = Callable[[Field], Iterable[tuple[str, Field]] | None]
"""The named fields inside a field; None for a field that holds a value."""


def find_field(
    fields: Iterable[tuple[str, Field]], header: str, inner: Inner[Field]
) -> tuple[tuple[str, ...], Field] | None:
    """The names on the way to the field of this header, and the field; None if there is none.

    `address.city` is a field of that very name, or else the field `city` inside `address`.
    """
    named = list(fields)
    for name, field in named:
        if name == header:
            return (name,), field
    for name, field in named:
        if header.startswith(f"{name}."):
            found = find_field(inner(field) or (), header.removeprefix(f"{name}."), inner)
            if found is not None:
                return (name, *found[0]), found[1]
    return None


def leaf_fields(
    fields: Iterable[tuple[str, Field]], inner: Inner[Field], prefix: str = ""
) -> Iterator[tuple[str, Field]]:
    """Every field that holds a value, with its whole name."""
    for name, field in fields:
        within = inner(field)
        if within is None:
            yield f"{prefix}{name}", field
        else:
            yield from leaf_fields(within, inner, f"{prefix}{name}.")
