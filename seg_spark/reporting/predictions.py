"""The answer to "which segment is this customer in?", for the terminal and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from seg_spark.errors import did_you_mean
from seg_spark.features.fitted import FittedCategory
from seg_spark.reporting.summary import say
from seg_spark.segments.model import Model
from seg_spark.segments.prediction import DecidingFeature, Label, Prediction, Reading, explain_reason
from seg_spark.segments.wording import readable_number, shown_level, with_unit

MOST_SHOWN: Final = 3


def prediction_json(prediction: Prediction, model: Model) -> dict[str, Any]:
    """A prediction as JSON-ready values, with the column names of customer_segments."""
    label = asdict(prediction.label) if prediction.label else dict.fromkeys(field.name for field in fields(Label))
    return {
        **label,
        "description": prediction.description or None,
        "runner_up_segment_name": prediction.runner_up_segment_name or None,
        "reject_reasons": list(prediction.reasons),
        "deciding": [
            {
                "feature": one.feature,
                "value": _value(one.feature, prediction),
                "share": one.share,
                "typical": one.typical,
                "runner_up_typical": one.runner_up_typical,
            }
            for one in prediction.deciding
        ],
        "missing": [reading.feature for reading in prediction.readings if reading.value is None],
        "unseen": [reading.feature for reading in prediction.readings if reading.is_unseen],
        "model_id": model.model_id,
    }


def show_prediction(console: Console, prediction: Prediction, model: Model) -> None:
    """The answer for one customer in a few lines."""
    label = prediction.label
    if label is None:
        _line(console, "no segment", "; ".join(explain_reason(model, reason) for reason in prediction.reasons))
        return
    _line(console, "segment", f"{label.segment_id}  {label.segment_name}")
    if prediction.description:
        _line(console, "on average", prediction.description)
    far = " (further out than 99.5 % of its customers: an outlier)" if label.is_outlier else ""
    _line(console, "distance", f"{label.distance:.3f}{far}")
    _line(console, "runner-up", f"{label.runner_up_segment_id}  {prediction.runner_up_segment_name}")
    _line(console, "margin", f"{label.margin:.3f}  {_clearness(label.margin)}")
    readings = {reading.feature: reading for reading in prediction.readings}
    for number, (one, share) in enumerate(_decided(prediction.deciding)):
        _line(console, "" if number else "decided by", _deciding_text(one, share, readings[one.feature], model))
    notes = [note for reading in prediction.readings if (note := _note(reading, model))]
    for number, note in enumerate(notes):
        _line(console, "" if number else "note", note)


def show_predictions(console: Console, answers: Sequence[tuple[str, Prediction]], model: Model, id_header: str) -> None:
    """One line per customer: (what identifies it, its prediction)."""
    table = Table(header_style="bold")
    table.add_column(Text(id_header))
    table.add_column("id", justify="right")
    table.add_column("segment")
    table.add_column("distance", justify="right")
    table.add_column("runner-up", justify="right")
    table.add_column("margin", justify="right")
    table.add_column("note")
    for who, prediction in answers:
        label = prediction.label
        if label is None:
            reasons = "; ".join(explain_reason(model, reason) for reason in prediction.reasons)
            table.add_row(Text(who), "", "no segment", "", "", "", Text(reasons))
            continue
        notes = ["outlier"] * label.is_outlier + [n for reading in prediction.readings if (n := _note(reading, model))]
        table.add_row(
            Text(who),
            str(label.segment_id),
            Text(label.segment_name),
            f"{label.distance:.3f}",
            str(label.runner_up_segment_id),
            f"{label.margin:.3f}",
            Text("; ".join(notes)),
        )
    console.print(table)


def _value(feature: str, prediction: Prediction) -> float | str | None:
    reading = next(reading for reading in prediction.readings if reading.feature == feature)
    return reading.taken_for if reading.value is None else reading.value


def _line(console: Console, what: str, text: str) -> None:
    say(console, f"{what:<12}{text}")


def _clearness(margin: float) -> str:
    if margin < 0.05:
        return "(a close call)"
    return "(fairly clear)" if margin < 0.5 else "(clear-cut)"


def _decided(deciding: Sequence[DecidingFeature]) -> list[tuple[DecidingFeature, float]]:
    """The features that spoke most for the segment, each with its share of all that spoke for it."""
    speaking = [(one, one.share) for one in deciding if one.share is not None and one.share > 0]
    whole = sum(share for _, share in speaking)
    return [(one, share / whole) for one, share in speaking if share >= 0.05 * whole][:MOST_SHOWN]


def _deciding_text(one: DecidingFeature, share: float, reading: Reading, model: Model) -> str:
    feature = next(own for own in model.features if own.name == one.feature)
    missing = " (missing)" if reading.value is None else ""
    if isinstance(feature, FittedCategory):
        value = feature.level_of(reading.value)
        held = [f"{part:.0%}" if part is not None else "nobody" for part in (one.typical, one.runner_up_typical)]
        return (
            f"{feature.shown_name} {shown_level(value)}: held by {held[0]} of the segment, "
            f"{held[1]} of the runner-up ({share:.0%} of what speaks for it)"
        )
    number = feature.fill if reading.value is None else float(reading.value)
    typical = [
        with_unit(part, feature.unit) if part is not None else "?" for part in (one.typical, one.runner_up_typical)
    ]
    return (
        f"{feature.shown_name} {with_unit(number, feature.unit)}{missing}: typical is {typical[0]}, "
        f"for the runner-up {typical[1]} ({share:.0%} of what speaks for it)"
    )


def _note(reading: Reading, model: Model) -> str:
    if reading.is_unseen:
        what = "is missing, which" if reading.value is None else "has a value that"
        feature = next(feature for feature in model.features if feature.name == reading.feature)
        levels = [level for level in feature.levels if level] if isinstance(feature, FittedCategory) else []
        nearest = did_you_mean(str(reading.value), levels) if reading.value is not None else ""
        return f"{reading.feature} {what} the model has never seen{nearest}; it weighs nothing"
    if reading.value is not None:
        return ""
    if reading.taken_for is None:
        return f"{reading.feature} is missing, which is a level of its own"
    taken_for = readable_number(reading.taken_for) if isinstance(reading.taken_for, float) else reading.taken_for
    return f"{reading.feature} is missing; taken as {taken_for}"
