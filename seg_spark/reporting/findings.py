"""What a check found, and how findings are shown: one line each, and a line that sums up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from rich.console import Console
from rich.text import Text

from seg_spark.errors import PlatformError, SegSparkError

Status = Literal["ok", "warning", "fault"]
_STYLES: Final = {"ok": "green", "warning": "yellow", "fault": "bold red"}


@dataclass(frozen=True)
class Finding:
    """What one check found, and what to do about it (nothing if it is ok); `kind` owns a fault's exit code."""

    status: Status
    what: str
    found: str
    advice: str = ""
    kind: type[SegSparkError] = PlatformError


def show_findings(console: Console, findings: Sequence[Finding]) -> None:
    """One line per finding, and how many there are of each status."""
    width = max((len(finding.what) for finding in findings), default=0)
    for finding in findings:
        advice = f"; {finding.advice}" if finding.advice else ""
        line = Text.assemble(
            (f"{finding.status:<8}", _STYLES[finding.status]), f" {finding.what:<{width}}  {finding.found}{advice}"
        )
        console.print(line, soft_wrap=True)
    faults, warnings = (sum(finding.status == status for finding in findings) for status in ("fault", "warning"))
    console.print(f"{_number(faults, 'fault')}, {_number(warnings, 'warning')} in {len(findings)} checks")


def readable_bytes(size: int) -> str:
    """A size for people: 512 bytes, 3.4 MiB, 120 GiB."""
    value, unit = float(size), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.0f} {unit}" if unit == "bytes" or value >= 100 else f"{value:.1f} {unit}"


def _number(count: int, what: str) -> str:
    return f"{count or 'no'} {what}{'s' if count != 1 else ''}"
