"""Run the array API consortium's suite on the cpu: ``./dev array-api PATH_TO_SUITE``, the checkout of array-api-tests.

``--namespace needle.autograd`` runs it on tensors instead of arrays. Further arguments go to pytest, as in
``./dev array-api ../array-api-tests --max-examples 20 -k sort``. The cases where the suite itself is wrong are in
array_api_xfails.txt, each with its reason.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

XFAILS = Path(__file__).with_name("array_api_xfails.txt")


def main(arguments: list[str]) -> int:
    """Run the suite; return its exit code, or 2 where there is none."""
    parser = argparse.ArgumentParser(prog="array-api", add_help=False, allow_abbrev=False)
    parser.add_argument("suite", type=Path, nargs="?", default=Path())
    parser.add_argument("--namespace", default="needle.ndarray")
    options, rest = parser.parse_known_args(arguments)
    suite = options.suite.resolve()
    if not (suite / "array_api_tests").is_dir():
        print(
            "[array-api] no suite there; expected: ./dev array-api PATH_TO_SUITE; see CONTRIBUTING.md", file=sys.stderr
        )
        return 2
    command = [sys.executable, "-m", "pytest", "array_api_tests", "--disable-deadline", "-p", "no:cacheprovider"]
    environment = {**os.environ, "ARRAY_API_TESTS_MODULE": options.namespace, "NEEDLE_DEVICE": "cpu"}
    command += [f"--xfails-file={XFAILS}", *rest]
    return subprocess.run(command, cwd=suite, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
