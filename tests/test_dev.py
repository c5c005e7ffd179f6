"""`./dev` without pixi: reading tasks, the environment, and the search for a Python."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import dev
import environment
import tasks
from environment import Environment, Failure

ROOT = Path(__file__).parent.parent

MANIFEST = {
    "tasks": {
        "plain": "echo plain",
        "listed": {"cmd": ["echo", "two words"], "description": "Say it", "env": {"A": "1"}, "cwd": "sub"},
        "greet": {"cmd": "echo {{ whom }} {{mark}}", "args": ["whom", {"arg": "mark", "default": "!"}]},
        "both": {"depends-on": ["plain", {"task": "greet", "args": ["you"]}, {"task": "style", "environment": "lint"}]},
        "twice": {"cmd": "echo end", "depends-on": ["both", "plain"]},
        "a": {"cmd": "a", "depends-on": ["b"]},
        "b": {"cmd": "b", "depends-on": ["a"]},
        "lost": {"cmd": "c", "depends-on": ["nowhere"]},
    },
    "feature": {"lint": {"tasks": {"style": {"cmd": "ruff"}}}, "py312": {}},
}
TASKS = tasks.read(MANIFEST)


def commands(name: str, *arguments: str) -> list[str]:
    return [step.command for step in tasks.plan(TASKS, name, arguments)]


def test_commands_take_further_arguments():
    assert commands("plain") == ["echo plain"]
    assert commands("plain", "-k", "a b") == ["echo plain -k 'a b'"]
    assert commands("listed") == ["echo 'two words'"]


def test_settings_of_a_task_are_read():
    task = TASKS["listed"]
    assert (task.env, task.cwd, task.description, task.feature) == ({"A": "1"}, "sub", "Say it", "")
    assert TASKS["style"].feature == "lint"


def test_arguments_are_filled_in():
    assert commands("greet", "me") == ["echo me !"]
    assert commands("greet", "me", "?", "more") == ["echo me ? more"]


def test_dependencies_come_first_and_once():
    assert commands("twice") == ["echo plain", "echo you !", "ruff", "echo end"]


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("greet", [], "[dev] task 'greet' needs an argument; expected whom mark"),
        ("both", ["-x"], "[dev] task 'both' takes no arguments; got -x"),
        ("plan", [], "[dev] there is no such task; got 'plan'; hint: did you mean 'plain'?"),
        ("zzzzz", [], "[dev] there is no such task; got 'zzzzz'; hint: ./dev lists all tasks"),
        ("lost", [], "[dev] there is no such task; got 'nowhere'; hint: ./dev lists all tasks"),
        ("a", [], "[dev] tasks depend on each other; got a -> b -> a"),
    ],
)
def test_wrong_calls(name, arguments, text):
    with pytest.raises(Failure) as error:
        commands(name, *arguments)
    assert str(error.value) == text


def test_keys_that_only_pixi_knows_are_refused():
    with pytest.raises(Failure, match=r"task 'x' has an unknown key; got depends_on, inputs; expected args, cmd"):
        tasks.read({"tasks": {"x": {"cmd": "x", "inputs": [], "depends_on": []}}})


def test_undeclared_argument_is_refused():
    with pytest.raises(Failure, match=r"task 'x' uses an argument that it does not declare; got y"):
        tasks.plan(tasks.read({"tasks": {"x": "echo {{ y }}"}}), "x")


def test_listing_shows_each_task_with_its_description():
    listing = tasks.listing(TASKS)
    assert "  listed  Say it\n" in listing
    assert all(f"  {name} " in listing for name in TASKS)


# --- the environment


@pytest.fixture
def venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return an `Environment` whose commands are only written down, with the list of them."""
    done: list[list[str]] = []
    made = Environment(tmp_path / ".venv")

    def check(command: list[str], problem: str) -> None:
        if "venv" in command:
            made.python.parent.mkdir(parents=True, exist_ok=True)
            made.python.touch()
        done.append(command[command.index("venv" if "venv" in command else "install") :])

    monkeypatch.setattr(environment, "ROOT", tmp_path)
    (tmp_path / "pixi.toml").touch()
    monkeypatch.setattr(environment, "check", check)
    return made, done


def test_environment_is_made_once(venv):
    made, done = venv
    made.ensure({"build": ["cmake"], "dev": ["pytest", "numpy"]})
    made.ensure({"build": ["cmake"]})
    made.ensure({"build": ["cmake"], "dev": ["pytest", "numpy"]})
    assert [command[0] for command in done] == ["venv", "install"]
    assert done[1][-3:] == ["cmake", "pytest", "numpy"]


