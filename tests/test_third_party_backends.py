"""Backends by strangers: the two examples are built, installed, found and conform; and what can be wrong with one."""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import third_party
from needle import ndarray as nd
from needle.ndarray.conformance.table import FAMILIES, DataType, Table, TableBackend, tensor

GUIDE = (third_party.ROOT / "docs" / "write-a-backend.md").read_text()
C_SOURCES = third_party.BACKENDS["plainc"]
COMPILER = shutil.which(os.environ.get("CC", "cc"))
needs_compiler = pytest.mark.skipif(COMPILER is None or sys.platform == "win32", reason="no C compiler named cc")

# A part of the kit that takes seconds; `./dev conform-examples` runs all of it.
FAST = (
    "not long_run and not many and not large and not equal_elements and (memory or float16 or int8 or front or random)"
)

# A regression: the loss and its gradients, as JSON, on the device that is named.
PROGRAM = """
import json, sys
sys.modules["numpy"] = None
from needle import ndarray as nd
from needle.autograd import tensor
device = nd.device(sys.argv[1])
x = tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]], device=device)
w = tensor([[0.1, 0.2], [-0.3, 0.4], [0.5, -0.6]], device=device, requires_grad=True)
b = tensor([0.05, -0.05], device=device, requires_grad=True)
loss = (((x @ w + b).tanh() - 0.5) ** 2).mean()
loss.backward()
print(json.dumps([str(w.grad.device), loss.item(), w.grad.tolist(), b.grad.tolist()]))
"""


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which both packages are installed."""
    folder = tmp_path_factory.mktemp("installed")
    third_party.install(folder)
    return folder


def test_they_are_listed_by_their_entry_points(installed: Path):
    listing = third_party.python(installed, "-m", "needle.ndarray").stdout.splitlines()
    rows = {line.split()[0]: line for line in listing if line}
    assert "needle-backend-plainc 1.0" in rows["plainc"]
    assert "plain C on the host" in rows["plainc"]
    assert "needle-backend-plainpy 1.0" in rows["plainpy"]
    assert "the standard library of Python 3" in rows["plainpy"]


@pytest.mark.parametrize("name", third_party.BACKENDS)
def test_they_pass_the_kit(installed: Path, name: str):
    done = third_party.python(installed, *third_party.kit("-k", FAST, devices=name))
    assert done.returncode == 0, done.stdout[-6000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert int(passed[1]) > 200


@pytest.mark.parametrize("name", third_party.BACKENDS)
def test_gradients_are_those_of_cpu(installed: Path, name: str):
    """Without NumPy, as neither of them needs it."""
    got, want = (json.loads(third_party.python(installed, "-c", PROGRAM, device).stdout) for device in (name, "cpu"))
    assert (got[0], want[0]) == (name, "cpu")
    assert got[1] == pytest.approx(want[1], rel=1e-6)
    for gradient, expected in zip(got[2] + [got[3]], want[2] + [want[3]], strict=True):
        assert gradient == pytest.approx(expected, rel=1e-5)


@needs_compiler
def test_one_command_builds_the_library(installed: Path, tmp_path: Path):
    """That of the README, in a folder with nothing but the sources; without the library, the reason is given."""
    shutil.copytree(installed, tmp_path / "installed")
    library = tmp_path / "installed" / "needle_backend_plainc" / "plainc.so"
    library.unlink()
    use = "from needle import ndarray as nd; print((nd.arange(3, device='plainc') * 2).tolist())"
    missing = third_party.python(tmp_path / "installed", "-c", use).stdout
    assert "'plainc' (needle-backend-plainc 1.0 with " in missing
    assert "is unavailable: [plainc] the library does not load; got " in missing

    shutil.copytree(C_SOURCES / "csrc", tmp_path / "alone" / "csrc")
    command, *others = re.findall(r"```sh\n(.*?)\n```", (C_SOURCES / "README.md").read_text(), re.DOTALL)
    assert not others
    include = Path(nd.__file__).parent / "include"
    environment = {**os.environ, "NEEDLE_INCLUDE": str(include)}
    subprocess.run(command, shell=True, cwd=tmp_path / "alone", env=environment, check=True)
    shutil.copy(tmp_path / "alone" / "plainc.so", library)
    assert third_party.python(tmp_path / "installed", "-c", use).stdout == "[0, 2, 4]\n"
    assert not hasattr(ctypes.CDLL(str(library)), "matmul"), "one symbol is exported, and no other can clash"


# -- backends that are wrong in one point -----------------------------------------------------------------------------


@pytest.fixture
def table(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a copy of plainc's table, to be changed."""
    monkeypatch.syspath_prepend(installed)
    import needle_backend_plainc  # noqa: PLC0415 - installed by the fixture

    return Table.from_buffer_copy(TableBackend(needle_backend_plainc.load()).table)


