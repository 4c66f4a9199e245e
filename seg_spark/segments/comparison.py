"""Two segmentations of one date side by side: the published one and a tried one. No Spark here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from seg_spark.cleaning.outcomes import RowCounts
from seg_spark.clustering.scores import Scores
from seg_spark.segments.matching import CrossTable, Matching, match_segments
from seg_spark.settings.differences import Change


@dataclass(frozen=True)
class Segmentation:
    """A chosen model: its k and why, its scores and those of the other ks (all over its training set), and
    the names of its segments by id."""

    model_id: str
    chosen_because: str
    rows: RowCounts
    scores: Scores
    scores_by_k: tuple[Scores, ...]
    names: Mapping[int, str]

    @property
    def k(self) -> int:
        """The number of segments."""
        return self.scores.k


@dataclass(frozen=True)
class ComparedSegment:
    """A segment of one side, and the one it is matched with on the other (None if with none): its id and how
    many customers are in both."""

    segment_id: int
    name: str
    customers: int
    share: float
    matched_segment_id: int | None
    shared_customers: int


@dataclass(frozen=True)
class Comparison:
    """The published segmentation of a date beside a tried one.

    `changes` are the settings that differ, `cleaned_again` says whether the raw input was cleaned with them,
    `comparable_scores` whether both spaces measure alike, `remarks` are whole sentences for people.
    """

    run_date: date
    changes: tuple[Change, ...]
    cleaned_again: bool
    comparable_scores: bool
    remarks: tuple[str, ...]
    published: Segmentation
    tried: Segmentation
    published_segments: tuple[ComparedSegment, ...]
    tried_segments: tuple[ComparedSegment, ...]
    matching: Matching
    seconds: Mapping[str, float]


def compared_segments(
    published: Mapping[int, str], tried: Mapping[int, str], table: CrossTable
) -> tuple[tuple[ComparedSegment, ...], tuple[ComparedSegment, ...], Matching]:
    """The segments of both sides (names by id) with their sizes and partners, and how they were matched.

    `table` counts the customers by (published segment id, tried segment id).
    """
    matching = match_segments(table)
    back = {one: other for other, one in matching.partner.items()}
    turned = {(other, one): count for (one, other), count in table.items()}
    return (
        _segments(published, back, table),
        _segments(tried, matching.partner, turned),
        matching,
    )


def _segments(names: Mapping[int, str], partner: Mapping[int, int], table: CrossTable) -> tuple[ComparedSegment, ...]:
    sizes = {segment_id: sum(n for (own, _), n in table.items() if own == segment_id) for segment_id in names}
    everybody = sum(sizes.values())
    return tuple(
        ComparedSegment(
            segment_id=segment_id,
            name=names[segment_id],
            customers=customers,
            share=customers / everybody if everybody else 0.0,
            matched_segment_id=partner.get(segment_id),
            shared_customers=table[segment_id, partner[segment_id]] if segment_id in partner else 0,
        )
        for segment_id, customers in sorted(sizes.items())
    )