def test_only_groups_that_changed_are_installed(venv):
    made, done = venv
    made.ensure({"dev": ["pytest"]})
    made.ensure({"dev": ["pytest"], "lint": ["ruff"]})
    made.ensure({"dev": ["pytest>=8"], "lint": ["ruff"]})
    assert [command[-1] for command in done[1:]] == ["pytest", "ruff", "pytest>=8"]


def test_interrupted_environment_is_made_again(venv, monkeypatch: pytest.MonkeyPatch):
    made, done = venv
    with monkeypatch.context() as patch:
        patch.setattr(environment, "pip", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            made.ensure({"dev": ["pytest"]})
    made.ensure({"dev": ["pytest"]})
    assert [command[0] for command in done] == ["venv", "venv", "install"]
    assert "--clear" in done[1]


@pytest.mark.parametrize("damage", ["another Python", "no stamp", "a broken stamp", "no interpreter"])
def test_unusable_environment_is_made_again(venv, damage: str):
    made, done = venv
    made.ensure({"dev": ["pytest"]})
    if damage == "another Python":
        made.identity[0] = "3.99"
    elif damage == "no stamp":
        made.stamp.unlink()
    elif damage == "a broken stamp":
        made.stamp.write_text('{"identity"')
    else:
        made.python.unlink()
    made.ensure({"dev": ["pytest"]})
    assert [command[0] for command in done] == ["venv", "install", "venv", "install"]


def test_groups_include_groups():
    groups = {"a": ["x", {"include-group": "b"}], "b": ["y>=1"]}
    assert environment.requirements(groups, "a") == ["x", "y>=1"]


def test_failing_set_up_says_so():
    with pytest.raises(Failure, match=r"pip could not install what is needed; got exit code 3"):
        environment.check([sys.executable, "-c", "raise SystemExit(3)"], "pip could not install what is needed")


def test_second_set_up_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    said, entered = threading.Event(), threading.Event()
    monkeypatch.setattr(environment, "say", lambda _: said.set())

    def enter() -> None:
        with environment.locked():
            entered.set()

    with (tmp_path / "pixi.toml").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        thread = threading.Thread(target=enter)
        thread.start()
        assert said.wait(10)
        assert not entered.is_set()
        fcntl.flock(file, fcntl.LOCK_UN)
        assert entered.wait(10)
        thread.join()


# --- running a task


@pytest.fixture
def workspace(tmp_path: Path):
    """Run tasks in a copy of the runner whose environment, empty, is already there."""
    for name in ("dev.py", "environment.py", "tasks.py"):
        (tmp_path / "tools").mkdir(exist_ok=True)
        shutil.copy(ROOT / "tools" / name, tmp_path / "tools")
    (tmp_path / "pyproject.toml").write_text("[dependency-groups]\nbuild = []\ndev = []\n")
    (tmp_path / "sub").mkdir()
    made = Environment(tmp_path / ".venv")
    made.python.parent.mkdir(parents=True)
    made.python.symlink_to(sys.executable)
    made.stamp.write_text(json.dumps({"identity": made.identity, "groups": {"build": [], "dev": []}}))

    def run(tables: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "pixi.toml").write_text(tables)
        command = [sys.executable, tmp_path / "tools" / "dev.py", *arguments]
        return subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)

    return run


def test_steps_run_in_order_in_the_environment(workspace, tmp_path: Path):
    tables = """[tasks]
    first = { cmd = 'echo "$PWD $A"', env = { A = "1" }, cwd = "sub" }
    last = { cmd = 'echo "$PWD $A $VIRTUAL_ENV" && command -v python && echo', depends-on = ["first"] }"""
    done = workspace(tables, "last", "x  y")
    venv = tmp_path / ".venv"
    assert done.stdout == f"{tmp_path}/sub 1\n{tmp_path}  {venv}\n{venv}/bin/python\nx  y\n"
    assert done.returncode == 0


@pytest.mark.parametrize(("cmd", "code"), [("exit 7", 7), ("kill -TERM $$", 143)])
def test_first_failure_is_the_last_step(workspace, cmd: str, code: int):
    done = workspace(f"[tasks]\nfirst = '{cmd}'\nlast = {{ cmd = 'echo last', depends-on = ['first'] }}", "last")
    assert (done.returncode, done.stdout) == (code, "")


