"""Run the array API consortium's suite on the cpu: ``./dev array-api PATH_TO_SUITE``, the checkout of array-api-tests.

Further arguments go to pytest, as in ``./dev array-api ../array-api-tests --max-examples 20 -k sort``. The cases where
the suite itself is wrong are in array_api_xfails.txt, each with its reason.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

XFAILS = Path(__file__).with_name("array_api_xfails.txt")


def main(arguments: list[str]) -> int:
    """Run the suite; return its exit code, or 2 where there is none."""
    suite = Path(arguments[0]).resolve() if arguments else None
    if suite is None or not (suite / "array_api_tests").is_dir():
        print(
            "[array-api] no suite there; expected: ./dev array-api PATH_TO_SUITE; see CONTRIBUTING.md", file=sys.stderr
        )
        return 2
    command = [sys.executable, "-m", "pytest", "array_api_tests", "--disable-deadline", "-p", "no:cacheprovider"]
    environment = {**os.environ, "ARRAY_API_TESTS_MODULE": "needle.ndarray", "NEEDLE_DEVICE": "cpu"}
    command += [f"--xfails-file={XFAILS}", *arguments[1:]]
    return subprocess.run(command, cwd=suite, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
