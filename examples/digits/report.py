"""What a run leaves for people: the metrics as a table and the results as a picture."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Any

from needle.ndarray.io import atomic_write

if TYPE_CHECKING:
    from pathlib import Path

    from needle.data import Digits

SHOWN = 25


def write_metrics(path: Path, history: list[dict[str, Any]]) -> None:
    """Write a line for each epoch, all digits of each number included."""
    text = io.StringIO()
    table = csv.DictWriter(text, list(history[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(history)
    with atomic_write(path) as file:
        file.write(text.getvalue().encode())


def draw(path: Path, history: list[dict[str, Any]], digits: Digits, guesses: list[int]) -> None:
    """Draw the learning curve, and the digits whose guess is not their label."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - its import takes longer than that of all else together

    labels = digits.labels.tolist()
    wrong = [index for index, (guess, label) in enumerate(zip(guesses, labels, strict=True)) if guess != label]
    figure: Any = Figure(figsize=(11, 5), layout="constrained")
    left, right = figure.subfigures(1, 2)
    curve(left, history)
    right.suptitle(f"{len(wrong)} of {len(labels)} test digits misread (guess / truth)")
    side = math.ceil(math.sqrt(min(len(wrong), SHOWN)))
    for place, index in enumerate(wrong[:SHOWN], start=1):
        axes = right.add_subplot(side, side, place)
        axes.imshow(digits.images[index, 0].tolist(), cmap="gray_r", vmin=0, vmax=1)
        axes.set_title(f"{guesses[index]} / {labels[index]}")
        axes.set_axis_off()
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    with atomic_write(path) as file:
        file.write(picture.getvalue())


def curve(figure: Any, history: list[dict[str, Any]]) -> None:
    """Draw loss and accuracy by epoch, of the training and the test digits."""
    epochs = [row["epoch"] for row in history]
    loss, accuracy = figure.subplots(2, 1, sharex=True)
    for axes, name in ((loss, "loss"), (accuracy, "accuracy")):
        for split in ("train", "test"):
            axes.plot(epochs, [row[f"{split}_{name}"] for row in history], marker=".", label=split)
        axes.set_ylabel(name)
        axes.grid(alpha=0.3)
    loss.set_yscale("log")
    loss.legend()
    accuracy.set_xlabel("epoch")
    accuracy.xaxis.get_major_locator().set_params(integer=True)
