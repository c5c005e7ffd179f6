"""The tasks of pixi.toml: read, checked, and turned into the commands that one invocation runs."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from environment import Failure

KEYS = {"cmd", "args", "depends-on", "env", "cwd", "description"}


@dataclass(frozen=True)
class Task:
    """One entry of `[tasks]` or `[feature.F.tasks]`; `feature` is F, or empty."""

    name: str
    feature: str = ""
    cmd: str = ""
    args: Mapping[str, str | None] = field(default_factory=dict[str, str | None])  # name: default
    depends_on: Sequence[tuple[str, tuple[str, ...]]] = ()  # (task, its arguments)
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    cwd: str = "."
    description: str = ""


@dataclass(frozen=True)
class Step:
    """A command line for sh, and the task it stems from."""

    task: Task
    command: str


def read(manifest: Mapping[str, Any]) -> dict[str, Task]:
    """Return the tasks of a parsed pixi.toml by name, in its order."""
    tables = [("", manifest.get("tasks", {}))]
    tables += [(name, feature.get("tasks", {})) for name, feature in manifest.get("feature", {}).items()]
    return {name: _task(name, feature, entry) for feature, table in tables for name, entry in table.items()}


def _task(name: str, feature: str, entry: str | Mapping[str, Any]) -> Task:
    if isinstance(entry, str):
        return Task(name, feature, entry)
    if unknown := set(entry) - KEYS:
        expected = ", ".join(sorted(KEYS))
        raise Failure(f"[dev] task '{name}' has an unknown key; got {', '.join(sorted(unknown))}; expected {expected}")
    cmd = entry.get("cmd", "")
    args = [{"arg": a} if isinstance(a, str) else a for a in entry.get("args", [])]
    needs = [{"task": d} if isinstance(d, str) else d for d in entry.get("depends-on", [])]
    return Task(
        name=name,
        feature=feature,
        cmd=cmd if isinstance(cmd, str) else shlex.join(cmd),
        args={a["arg"]: a.get("default") for a in args},
        depends_on=[(d["task"], tuple(d.get("args", []))) for d in needs],
        env=entry.get("env", {}),
        cwd=entry.get("cwd", "."),
        description=entry.get("description", ""),
    )


def plan(tasks: Mapping[str, Task], name: str, arguments: Sequence[str] = ()) -> list[Step]:
    """Return the steps of a task: first those it depends on, each once, then its own."""
    steps: dict[tuple[str, tuple[str, ...]], Step] = {}
    _visit(tasks, name, tuple(arguments), steps, ())
    return [step for step in steps.values() if step.command]


def _visit(
    tasks: Mapping[str, Task],
    name: str,
    arguments: tuple[str, ...],
    steps: dict[tuple[str, tuple[str, ...]], Step],
    path: tuple[str, ...],
) -> None:
    if name in path:
        raise Failure(f"[dev] tasks depend on each other; got {' -> '.join((*path, name))}")
    if (name, arguments) in steps:
        return
    task = find(tasks, name)
    command = fill(task, arguments)
    for need, its_arguments in task.depends_on:
        _visit(tasks, need, its_arguments, steps, (*path, name))
    steps[name, arguments] = Step(task, command)


def find(tasks: Mapping[str, Task], name: str) -> Task:
    """Return the task of that name, or raise `Failure` with the nearest one."""
    if name in tasks:
        return tasks[name]
    near = difflib.get_close_matches(name, tasks, 1)
    hint = f"did you mean '{near[0]}'?" if near else "./dev lists all tasks"
    raise Failure(f"[dev] there is no such task; got '{name}'; hint: {hint}")


def fill(task: Task, arguments: Sequence[str]) -> str:
    """Return the command with `{{ name }}` replaced, in pixi's way: what the task does not declare is appended."""
    values: dict[str, str] = {}
    given = list(arguments)
    for name, default in task.args.items():
        value = given.pop(0) if given else default
        if value is None:
            raise Failure(f"[dev] task '{task.name}' needs an argument; expected {' '.join(task.args)}")
        values[name] = value
    if given and not task.cmd:
        raise Failure(f"[dev] task '{task.name}' takes no arguments; got {shlex.join(given)}")

    def value_of(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise Failure(f"[dev] task '{task.name}' uses an argument that it does not declare; got {match[1]}")
        return values[match[1]]

    command = re.sub(r"\{\{\s*(\w+)\s*\}\}", value_of, task.cmd)
    return f"{command} {shlex.join(given)}" if given else command


def listing(tasks: Mapping[str, Task]) -> str:
    """Return the table that `./dev` prints."""
    width = max((len(name) for name in tasks), default=0)
    rows = [f"  {name:{width}}  {task.description}" for name, task in sorted(tasks.items())]
    return "\n".join(["usage: ./dev TASK [arguments]", "", *rows])
