"""What a contender leaves for the judge, as one JSON file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Answer:
    """What a contender found: rows by outcome, seconds of its steps, silhouettes by k, the chosen k, and the centres
    of each k in the units of the table."""

    rows: Mapping[str, int]
    seconds: Mapping[str, float]
    chosen_k: int
    centres: Mapping[int, list[list[float]]]
    scores: Mapping[int, float]

    def write(self, path: Path) -> None:
        """Leave it in a file."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Answer":
        """The answer in a file."""
        raw = json.loads(path.read_text(encoding="utf-8"))
        by_k = {name: {int(k): value for k, value in raw[name].items()} for name in ("centres", "scores")}
        return cls(**raw | by_k)
