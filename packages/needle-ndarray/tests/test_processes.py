"""Arrays in other threads and processes, during signals, and at the end of the interpreter.

Most run in a process of their own, so that a crash is a failure of one test. See test_cpu_backend.py for the pool.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from needle import ndarray as nd
from needle.ndarray import _core


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def expect(code: str, output: str, *arguments: str) -> None:
    result = run(code, *arguments)
    assert (result.returncode, result.stdout) == (0, output), result.stderr


def test_many_python_threads(device: str) -> None:
    """Each result is checked, and errors of one thread do not show in another."""
    shared = np.random.default_rng(0).integers(-4, 5, (60, 300)).astype(np.float32)  # integers: every sum is exact
    x = nd.asarray(shared, device=device)
    before = _core.live_buffers()

    def work(i: int) -> None:
        a = shared + i % 5
        y = x + i % 5
        assert np.array_equal((nd.matmul(y, y.T) * 2).numpy(), a @ a.T * 2)
        assert np.array_equal(nd.sum(y, axis=i % 2).numpy(), a.sum(i % 2))
        assert np.array_equal(nd.cumulative_sum(y, axis=1)[:, -1].numpy(), a.sum(1))
        assert np.array_equal(nd.sort(y, axis=0).numpy(), np.sort(a, axis=0))
        assert np.array_equal(nd.take(y, nd.asarray([i % 60, 0], device=device), axis=0).numpy(), a[[i % 60, 0]])
        with pytest.raises(IndexError, match=rf"got {100 + i} along axis 0"):
            nd.take(y, nd.asarray([100 + i], device=device), axis=0)
        with pytest.raises(ValueError, match=rf"\[add\] shapes do not broadcast; got \(60, 300\) and \({7 + i},\)"):
            _ = y + nd.ones(7 + i, device=device)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(64)))
    assert _core.live_buffers() == before


def test_one_array_read_by_all_threads_and_freed_by_any(device: str) -> None:
    arrays = [nd.full((50, 40), i, device=device) for i in range(40)]
    before = _core.live_buffers()
    with ThreadPoolExecutor(8) as pool:
        views = list(pool.map(lambda i: arrays[i % 40].T[i % 40], range(400)))
        arrays.clear()
        sums = list(pool.map(lambda i: nd.sum(views[i]).item(), range(400)))
        assert sums == [i % 40 * 50 for i in range(400)]
        list(pool.map(lambda i: views.__setitem__(i, None), range(400)))  # type: ignore[arg-type]
    assert _core.live_buffers() == before - 40


def test_the_gil_is_released_in_long_kernels() -> None:
    """Another thread counts during one product: held, the GIL would leave it no chance between its start and its end.

    The interpreter is told not to switch threads by itself, so that only a release lets the other one run; that one
    gives the GIL back after each step.
    """
    code = """
        import sys, threading, time
        from needle import ndarray as nd
        nd.set_num_threads(1)
        x = nd.ones((1500, 1500), device="cpu")
        started, done, counts = threading.Event(), False, [0]
        def count():
            started.set()
            while not done:
                counts[0] += 1
                time.sleep(0)
        thread = threading.Thread(target=count)
        thread.start()
        started.wait()
        sys.setswitchinterval(1000)
        time.sleep(0.01)  # so that the other thread waits for that long from now on
        before = counts[0]
        y = x @ x
        during = counts[0] - before
        done = True
        thread.join()
        print(during > 0, float(y[0, 0]))
    """
    expect(code, "True 1500.0\n")


def test_fork_after_use(device: str) -> None:
    code = """
        import os, sys, warnings
        warnings.simplefilter("ignore")  # newer Pythons warn of forks beside threads
        from needle import ndarray as nd
        from needle.ndarray import _core
        nd.set_default_device(sys.argv[1])
        nd.set_num_threads(4)
        x = nd.ones((300, 400))
        def work():
            y = nd.exp(nd.zeros((300, 400))) + x
            g = nd.random.Generator(3)
            return [float(nd.sum(y @ y.T)), float(nd.cumulative_sum(y, axis=1)[7, -1]), g.bits(5000).to_bytes()]
        expected, live = work(), _core.live_buffers()
        def child(depth):
            pid = os.fork()
            if pid == 0:
                same = work() == expected and _core.live_buffers() == live
                same = same and (not depth or child(depth - 1))
                x[0, 0] = 100.0  # the child's own copy
                os._exit(0 if same else 1)
            return os.waitpid(pid, 0)[1] == 0
        print(child(2) or "wrong", float(x[0, 0]), work() == expected)
    """
    expect(code, "True 1.0 True\n", device)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(method: str) -> None:
    """A function of the standard library stands for the worker: a spawned process cannot import one from `-c`."""
    code = """
        import multiprocessing, operator, sys, warnings
        warnings.simplefilter("ignore")
        from needle import ndarray as nd
        def main():
            x = nd.ones((200, 300), device="cpu")
            assert float(nd.sum(x @ x.T)) == 200 * 200 * 300
            context = multiprocessing.get_context(sys.argv[1])
            source = (
                "from needle import ndarray as nd; x = nd.ones((200, 300), device='cpu'); "
                "y = nd.sum(x @ x.T); assert float(y) == 200 * 200 * 300"
            )
            with context.Pool(2) as pool:
                print(pool.map(exec, [source] * 4))
            assert float(nd.sum(x @ x.T)) == 200 * 200 * 300
        if __name__ == "__main__":
            main()
    """
    expect(code, "[None, None, None, None]\n", method)


def test_interrupted_work_leaves_a_usable_interpreter(device: str) -> None:
    """Ctrl-C arrives between kernels, as KeyboardInterrupt; nothing is leaked or locked."""
    code = """
        import os, signal, sys, threading
        from needle import ndarray as nd
        from needle.ndarray import _core
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
        nd.set_default_device(sys.argv[1])
        x = nd.ones((200, 300))
        before = _core.live_buffers()
        def work():
            return float(nd.sum(nd.exp(x - x) @ x.T))
        for _ in range(20):
            rounds, ready = 0, threading.Event()
            def interrupt():
                ready.wait()
                os.kill(os.getpid(), signal.SIGINT)
            thread = threading.Thread(target=interrupt)
            thread.start()
            try:
                while True:
                    assert work() == 200 * 200 * 300
                    rounds += 1
                    if rounds == 2:
                        ready.set()
            except KeyboardInterrupt:
                pass
            thread.join()
            assert work() == 200 * 200 * 300
        print(_core.live_buffers() - before)
    """
    expect(code, "0\n", device)


@pytest.mark.parametrize(
    "keep",
    [
        "import builtins; builtins.kept = nd.ones((1000, 1000), device='cpu') @ nd.ones((1000, 1000), device='cpu')",
        "kept = [nd.ones(9, device='numpy')]; kept.append(kept)",  # a cycle, with memory that Python owns
        "kept = memoryview(nd.ones(9, device='cpu'))",
        "kept = nd.ones(9, device='cpu').numpy()",
        "import atexit; x = nd.ones((300, 900), device='cpu'); atexit.register(lambda: nd.sum(x @ x.T).item())",
        "import threading; x = nd.ones((300, 900), device='cpu'); f = lambda: [x @ x.T for _ in range(10**9)]; "
        "threading.Thread(target=f, daemon=True).start()",
        "raise SystemExit(0)",
    ],
)
def test_the_end_of_the_interpreter(keep: str) -> None:
    expect(f"from needle import ndarray as nd\nprint('x')\n{keep}", "x\n")


@pytest.mark.parametrize("size", [3, 300])
def test_daemon_threads_at_the_end_of_the_interpreter(device: str, size: int) -> None:
    """Wherever they are then, inside of a kernel or of Python, they stop, and nothing crashes.

    OpenBLAS is told to use one thread: it waits for its others for ever if the process ends during a product.
    """
    code = f"""
        import os, sys, threading, time
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        from needle import ndarray as nd
        x = nd.ones(({size}, {size}), device=sys.argv[1])
        def work():
            while True:
                nd.sum(nd.exp(x - x) @ x.T + nd.sort(x)[0], axis=0, keepdims=True).astype(nd.int32)[:, 1:].tolist()
        for _ in range(4):
            threading.Thread(target=work, daemon=True).start()
        time.sleep(0.05)
        print("x", flush=True)
    """
    for _ in range(5):
        expect(code, "x\n", device)


def test_a_subinterpreter_cannot_import_it() -> None:
    inside = "try:\n    import needle.ndarray\nexcept ImportError as error:\n    print(error, flush=True)\n"
    code = f"""
        import sys
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        from needle import ndarray as nd
        interpreters.run_string(interpreters.create(), {inside!r})
        print(nd.sum(nd.ones(3)).item())
    """
    result = run(code)
    refusal, total = result.stdout.splitlines()
    assert "subinterpreter" in refusal, result.stderr
    assert (result.returncode, total) == (0, "3.0"), result.stderr


def test_import_in_a_thread() -> None:
    code = """
        import threading
        results = []
        def work():
            from needle import ndarray as nd
            x = nd.ones((100, 200), device="cpu")
            results.append(float(nd.sum(x @ x.T)))
        threads = [threading.Thread(target=work) for _ in range(6)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        print(results == [100 * 100 * 200.0] * 6)
    """
    expect(code, "True\n")
