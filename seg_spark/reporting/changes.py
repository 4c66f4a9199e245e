"""What the report tells of the time before: sizes over the dates, who moved, the model's age, drift of the features."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from seg_spark.reporting import charts
from seg_spark.segments.movement import Movement, SegmentSizes, Transition

MOST_DATES: Final = 30
_MOST_LINES: Final = 12
_MOST_RIBBONS: Final = 40


def changes(
    record: Mapping[str, Any], transitions: Sequence[Transition], sizes: Sequence[SegmentSizes]
) -> dict[str, Any]:
    """The section of a page about what has changed, as values for its template."""
    since = (record.get("movement") or {}).get("since")  # a date between may have been published later
    earlier = reversed(sizes[:-1])
    before = next((own for own in earlier if since is None or own.run_date.isoformat() == since), None)
    told = {
        "drift": _drift(record),
        "sizes": _sizes(sizes) if len(sizes) > 1 else None,
        "moves": _moves(record, transitions, before, sizes[-1]) if transitions and before else None,
    }
    return told | {"is_told": any(told.values()), "refit": _refit(record)}


def warnings_of(record: Mapping[str, Any]) -> list[str]:
    """What makes the labels of a run doubtful, in sentences."""
    found = []
    refit, movement = record.get("refit") or {}, record.get("movement")
    if refit.get("looks_broken"):
        found.append(f"These labels may be wrong: {refit['because']}.")
    if movement:
        sums = Movement(*(movement[name] for name in ("stayed", "moved", "entered", "left")))
        if sums.lost_most:
            found.append(
                f"{sums.left:,} of the {sums.before:,} customers of {movement['since']} are not in the table now: "
                "is the table whole, and are the customer ids written as before?"
            )
    return found


def _refit(record: Mapping[str, Any]) -> str:
    """Which model labels the customers, and why."""
    refit, fitted_on = record.get("refit"), record.get("fitted_on")
    if not refit or not fitted_on:
        return ""
    if not refit["fitted"]:
        return f"The model fitted on {fitted_on} labels these customers; no new fit was made: {refit['because']}."
    if refit["refused"]:
        refused = "; ".join(refit["refused"])
        return (
            f"The model fitted on {fitted_on} labels these customers. A new fit was made ({refit['because']}), "
            f"but not published: {refused}."
        )
    return f"The model was fitted on the customers of this date: {refit['because']}."


def _drift(record: Mapping[str, Any]) -> dict[str, Any] | None:
    drift = (record.get("refit") or {}).get("drift")
    if not drift:
        return None
    least = record["refit"]["max_psi"]
    rows = [
        {"limit": max(least, feature["by_chance"]), **feature}
        for feature in sorted(drift["features"], key=lambda feature: -float(feature["psi"]))
    ]
    highest = max((max(row["psi"], row["limit"]) for row in rows), default=1.0)
    return {"rows": rows, "highest": highest, "distance_ratio": drift["distance_ratio"]}


def _sizes(sizes: Sequence[SegmentSizes]) -> dict[str, Any]:
    """The largest segments of the last date first, then those that are gone."""
    last = {segment_id: own for own in sizes for segment_id in own.customers}
    ranked = sorted(last, key=lambda id_: (id_ not in sizes[-1].customers, -last[id_].customers[id_]))
    shown = ranked[:_MOST_LINES]
    return {
        "chart": charts.size_lines({own.run_date: own.customers for own in sizes}, shown),
        "others": len(ranked) - len(shown),
        "days": [own.run_date for own in sizes],
        "rows": [(id_, last[id_].names[id_], [own.customers.get(id_) for own in sizes]) for id_ in sorted(ranked)],
        "names": {id_: own.names[id_] for id_, own in last.items()},
    }


def _moves(
    record: Mapping[str, Any], transitions: Sequence[Transition], before: SegmentSizes, now: SegmentSizes
) -> dict[str, Any]:
    moved = [transition for transition in transitions if transition.from_segment_id != transition.to_segment_id]
    largest = sorted(moved, key=lambda transition: -transition.customers)[:_MOST_RIBBONS]
    counts = {
        (transition.from_segment_id, transition.to_segment_id): transition.customers for transition in transitions
    }
    froms = {transition.from_segment_id for transition in transitions if transition.from_segment_id is not None}
    rows: list[int | None] = [*sorted(froms | set(before.customers)), None]  # the date before may be published anew
    columns: list[int | None] = [*sorted(now.customers), None]
    return {
        "since": before.run_date,
        "sums": Movement.of(transitions),
        "by_refit": (record.get("movement") or {}).get("moved_by_refit"),
        "flows": charts.flows([(ribbon.from_segment_id, ribbon.to_segment_id, ribbon.customers) for ribbon in largest]),
        "others": len(moved) - len(largest),
        "from_names": before.names,
        "to_names": now.names,
        "columns": columns,
        "matrix": [(row, [counts.get((row, column)) for column in columns]) for row in rows],
    }
