"""The main job, as a user runs it: what it learns, what it leaves, and how it ends when something is wrong."""

from __future__ import annotations

import csv
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

import needle.ndarray as nd
from needle import nn

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "examples" / "digits" / "train.py"
FILES = ["checkpoint.safetensors", "digits.png", "metrics.csv", "model.safetensors"]

# The program with all labels raised by one, as if a dataset counted from 1 to 10.
WRONG_LABELS = f"""
import runpy, sys
from needle.data import Digits
read = Digits.__init__
def changed(self, *args, **kwargs):
    read(self, *args, **kwargs)
    self.labels += 1
Digits.__init__ = changed
sys.path.insert(0, {str(SCRIPT.parent)!r})
sys.argv[0] = "train.py"
runpy.run_path({str(SCRIPT)!r}, run_name="__main__")
"""


def command(out: Path, *args: str) -> list[str]:
    return [sys.executable, str(SCRIPT), "--out", str(out), *args]


def train(out: Path, *args: str, code: int = 0, **environment: str) -> tuple[str, str]:
    """Run the program and return what it printed, and its message: the last line on stderr, after progress bars."""
    done = run(command(out, *args), **environment)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    if out.is_dir():
        assert not [file.name for file in out.iterdir() if file.name not in FILES]
    return done.stdout, done.stderr.strip().splitlines()[-1]


def run(arguments: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments, capture_output=True, text=True, check=False, timeout=300, env={**os.environ, **environment}
    )