LIVING: list[Any] = []  # what backends that stay registered point to


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that installs a distribution whose entry point gives a table, or any other backend."""

    def install(name: str, backend: Any) -> None:
        info = tmp_path / f"{name}_backend-2.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-backend\nVersion: 2.5\n")
        (info / "entry_points.txt").write_text(f"[needle.backends]\n{name} = {name}_module:load\n")
        monkeypatch.setitem(sys.modules, f"{name}_module", SimpleNamespace(load=lambda: backend))
        monkeypatch.syspath_prepend(tmp_path)

    return install


def capsule(table: Any) -> object:
    new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    name = ctypes.c_char_p(b"needle_backend")
    LIVING.extend([table, name])
    return new(("PyCapsule_New", ctypes.pythonapi))(ctypes.addressof(table), name, None)


def change(table: Any, name: str, function: Any) -> None:
    """Put a Python function, or None for NULL, in a place of the table."""
    kind: Any = type(getattr(table, name))
    made = kind(function) if function else kind()
    LIVING.append(made)
    setattr(table, name, made)


def give_reason(table: Any, reason: bytes | None) -> None:
    """Let `last_error` return a text, or NULL. A callback cannot return a char *, but its address."""
    text = ctypes.create_string_buffer(reason) if reason else None
    function = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(lambda _: ctypes.addressof(text) if text else None)
    LIVING.extend([text, function])
    table.last_error = ctypes.cast(function, type(table.last_error))


def test_a_table_as_it_is_works(table: Any, plugin: Any):
    plugin("whole", capsule(table))
    assert (nd.arange(3, device="whole") + 1).tolist() == [1, 2, 3]


def test_what_lies_beyond_the_size_of_an_older_table_counts_as_null(table: Any, plugin: Any):
    table.size = Table.scatter.offset
    plugin("older", capsule(table))
    with pytest.raises(nd.BackendUnavailable) as caught:
        nd.device("older")
    assert "required functions are missing; got scatter, random_bits = NULL; expected all" in str(caught.value)
    assert "; got older-backend 2.5 with needle-ndarray " in str(caught.value)


def test_a_longer_table_of_a_newer_header_is_read_as_far_as_it_is_known(table: Any, plugin: Any):
    longer = ctypes.create_string_buffer(bytes(table) + b"\xff" * 64)
    Table.from_buffer(longer).size = len(longer)
    plugin("newer", capsule(longer))
    assert nd.sum(nd.arange(4, device="newer")).tolist() == 6


def test_required_functions_that_are_null_are_named(table: Any, plugin: Any):
    for name in ("cast", "sort"):
        change(table, name, None)
    plugin("holes", capsule(table))
    with pytest.raises(
        nd.BackendUnavailable, match=r"\[backend holes\] required functions are missing; got cast, sort = "
    ):
        nd.device("holes")


SHARES = [0.25, 0.75]  # of exp(0) and exp(log(3))


def offer_softmax(table: Any, status: int, calls: list[int]) -> None:
    """Let the table have a softmax that writes 7 into each place, unless it gives an error."""
    original = Table.from_buffer_copy(table)

    def op(context: int, family: int, name: bytes) -> int:
        return 5 if family == FAMILIES.index("composite") else original.op(context, family, name)

    def composite(context: int, code: int, arguments: Any) -> int:
        calls.append(code)
        seven = ctypes.c_float(7)
        return status or original.fill(context, ctypes.addressof(seven), arguments[0].outputs[0])

    change(table, "op", op)
    change(table, "composite", composite)


def test_an_optional_function_that_is_there_is_used(table: Any, plugin: Any):
    calls: list[int] = []
    offer_softmax(table, 0, calls)
    plugin("seven", capsule(table))
    assert nd.softmax(nd.zeros(2, device="seven")).tolist() == [7.0, 7.0]
    assert calls == [5]


@pytest.mark.parametrize("lacks", ["a table of an older header", "NULL", "no such name", "not for this call"])
def test_an_optional_function_that_is_not_there_is_composed(table: Any, plugin: Any, lacks: str):
    calls: list[int] = []
    offer_softmax(table, 4 if lacks == "not for this call" else 0, calls)
    if lacks == "a table of an older header":
        table.size = Table.composite.offset
    elif lacks == "NULL":
        change(table, "composite", None)
    elif lacks == "no such name":
        original = Table.from_buffer_copy(table).op
        change(table, "op", lambda context, family, name: -1 if name == b"softmax" else original(context, family, name))
    name = "lacks" + "".join(word[0] for word in lacks.split())
    plugin(name, capsule(table))
    assert nd.softmax(nd.asarray([0.0, 1.0986123], device=name)).tolist() == pytest.approx(SHARES)
    assert calls == ([5] if lacks == "not for this call" else [])


def test_an_optional_function_that_fails_is_an_error(table: Any, plugin: Any):
    offer_softmax(table, 1, [])
    give_reason(table, b"the fan stands still")
    plugin("stands", capsule(table))
    with pytest.raises(nd.BackendError, match=r"^\[softmax\] the fan stands still \(device stands\)$"):
        nd.softmax(nd.zeros(2, device="stands"))


def test_an_operation_that_is_not_there_is_named_when_it_is_asked_for(table: Any, plugin: Any):
    original = Table.from_buffer_copy(table).op
    change(table, "op", lambda context, family, name: -1 if name == b"erf" else original(context, family, name))
    plugin("noerf", capsule(table))
    x = nd.ones(2, device="noerf")
    assert (x + x).tolist() == [2.0, 2.0]
    with pytest.raises(NotImplementedError) as caught:
        nd.erf(x)
    assert str(caught.value) == "[erf] the backend does not have this operation; got device noerf"
    assert str(caught.value) in GUIDE


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (1, nd.BackendError),
        (2, MemoryError),
        (3, IndexError),
        (4, NotImplementedError),
        (77, nd.BackendError),
    ],
)
def test_each_status_becomes_its_exception_with_the_text(table: Any, plugin: Any, status: int, error: type[Exception]):
    name = f"ill{status}"
    change(table, "unary", lambda *_: status)
    give_reason(table, b"the fan stands still; got 0 rpm")
    plugin(name, capsule(table))
    x = nd.ones(2, device=name)
    with pytest.raises(error) as caught:
        nd.exp(x)
    assert type(caught.value) is error
    assert str(caught.value) == f"[exp] the fan stands still; got 0 rpm (device {name})"
    assert str(caught.value).replace(name, "ill") in GUIDE
    assert x.tolist() == [1.0, 1.0]


def test_an_error_without_a_text_says_so(table: Any, plugin: Any):
    change(table, "unary", lambda *_: 1)
    give_reason(table, None)
    plugin("mute", capsule(table))
    with pytest.raises(nd.BackendError, match=r"^\[exp\] no reason given \(device mute\)$"):
        nd.exp(nd.ones(2, device="mute"))


def test_late_errors_are_reported_by_synchronize(table: Any, plugin: Any):
    change(table, "synchronize", lambda *_: 3)
    give_reason(table, b"index out of range; got 9; expected [-3, 3)")
    plugin("late", capsule(table))
    with pytest.raises(
        IndexError, match=r"^\[synchronize\] index out of range; got 9; expected \[-3, 3\) \(device late"
    ):
        nd.synchronize("late")


def test_no_devices_is_said_by_the_count(table: Any, plugin: Any):
    change(table, "device_count", lambda _: 0)
    plugin("none", capsule(table))
    with pytest.raises(ValueError, match=r"\[device\] no such device; got none:0; expected an index below 0"):
        nd.device("none")


def test_exceptions_of_a_python_backend_keep_their_type_or_become_backend_errors(
    installed: Path, plugin: Any, monkeypatch
):
    monkeypatch.syspath_prepend(installed)
    from needle_backend_plainpy import load  # noqa: PLC0415 - installed by the fixture

    backend: Any = load()
    problems = {"exp": ValueError("too hot"), "log": IndexError("no place 3"), "sin": NotImplementedError("no sines")}

    def unary(op: str, a: nd.View, out: nd.View) -> None:
        raise problems[op]

    backend.unary = unary
    plugin("hot", backend)
    x = nd.ones(2, device="hot")
    with pytest.raises(nd.BackendError, match=r"^\[exp\] ValueError: too hot \(device hot\)$") as caught:
        nd.exp(x)
    assert caught.value.__cause__ is problems["exp"]
    with pytest.raises(IndexError, match=r"^\[log\] no place 3 \(device hot\)$"):
        nd.log(x)
    with pytest.raises(NotImplementedError, match=r"^\[sin\] no sines \(device hot\)$"):
        nd.sin(x)


def test_a_dtype_that_plainc_does_not_have_is_unsupported(table: Any):
    """Nobody's dtype: 24 bits of a code that DLPack has not given out."""
    backend = TableBackend(capsule(table))
    argument = tensor(nd.View(backend.alloc(64, 0), nd.float32, (2,), (1,), 0))
    argument.dtype = DataType(99, 24, 1)
    status = table.unary(None, table.op(None, 0, b"exp"), argument, argument)
    assert status == 4
    assert table.last_error(None) == b"a dtype that this backend does not have; got DLPack code 99 of 24 bits"
