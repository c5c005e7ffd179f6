"""Train a small convolutional network on 1,797 handwritten digits, and show what it learned.

    python examples/digits/train.py [--device cpu] [--epochs 15] [--seed 0] [--batch-size 32] [--resume]

The output folder (runs/digits) then holds the weights (model.safetensors), the checkpoint of the last epoch, from which
--resume goes on (checkpoint.safetensors), the metrics of each epoch (metrics.csv) and a picture (digits.png).
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NoReturn

from tqdm import tqdm

import needle.autograd as ad
import needle.ndarray as nd
from model import DigitNet
from needle import nn
from needle.data import DataLoader, Digits
from needle.ndarray.errors import message
from needle.nn import functional as F
from needle.optim import Adam
from report import draw, write_metrics

History = list[dict[str, Any]]


class Parser(argparse.ArgumentParser):
    """A parser whose errors read like all others."""

    def error(self, message: str) -> NoReturn:
        """Print one line and exit."""
        self.exit(2, f"[train] {message}; hint: --help lists the options\n")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = Parser(description="Train a small convolutional network on handwritten digits.")
    parser.add_argument("--device", help="where to compute: cpu, numpy, cuda, ... (default: Needle's default device)")
    parser.add_argument("--epochs", type=positive, default=15, help="how often to see all digits (default: 15)")
    parser.add_argument("--seed", type=int, default=0, help="seed of all random numbers (default: 0)")
    parser.add_argument("--batch-size", type=positive, default=32, help="digits in a batch (default: 32)")
    parser.add_argument("--lr", type=float, default=0.003, help="learning rate (default: 0.003)")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in the output folder")
    parser.add_argument("--out", type=Path, default=Path("runs/digits"), help="output folder (default: runs/digits)")
    return parser.parse_args()


def positive(text: str) -> int:
    """Read a number of epochs or digits."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"not a positive integer; got {text!r}")
    return int(text)


