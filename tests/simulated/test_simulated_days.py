"""Made-up days through the real job: what each day must bring. The long form is scripts/simulate_runs.py."""

import os
import sys
from pathlib import Path

import pytest
from processes import PROJECT

sys.path.insert(0, str(PROJECT / "scripts"))
from simulate_runs import Outcome, Plan, simulate

pytestmark = [
    pytest.mark.usefixtures("spark"),
    pytest.mark.skipif("REQUIRE_SIMULATION" not in os.environ, reason="only scripts/test-all simulates days"),
]


def outcome(series: str, folder: Path, *assignments: str, **plan: float) -> Outcome:
    return simulate(
        series, folder / series, Plan(**{"customers": 600, "days": 6, "turn": 3, **plan}), assignments, print
    )


def test_noise_and_churn_bring_no_fit(tmp_path: Path) -> None:
    found = outcome("stable", tmp_path)
    assert found.decisions[0] == "fit"
    assert {one.partition(" the fit")[0] for one in found.decisions[1:]} == {"the customers are still like those of"}
    assert (found.ks, found.no_reason, found.events) == ([5], 0, [])


@pytest.mark.parametrize("apart", [1.0, 0.6])
def test_a_fit_on_each_day_keeps_ids_and_k(tmp_path: Path, apart: float) -> None:
    found = outcome("stable", tmp_path, "refit.policy=always", apart=apart)
    assert found.decisions == ["fit"] * 6
    assert (len(found.ks), found.events) == (1, [])
    assert found.ids == [set(range(1, found.ks[0] + 1))] * 6
    assert found.worst <= 0.01 * 600


def test_a_split_is_followed_on_the_day_after(tmp_path: Path) -> None:
    found = outcome("split", tmp_path)
    assert found.ks == [5, 6]
    assert found.events == ["split 1 on day 4", "born 6 on day 4"]
    assert found.no_reason == 0


def test_a_broken_feed_brings_no_fit_on_any_of_its_days(tmp_path: Path) -> None:
    found = outcome("broken", tmp_path, days=8)
    broken = [day for day, one in enumerate(found.decisions) if one.startswith("the input looks broken")]
    assert broken == [3, 4, 6, 7]
    assert (found.fits, found.events) == (1, [])


def test_another_unit_brings_one_fit_and_keeps_the_ids(tmp_path: Path) -> None:
    found = outcome("unit", tmp_path)
    assert [day for day, one in enumerate(found.decisions) if one == "fit"] == [0, 3]
    assert found.events == []
    assert found.ids == [{1, 2, 3, 4, 5}] * 6
