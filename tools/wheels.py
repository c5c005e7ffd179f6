"""Build the source archive of every package, and from that archive its wheel, into dist/."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Build all packages, then print what came out."""
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    for package in sorted((ROOT / "packages").iterdir()):
        print(f"building {package.name}", flush=True)
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(dist), str(package)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            print(done.stdout)
            print(f"[wheels] {package.name} could not be built; hint: the reason is printed above", file=sys.stderr)
            return 1
    for file in sorted(dist.iterdir()):
        print(f"{file.stat().st_size / 1000:9.1f} kB  {file.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
