"""The benchmarks: every case computes what NumPy computes, and the tables say what was measured. Nothing is timed."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import environment
import needle.ndarray as nd
from benchmarks import __main__ as bench
from benchmarks import libraries, limits, peers, report, runner, worker
from benchmarks.case import LARGE, Case, Target, Work, floats
from benchmarks.cases import CASES
from benchmarks.results import BUSY, LAG, Results

EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture
def default_device():
    """Put the default device back: cases make arrays of their own on it."""
    before = nd.default_device()
    yield
    nd.set_default_device(before)


def computed(library: libraries.Library, case: Case) -> list[np.ndarray[Any, Any]]:
    """Return the results of a case on small arrays."""
    return list(flat(library.call(case, library.arrays(case, small=True))()))


def flat(result: Any):
    if isinstance(result, list | tuple):
        for part in result:
            yield from flat(part)
    elif isinstance(result, nd.NDArray) and result.dtype is nd.bfloat16:
        yield np.asarray(result.astype(nd.float32))
    else:
        yield np.asarray(result)


@EACH
@pytest.mark.usefixtures("default_device")
def test_case_computes_what_numpy_computes(case: Case):
    threads = nd.get_num_threads()
    nd.set_default_device("cpu")
    found = computed(libraries.needle(threads), case)
    others: list[list[np.ndarray[Any, Any]]] = []
    if case.runs_in("numpy") and case.family != "random":
        others.append(computed(libraries.numpy(threads), case))
    nd.set_default_device("numpy")
    others.append(computed(libraries.needle(threads, "numpy"), case))
    narrow = any(kind in case.name for kind in ("f16", "float16"))  # bf16 and bfloat16 among them
    close = 1e-2 if narrow else 1e-4
    for other in others:
        for x, y in zip(found, other, strict=True):
            assert x.dtype == y.dtype
            np.testing.assert_allclose(x, y, rtol=close, atol=close)


def test_names_are_unique():
    assert len({case.name for case in CASES}) == len(CASES)


def test_workers_report_each_case_and_the_load():
    names = ["dispatch/add16", "dispatch/matmul8"]
    lines = runner.work("needle", {}, 1, 0.001, names)
    assert list(lines[0]) == ["version", "foreign"]
    assert [line["case"] for line in lines[1:]] == names
    assert all(0 < line["best"] <= line["median"] for line in lines[1:])
    assert all(0 <= line["foreign"] <= 1 for line in lines)


def test_a_worker_that_dies_is_an_error_of_its_cases(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runner, "python", lambda _: Path("/bin/false"))
    (line,) = runner.work("needle", {}, 1, 0.001, ["dispatch/add16"])
    assert (line["case"], line["error"]) == ("dispatch/add16", "exit code 1")


def test_libraries_take_turns(monkeypatch: pytest.MonkeyPatch):
    seen: list[tuple[str, int]] = []

    def work(library: str, extra: dict[str, str], threads: int, seconds: float, names: list[str]):
        del threads, seconds
        seen.append((library + "+malloc" * bool(extra), len(names)))
        return [{"case": name} for name in names]

    monkeypatch.setattr(runner, "work", work)
    large = floats(LARGE)
    cases = [Case(f"a/{i}", (large,), lambda _: list, {"numpy": None} if i else {}) for i in range(runner.CHUNK + 1)]
    variants = ["needle", "numpy", "torch+malloc"]
    assert next(runner.run(cases, variants, [1], 1, 0.1)) == ("needle", 1, {"case": "a/0"})
    seen.clear()
    assert len(list(runner.run(cases, variants, [1], 2, 0.1))) == sum(count for _, count in seen)
    first, second = ("needle", runner.CHUNK), ("torch+malloc", runner.CHUNK)
    assert seen[:6] == [first, ("numpy", 1), second, ("numpy", 1), second, first]
    assert seen[6:] == [("needle", 1), ("torch+malloc", 1), ("torch+malloc", 1), ("needle", 1)]


def test_what_is_not_worth_its_time_is_left_out(monkeypatch: pytest.MonkeyPatch):
    """Small arrays with another malloc, and, once that is known, what is far slower than another library."""
    times = {"needle": 1.0, "numpy": LAG + 0.5, "torch": LAG - 0.5, "jax": LAG + 9.0}

    def work(library: str, extra: dict[str, str], threads: int, seconds: float, names: list[str]):
        del extra, threads, seconds
        foreign = BUSY + 0.1 if library == "jax" else 0.0
        return [{"case": name, "median": times[library], "foreign": foreign} for name in names]

    monkeypatch.setattr(runner, "work", work)
    variants = ["needle", "numpy", "torch", "jax", "torch+malloc"]
    lines = runner.run([Case("a/x", (floats(LARGE - 1),), lambda _: list)], variants, [2, 1], 3, 0.1)
    found = Counter((variant, threads) for variant, threads, _ in lines)
    assert found == {("numpy", 2): 1, **{(name, count): 3 for name in ("needle", "torch", "jax") for count in (2, 1)}}


def test_slow_calls_are_sampled_once():
    seen = iter(range(9))

    def slow() -> None:
        next(seen)
        time.sleep(worker.SLOW)

    (sample,) = worker.measure(slow, 0.1, full_speed=2)
    assert sample > worker.SLOW
    assert next(seen) == 3


CASE = Case("f/x", (floats(4),), lambda _: abs, work=Work(1e9, "f32"), target=Target(1.0, share=0.9))


def results(needle: list[float], **others: list[float]) -> Results:
    made = Results(limits=[{"threads": 2, "f32": 1e12}])
    for library, medians in {"needle": needle, **others}.items():
        for median in medians:
            line = {"case": "f/x", "library": library, "threads": 2, "median": median, "best": median}
            made.records.append({**line, "foreign": 0.0})
    return made


def test_table():
    found = results([0.001, 0.001, 0.0012], numpy=[0.005, 0.005], torch=[0.002, 0.002, 0.003])
    assert list(report.rows([CASE], found, 2)) == [
        ["case", "needle", "numpy", "torch", "rate", "limit", "best peer", "ratio", "target"],
        ["x", "1.00 ms", "5.00 ms", "2.00 ms ~50%", "1000 GFLOP/s", "100%", "torch", "0.50", "1.00, 90%: met"],
    ]
    assert list(report.rows([CASE], found, 1))[1:] == []
    assert "| x    | 1.00 ms |" in report.tables([CASE], found, 2)


def test_processes_that_were_disturbed_count_for_want_of_others():
    disturbed = results([0.004])
    disturbed.records[0]["foreign"] = 0.5
    assert report.cell(disturbed.times(2)["f/x"]["needle"]) == "4.00 ms busy"
    disturbed.records += results([0.002]).records
    assert report.cell(disturbed.times(2)["f/x"]["needle"]) == "2.00 ms"


def test_busy_times_leave_the_verdict_open():
    found = results([0.001], numpy=[0.002])
    found.records[1]["foreign"] = 0.5
    assert report.verdict(CASE, found.times(2)["f/x"], 1e12) == "1.00, 90%: unclear"


@pytest.mark.parametrize(
    ("needle", "target", "words"),
    [
        (0.004, Target(2.0, share=0.2), "2.00, 20%: met"),
        (0.004, Target(2.0, share=0.3), "2.00, 30%: MISSED"),
        (0.006, Target(2.0), "2.00: MISSED"),
        (0.004, Target(0.5, against="torch"), "0.50 of torch: met"),
        (0.006, Target(0.5, against="torch"), "0.50 of torch: MISSED"),
        (0.006, Target(1.0, against="jax"), "1.00 of jax"),
        (0.006, None, ""),
    ],
)
def test_verdict(needle: float, target: Target | None, words: str):
    case = Case("f/x", (), work=CASE.work, target=target)
    found = results([needle], numpy=[0.002], **{"torch": [0.009], "torch+malloc": [0.01]}).times(2)["f/x"]
    assert report.verdict(case, found, 1e12) == words


def test_changes():
    assert report.changes([CASE], results([0.002], numpy=[0.001]), results([0.001]), 2).splitlines()[2] == (
        "| f/x  | 2.00 ms | 1.00 ms |       0.50 |       2.00 |           |"
    )


@pytest.mark.parametrize(
    ("seconds", "text"), [(2.5, "2.50 s"), (1e-3, "1.00 ms"), (0.123456, "123 ms"), (873e-9, "873 ns")]
)
def test_duration(seconds: float, text: str):
    assert report.duration(seconds) == text


def test_results_are_kept_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "now.json"
    monkeypatch.setattr(limits, "build", lambda _: None)
    line = {"case": CASES[0].name, "median": 1e-6, "best": 1e-6, "foreign": 0.0}

    def run(*_: Any):
        yield "needle", 2, {"version": "9", "foreign": 0.0}
        yield "needle", 2, line
        yield "numpy", 2, {**line, "median": 2e-6, "foreign": 0.5}
        yield "torch", 2, {"case": CASES[0].name, "error": "TypeError: no", "foreign": 0.0}

    monkeypatch.setattr(runner, "run", run)
    options = ["--only", CASES[0].name, "--json", str(path), "--threads", "2"]
    for rounds in (1, 2):
        assert bench.main([*options, "--rounds", "1"]) == 0
        assert len(json.loads(path.read_text())["records"]) == 3 * rounds
    shown = capsys.readouterr()
    assert "2.00 us, 50% of the processors with others" in shown.err
    assert f"{CASES[0].name}, torch: TypeError: no" in shown.err
    assert "|  0.50 |" in shown.out
    assert bench.main([*options, "--rounds", "0", "--compare", str(path)]) == 0
    assert "now / then" in capsys.readouterr().out
    assert len(json.loads(path.read_text())["records"]) == 6
    assert path.with_suffix(".md").read_text().startswith("\n### dispatch, 2 threads")
    assert path.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


def test_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, page = tmp_path / "results.json", tmp_path / "page.md"
    monkeypatch.setattr(bench, "PAGE", page)
    found = results([0.001], numpy=[0.002])
    found.path, found.facts = (
        path,
        {"date": "2030-01-31", "machine": "a machine", "versions": {"needle": "9.0", "numpy": "3.0"}},
    )
    for line in found.records:
        line["case"] = CASES[0].name
    found.records += [{**line, "threads": 1} for line in found.records]
    found.write()
    assert bench.main(["--rounds", "0", "--json", str(path), "--docs"]) == 0
    text = page.read_text()
    assert "Measured on 2030-01-31: a machine." in text
    assert "Needle 9.0 beside numpy 3.0." in text
    assert "in up to 1 processes" in text
    assert text.index("(page.svg)") < text.index("## 2 threads") < text.index("## 1 thread")
    picture = page.with_suffix(".svg").read_bytes()
    assert all(words in picture for words in (b"target met", b">dispatch<", b">2 threads<", b">1 thread<"))
    assert bench.main(["--rounds", "0", "--json", str(path), "--docs"]) == 0
    assert page.with_suffix(".svg").read_bytes() == picture


def test_cases_are_listed(capsys: pytest.CaptureFixture[str]):
    assert bench.main(["--list", "--only", "matmul/f32_8", "dispatch/*16"]) == 0
    assert capsys.readouterr().out.split() == ["dispatch/add16", "dispatch/chain10_16", "matmul/f32_8"]


def test_peers_that_are_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(peers, "CACHE", tmp_path)
    assert peers.python("torch") is None
    assert peers.python("needle") == Path(sys.executable)


def test_peers_are_installed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    commands: list[list[str]] = []

    def check(command: list[str], problem: str) -> None:
        del problem
        commands.append(command)
        if "venv" in command:
            python = Path(command[-1]) / "bin" / "python"
            python.parent.mkdir(parents=True)
            python.touch()

    monkeypatch.setattr(environment, "check", check)
    monkeypatch.setattr(peers, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(peers, "PEERS", {"numpy": peers.Peer(["numpy==1"], python="1.0")})
    for _ in range(2):
        assert bench.main(["--setup-peers"]) == 0
        assert peers.python("numpy") == tmp_path / "cache" / "numpy" / "bin" / "python"
    venv, install = commands
    assert venv[0] == sys.executable  # there is no Python 1.0
    assert install[-1] == "numpy==1"
    monkeypatch.setattr(peers, "PEERS", {"numpy": peers.Peer(["numpy==2"], python="1.0")})
    assert peers.python("numpy") is None


def test_limits_are_measured_where_there_is_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    program = tmp_path / "limits"
    program.write_text("#!/bin/sh\necho f32 1e9\necho copy 2e9\n")
    program.chmod(0o755)
    assert limits.measure(program, 1) == {"f32": 1e9, "copy": 2e9}
    monkeypatch.setenv("CXX", "/bin/false")
    assert limits.build(tmp_path / "none") is None
