"""Real processes of an environment other than the one that runs the tests."""

import os
import subprocess
import sys
from pathlib import Path

SEG_SPARK = "import sys; from seg_spark.cli.main import main; sys.exit(main())"
"""What the program `seg-spark` does, for an environment into which no program was installed."""
PROJECT = Path(__file__).resolve().parent.parent


def run_python(environment: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the Python of an environment in a folder; it finds the packages of the one that runs the tests."""
    packages = [path for path in sys.path if path.endswith("site-packages")]
    variables = os.environ | {"PYTHONPATH": os.pathsep.join([str(PROJECT), *packages])}
    command = [str(environment / "bin" / "python"), *words]
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=300, check=False)