def metrics(out: Path) -> list[dict[str, str]]:
    with (out / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder and the output of the run with all defaults."""
    out = tmp_path_factory.mktemp("full") / "runs" / "digits"
    return out, train(out)[0]


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of one epoch."""
    out = tmp_path_factory.mktemp("one")
    train(out, "--epochs", "1")
    return out


@pytest.fixture
def saved(one: Path, tmp_path: Path) -> Path:
    """A folder with the checkpoint of one epoch, to damage or to continue."""
    (tmp_path / "checkpoint.safetensors").write_bytes((one / "checkpoint.safetensors").read_bytes())
    return tmp_path


def test_it_learns_the_digits(full: tuple[Path, str]):
    out, printed = full
    rows = metrics(out)
    assert [int(row["epoch"]) for row in rows] == list(range(1, len(rows) + 1))
    assert float(rows[-1]["test_accuracy"]) >= 0.98
    assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"]) / 10
    assert printed.startswith("device cpu: ")
    for part in ("features.0", "Conv2d", "(1, 32, 8, 8)", "355 held back", f"{float(rows[-1]['test_accuracy']):.2%}"):
        assert part in printed


def test_it_leaves_weights_metrics_and_a_picture(full: tuple[Path, str]):
    out, _ = full
    assert sorted(file.name for file in out.iterdir()) == FILES
    weights, _ = nd.load_safetensors(out / "model.safetensors")
    assert weights["features.0.weight"].shape == (32, 1, 3, 3)
    picture = (out / "digits.png").read_bytes()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", picture[16:24])
    assert min(width, height) >= 400


def test_the_progress_bar_shows_loss_and_accuracy(tmp_path: Path):
    _, last = train(tmp_path, "--epochs", "1", "--batch-size", "721")
    assert "epoch  1/1: 100%" in last
    assert "2/2" in last
    assert "loss=" in last
    assert "accuracy=" in last


def test_the_numbers_are_the_same_on_every_run(full: tuple[Path, str], one: Path):
    assert metrics(one) == metrics(full[0])[:1]


def test_another_seed_gives_other_numbers(one: Path, tmp_path: Path):
    train(tmp_path, "--epochs", "1", "--seed", "1")
    assert metrics(tmp_path)[0] != metrics(one)[0]


def test_a_resumed_run_ends_with_the_same_numbers(full: tuple[Path, str], saved: Path):
    printed, _ = train(saved, "--epochs", "2", "--resume")
    assert "resumed after epoch 1" in printed
    assert metrics(saved) == metrics(full[0])[:2]
    whole = saved / "whole"
    train(whole, "--epochs", "2")
    assert (saved / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_the_numpy_device_learns_the_same(one: Path, tmp_path: Path):
    printed, _ = train(tmp_path, "--epochs", "1", "--device", "numpy")
    assert printed.startswith("device numpy: ")
    row, expected = metrics(tmp_path)[0], metrics(one)[0]
    for name in ("train_loss", "test_loss"):
        assert float(row[name]) == pytest.approx(float(expected[name]), rel=1e-2)
    assert float(row["test_accuracy"]) == pytest.approx(float(expected["test_accuracy"]), abs=0.01)


def test_ctrl_c_keeps_the_last_checkpoint_and_says_how_to_go_on(full: tuple[Path, str], tmp_path: Path):
    # Where a shell has started the tests in the background, they ignore Ctrl-C, and so would the process.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        command(tmp_path, "--epochs", "100"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    signal.signal(signal.SIGINT, before)
    deadline = time.monotonic() + 120
    while not (tmp_path / "metrics.csv").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    text = errors.splitlines()[-1]
    assert text.startswith("[train] interrupted in epoch ")
    assert "whole epochs, saved in" in text
    assert text.endswith("hint: the same command with --resume goes on")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["checkpoint.safetensors", "metrics.csv"]
    done = len(metrics(tmp_path))
    train(tmp_path, "--epochs", str(done + 1), "--resume")
    assert metrics(tmp_path) == metrics(full[0])[: done + 1]


def test_a_loss_that_is_not_a_number_stops_the_run_and_saves_nothing_of_it(saved: Path):
    before = (saved / "checkpoint.safetensors").read_bytes()
    _, text = train(saved, "--epochs", "2", "--lr", "1e30", code=1)
    assert text.startswith("[train] the loss is no longer a number in epoch 1, batch ")
    assert text.endswith("hint: lower --lr")
    assert (saved / "checkpoint.safetensors").read_bytes() == before


def test_unknown_device(tmp_path: Path):
    _, text = train(tmp_path / "out", "--device", "abacus", code=1)
    assert text.startswith("[device] no installed backend is named 'abacus'; expected one of cpu, numpy")
    assert not (tmp_path / "out").exists()


def test_broken_plugin(tmp_path: Path):
    plugin = tmp_path / "broken_plugin-1.2.dist-info"
    plugin.mkdir()
    (plugin / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-plugin\nVersion: 1.2\n")
    (plugin / "entry_points.txt").write_text("[needle.backends]\nbroken = broken_plugin:load\n")
    (tmp_path / "broken_plugin.py").write_text("def load():\n    raise RuntimeError('no such driver')\n")
    _, text = train(tmp_path / "out", "--device", "broken", code=1, PYTHONPATH=str(tmp_path))
    for part in ("[device] the backend 'broken' cannot be loaded", "no such driver", "broken-plugin 1.2", "hint:"):
        assert part in text


def test_a_checkpoint_of_another_model(saved: Path):
    path = saved / "checkpoint.safetensors"
    other = nn.Sequential(nn.Linear(64, 10))
    generator = nd.random.Generator(0)
    nn.save_checkpoint(path, model=other, optimizer={}, loader={}, generator=generator, settings={}, history=[])
    before = path.read_bytes()
    _, text = train(saved, "--resume", code=1)
    assert text.startswith("[load_checkpoint] entry 'model' does not fit")
    assert "missing features.0.weight" in text
    assert "unexpected 0.weight" in text
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", ["truncated", "one byte", "no safetensors"])
def test_corrupt_checkpoint(saved: Path, damage: str):
    path = saved / "checkpoint.safetensors"
    raw = path.read_bytes()
    changed = {
        "truncated": raw[: len(raw) // 2],
        "one byte": raw[:-100] + bytes([raw[-100] ^ 1]) + raw[-99:],
        "no safetensors": b"hello, world, this is text",
    }[damage]
    path.write_bytes(changed)
    _, text = train(saved, "--resume", code=1)
    assert "damaged" in text
    assert str(path) in text
    assert path.read_bytes() == changed


def test_resume_with_other_settings_or_without_a_checkpoint(saved: Path):
    _, text = train(saved, "--resume", "--seed", "5", code=1)
    assert text.startswith("[train] the checkpoint was made with other settings; got {'seed': 5")
    _, text = train(saved / "new", "--resume", code=1)
    assert text.startswith("[train] there is no checkpoint; got ")


def test_unwritable_output_folder(tmp_path: Path):
    (tmp_path / "file").write_text("not a folder")
    places = [tmp_path / "file", tmp_path / "file" / "digits"]
    places += [Path("/proc/needle")] if sys.platform == "linux" else []  # not even root can write there
    for place in places:
        _, text = train(place, code=1)
        assert text.startswith(f"[train] cannot write to the output folder; got {place} (")
        assert text.endswith("hint: choose another with --out")
    assert (tmp_path / "file").read_text() == "not a folder"


def test_labels_out_of_range(tmp_path: Path):
    done = run([sys.executable, "-c", WRONG_LABELS, "--out", str(tmp_path)])
    assert done.returncode == 1
    text = done.stderr.splitlines()[-1]
    assert text.startswith(
        "[cross_entropy] label 10 is none of the 10 classes; got labels from 1 to 10; expected 0 to 9"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("option", "value"),
    [("--epochs", "0"), ("--epochs", "two"), ("--batch-size", "-3"), ("--lr", "-1"), ("--seed", "-1")],
)
def test_bad_values(tmp_path: Path, option: str, value: str):
    done = run(command(tmp_path / "out", f"{option}={value}"))
    assert done.returncode in (1, 2)
    lines = done.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("[")
    assert f"got {value}" in lines[0].replace("'", "")
    assert not (tmp_path / "out").exists()
