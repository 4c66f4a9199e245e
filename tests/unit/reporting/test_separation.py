import pytest

from seg_spark.reporting.suggestions import verdict


@pytest.mark.parametrize(
    ("silhouette", "stability", "words"),
    [
        (0.74, 0.95, ["lie clearly apart", "are stable", "0.95"]),
        (0.35, 0.85, ["overlap", "are stable"]),
        (0.14, 0.60, ["blurred", "Not all are stable", "0.60, below 0.8"]),
        (0.14, 0.85, ["Over all features together the segments lie close", "are stable"]),
        (0.30, None, ["overlap"]),
        (None, 0.7, ["Not all are stable"]),
    ],
)
def test_the_verdict_tells_how_far_the_segments_may_be_trusted(
    silhouette: float | None, stability: float | None, words: list[str]
) -> None:
    text = verdict({"silhouette_euclidean": silhouette, "prediction_strength": stability}, 100)
    assert all(one in text for one in words)
    assert ("stable" in text) == (stability is not None)


def test_without_scores_there_is_no_verdict() -> None:
    assert verdict({}, 1000) == ""


def test_of_few_customers_nothing_is_said_of_stability() -> None:
    text = verdict({"silhouette_euclidean": 0.7, "prediction_strength": 1.0}, 12)
    assert text == "The segments lie clearly apart. With only 12 customers nobody can tell whether they are stable."