class Run:
    """One run: what it trains, and what it has reached so far."""

    def __init__(self, args: argparse.Namespace) -> None:
        if args.device:
            nd.set_default_device(args.device)
        nd.random.manual_seed(args.seed)
        self.out: Path = args.out
        self.epochs: int = args.epochs
        self.epoch = 0
        self.test = Digits("test")
        self.loader = DataLoader(Digits("train"), args.batch_size, shuffle=True)
        self.model = DigitNet()
        self.optimizer = Adam(self.model.parameters(), lr=args.lr)
        self.history: History = []
        self.settings = {"seed": args.seed, "batch-size": args.batch_size, "lr": args.lr}
        self.stateful = {
            "model": self.model,
            "optimizer": self.optimizer,
            "loader": self.loader,
            "generator": nd.random.default_generator(),
        }

    @property
    def checkpoint(self) -> Path:
        """The file from which a run goes on."""
        return self.out / "checkpoint.safetensors"

    def prepare_folder(self) -> None:
        """Make the output folder, and find out now rather than after the first epoch whether it can be written to."""
        try:
            self.out.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.out).close()
        except OSError as error:
            problem = "cannot write to the output folder"
            got = f"{self.out} ({error.strerror})"
            raise OSError(message("train", problem, got=got, hint="choose another with --out")) from error

    def resume(self) -> None:
        """Take over the state of the last epoch of an earlier run."""
        if not self.checkpoint.is_file():
            raise ValueError(
                message(
                    "train", "there is no checkpoint", got=f"{self.checkpoint}", hint="first train without --resume"
                )
            )
        values = nn.load_checkpoint(self.checkpoint, **self.stateful)
        if values.get("settings") != self.settings:
            problem = "the checkpoint was made with other settings"
            raise ValueError(message("train", problem, got=str(self.settings), expected=str(values.get("settings"))))
        self.history = values["history"]
        self.epoch = len(self.history)
        print(f"resumed after epoch {self.epoch}")

    def train(self) -> None:
        """Train the epochs that are left, with a checkpoint after each."""
        while self.epoch < self.epochs:
            self.epoch += 1
            train_loss, train_accuracy = self.train_epoch()
            test_loss, guesses = self.evaluate()
            test_accuracy = accuracy(guesses, self.test.labels)
            require_finite(test_loss, f"epoch {self.epoch}, on the test digits")
            row = {
                "epoch": self.epoch,
                "train_loss": train_loss,
                "train_accuracy": train_accuracy,
                "test_loss": test_loss,
                "test_accuracy": test_accuracy,
            }
            history = [*self.history, row]
            nn.save_checkpoint(self.checkpoint, **self.stateful, settings=self.settings, history=history)
            self.history = history
            write_metrics(self.out / "metrics.csv", self.history)
            print(f"  test loss {test_loss:.4f}, test accuracy {test_accuracy:.2%}", flush=True)

    def train_epoch(self) -> tuple[float, float]:
        """See all training digits once; return the mean loss and the accuracy on the way."""
        self.model.train()
        loss_sum, right, seen = 0.0, 0, 0
        bar: Any = tqdm(self.loader, f"epoch {self.epoch:>2}/{self.epochs}", unit="batch")
        with bar:
            for batch, (images, labels) in enumerate(bar, start=1):
                scores = self.model(ad.Tensor(images))
                loss = F.cross_entropy(scores, ad.Tensor(labels))
                require_finite(float(loss), f"epoch {self.epoch}, batch {batch}")
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                loss_sum += float(loss) * len(labels)
                right += int(nd.sum(nd.argmax(scores.data, axis=1) == labels))
                seen += len(labels)
                bar.set_postfix(loss=f"{loss_sum / seen:.4f}", accuracy=f"{right / seen:.2%}", refresh=False)
        return loss_sum / seen, right / seen

    def evaluate(self) -> tuple[float, nd.NDArray]:
        """Return the loss on the test digits, and the digit that each is taken for."""
        self.model.eval()
        with ad.no_grad():
            scores = self.model(ad.Tensor(self.test.images))
            loss = F.cross_entropy(scores, ad.Tensor(self.test.labels))
        return float(loss), nd.argmax(scores.data, axis=1)

    def report(self) -> None:
        """Write the weights and the picture."""
        nd.save_safetensors(self.out / "model.safetensors", self.model.state_dict())
        _, guesses = self.evaluate()
        draw(self.out / "digits.png", self.history, self.test, guesses.tolist())
        print(f"test accuracy {accuracy(guesses, self.test.labels):.2%} on {len(self.test)} held-back digits")
        print(f"see {self.out}: model.safetensors, metrics.csv, digits.png")

    def interruption(self) -> str:
        """Say where the run was interrupted and how it goes on."""
        done = len(self.history)
        return message(
            "train",
            f"interrupted in epoch {self.epoch} of {self.epochs}",
            got=f"{done} whole epochs, saved in {self.checkpoint}" if done else "no whole epoch, nothing saved",
            hint="the same command with --resume goes on" if done else "",
        )


def accuracy(guesses: nd.NDArray, labels: nd.NDArray) -> float:
    """Return which part of the guesses is right."""
    return int(nd.sum(guesses == labels)) / len(labels)


def require_finite(loss: float, place: str) -> None:
    """Stop a run that has diverged, before anything of it is saved."""
    if not math.isfinite(loss):
        raise FloatingPointError(
            message("train", f"the loss is no longer a number in {place}", got=str(loss), hint="lower --lr")
        )


def main() -> int:
    """Run; errors and Ctrl-C end in one line on stderr and an exit code that is not 0."""
    args = parse()
    start = time.perf_counter()
    run = None
    try:
        run = Run(args)
        run.prepare_folder()
        if args.resume:
            run.resume()
        device = nd.default_device()
        print(f"device {device}: {device.description}")
        print(nn.summary(run.model, (1, 1, 8, 8)))
        print(f"{len(run.loader.dataset)} digits to train on, {len(run.test)} held back to test", flush=True)
        run.train()
        run.report()
    except KeyboardInterrupt:
        print(run.interruption() if run else message("train", "interrupted"), file=sys.stderr)
        return 130
    except OSError as error:
        ours = error.strerror is None  # the system's errors have parts, and not the form of ours
        print(error if ours else message("train", f"{error.strerror}", got=f"{error.filename or ''}"), file=sys.stderr)
        return 1
    except (ValueError, TypeError, ArithmeticError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{time.perf_counter() - start:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