def test_tasks_of_a_feature_need_its_group():
    assert dev.groups(tasks.plan(TASKS, "plain")) == ["build", "dev"]
    assert dev.groups(tasks.plan(TASKS, "twice")) == ["build", "dev", "lint"]


# --- the shell script


@pytest.fixture
def shell(tmp_path: Path):
    """Run a copy of `./dev` where PATH holds only what a test put there and `tools/dev.py` prints its arguments."""
    shutil.copy(ROOT / "dev", tmp_path)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "dev.py").write_text("import sys; print('dev', sys.argv[1:])")
    bins = tmp_path / "bin"
    bins.mkdir()
    (bins / "dirname").symlink_to(shutil.which("dirname") or "")

    def run(*arguments: str, programs: dict[str, str] | None = None, **env: str) -> subprocess.CompletedProcess[str]:
        for name, script in (programs or {}).items():
            (bins / name).write_text(f"#!/bin/sh\n{script}\n")
            (bins / name).chmod(0o755)
        return subprocess.run(
            ["/bin/sh", tmp_path / "dev", *arguments],
            env={"PATH": str(bins), "HOME": str(tmp_path), **env},
            cwd="/", capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


REAL = f'exec "{sys.executable}" "$@"'


def test_pixi_is_preferred(shell):
    pixi = {"pixi": 'echo pixi "$@"', "python3": REAL}
    assert shell("test", "-k", "a", programs=pixi).stdout == "pixi run test -k a\n"
    assert shell().stdout == "pixi task list\n"
    assert shell("test", NEEDLE_NO_PIXI="1").stdout == "dev ['test']\n"


def test_broken_and_old_pythons_are_skipped(shell):
    programs = {"python3.13": "exit 127", "python3.12": "exit 101", "python3.11": "exit 102", "python3": REAL}
    assert shell("test", "a b", programs=programs).stdout == "dev ['test', 'a b']\n"


def test_pythons_of_pyenv_are_found(shell, tmp_path: Path):
    folder = tmp_path / ".pyenv" / "versions" / "3.12.1" / "bin"
    folder.mkdir(parents=True)
    (folder / "python3").symlink_to(os.path.realpath(sys.executable))
    assert shell("test").stdout == "dev ['test']\n"


@pytest.mark.parametrize(
    ("programs", "text"),
    [
        ({}, "no working Python found; expected 3.11 or newer; hint: install it"),
        ({"python3": "exit 101"}, "Python is too old; expected 3.11 or newer; hint: install it"),
        ({"python3": "exit 102", "python3.12": "exit 101"}, "Python has no venv module; hint: on Debian"),
        ({"python3": "exit 103", "python3.12": "exit 127"}, "Python has no header files to compile with; hint"),
    ],
)
def test_missing_python_names_the_fix(shell, programs, text):
    done = shell("test", programs=programs)
    assert done.returncode == 1
    assert done.stderr.startswith(f"[dev] {text}")
    assert done.stderr.count("\n") == 1


def test_named_python_is_the_only_one(shell, tmp_path: Path):
    assert shell(programs={"python3": REAL}, NEEDLE_PYTHON=str(tmp_path / "none")).returncode == 1
    assert shell(programs={"mine": REAL, "python3": "exit 1"}, NEEDLE_PYTHON="mine").stdout == "dev []\n"


def test_finished_environment_is_used_unless_another_python_is_named(shell, tmp_path: Path):
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\n[ "$1" = -c ] || echo venv "$@"\n')
    python.chmod(0o755)
    programs = {"python3": REAL}
    assert shell("test", programs=programs).stdout == "dev ['test']\n"
    (tmp_path / ".venv" / "needle.json").touch()
    assert shell("test", programs=programs).stdout == "venv tools/dev.py test\n"
    assert shell("test", programs=programs, NEEDLE_PYTHON="python3").stdout == "dev ['test']\n"


def test_this_repository_lists_its_tasks():
    env = {**os.environ, "NEEDLE_NO_PIXI": "1"}
    done = subprocess.run([ROOT / "dev"], env=env, cwd="/", capture_output=True, text=True, check=True)
    assert [line for line in done.stdout.splitlines() if line.split()[:3] == ["test", "Run", "the"]]
    done = subprocess.run([ROOT / "dev", "tset"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "[dev] there is no such task; got 'tset'; hint: did you mean 'test'?\n"
