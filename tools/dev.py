"""Run a task of pixi.toml in `.venv`: what `./dev` does on a machine without pixi. Standard library only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from environment import ROOT, Environment, Failure, load, requirements
from tasks import Step, listing, plan, read


def main(argv: list[str]) -> int:
    """List the tasks, or set up and run one."""
    tasks = read(load(ROOT / "pixi.toml"))
    if not argv or argv[0] in {"-h", "--help"}:
        print(listing(tasks))
        return 0
    steps = plan(tasks, argv[0], argv[1:])
    declared = load(ROOT / "pyproject.toml")["dependency-groups"]
    environment = Environment()
    environment.ensure({name: requirements(declared, name) for name in groups(steps)})
    return run(steps, environment.folder)


def groups(steps: list[Step]) -> list[str]:
    """Return the requirement groups that tasks need: two for all, and that of each feature which has one of them."""
    return list(dict.fromkeys(["build", "dev", *(step.task.feature for step in steps if step.task.feature)]))


def run(steps: list[Step], venv: Path) -> int:
    """Run the steps in order up to the first that fails; the last one replaces this process, so signals reach it."""
    base = {**os.environ, "VIRTUAL_ENV": str(venv), "PATH": f"{venv / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    base.pop("PYTHONHOME", None)
    for i, step in enumerate(steps):
        command = ["sh", "-c", step.command]
        env = {**base, **step.task.env}
        cwd = ROOT / step.task.cwd
        if step.task.name != "build":
            print(f"> {step.command}", file=sys.stderr, flush=True)
        if i == len(steps) - 1:
            os.chdir(cwd)
            os.execvpe(command[0], command, env)
        if code := subprocess.run(command, cwd=cwd, env=env, check=False).returncode:
            return code if code > 0 else 128 - code  # by signal n: 128 + n, as sh has it
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Failure as failure:
        sys.exit(str(failure))
    except KeyboardInterrupt:
        print("[dev] interrupted; ./dev does again what was not done", file=sys.stderr)
        sys.exit(130)
