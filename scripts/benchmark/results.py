"""What was measured so far, and the JSON file that holds it; rewritten after every run."""

import json
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmark.contenders import Run
from benchmark.generated import Table
from benchmark.questions import Question
from benchmark.targets import COPY, LABEL, Reached, ratios


@dataclass
class Quality:
    """Within sums of squares over all accepted customers, by contender: at the common k, and at its own k."""

    common_k: int
    common: dict[str, float] = field(default_factory=dict)
    own: dict[str, float] = field(default_factory=dict)
    accepted: int | None = None

    def above_best(self, name: str) -> float | None:
        """How far a contender is above the best of the run at the common k: 1.0 is the best."""
        return self.common[name] / min(self.common.values()) if name in self.common else None


@dataclass
class Tried:
    """Everything about one table: the runs of each contender, why others were skipped, the quality."""

    table: Table
    runs: dict[str, list[Run]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    quality: Quality | None = None

    def good_runs(self, name: str) -> list[Run]:
        """The runs that did not fail."""
        return [run for run in self.runs.get(name, []) if run.failure is None]

    def wall_seconds(self, name: str) -> list[float]:
        """The wall times of the runs that did not fail."""
        return [run.measured.wall_seconds for run in self.good_runs(name)]

    def as_json(self) -> dict[str, Any]:
        """Everything, JSON-ready; centres and models stay in the work folder."""
        question = self.table.question
        contenders = {}
        for name, runs in self.runs.items():
            walls = self.wall_seconds(name)
            listed = [asdict(run) for run in runs]
            for one in listed:
                if one["answer"]:
                    del one["answer"]["centres"]
            median = statistics.median(walls) if walls else None
            spread = [min(walls), max(walls)] if walls else None
            contenders[name] = {"median_wall_seconds": median, "wall_seconds_range": spread, "runs": listed}
        return {
            "table": asdict(question) | {"bytes": self.table.data_bytes, "expected_rows": self.table.expected_rows},
            "contenders": contenders,
            "skipped": self.skipped,
            "quality": asdict(self.quality) if self.quality else None,
        }


@dataclass
class Results:
    """All tables of one benchmark."""

    about: dict[str, Any]
    tried: dict[Question, Tried] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def reached(self) -> dict[str, list[Reached]]:
        """Ratios and targets, by kind of table (features, dirt, format)."""
        kinds: dict[tuple[int, float, str], dict[tuple[int, str], float]] = {}
        for question, tried in self.tried.items():
            seconds = kinds.setdefault((question.features, question.dirt, question.format), {})
            for name in tried.runs:
                walls = tried.wall_seconds(name)
                if walls and name != "d":
                    seconds[question.rows, name] = statistics.median(walls)
            floors = [run.floor for run in tried.good_runs("d") if run.floor]
            for what in (COPY, LABEL):
                medians = [floor[what]["median"] for floor in floors if what in floor]
                if medians and any("label" in floor for floor in floors):
                    seconds[question.rows, what] = statistics.median(medians)
        return {
            f"{features} features, {dirt:.0%} dirt, {form}": ratios(seconds, with_targets=features == 6)
            for (features, dirt, form), seconds in kinds.items()
        }

    @property
    def failed(self) -> bool:
        """Whether any run failed."""
        return any(run.failure is not None for one in self.tried.values() for runs in one.runs.values() for run in runs)

    def write(self, path: Path) -> None:
        """Replace the JSON file by what is known now."""
        reached = {kind: [asdict(one) | {"met": one.met} for one in found] for kind, found in self.reached().items()}
        document = self.about | {
            "results": [one.as_json() for one in self.tried.values()],
            "skipped_tables": self.skipped,
            "ratios": reached,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.tmp")
        unfinished.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        unfinished.replace(path)
