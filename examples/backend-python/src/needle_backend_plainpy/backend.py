"""The functions of the contract: each reads its views as lists of numbers, and writes a list."""

from __future__ import annotations

import math
import operator
import platform
import sys
from collections.abc import Callable
from functools import reduce as fold
from itertools import accumulate
from typing import Any

from needle.ndarray import Backend, DType, View
from needle_backend_plainpy.elements import converted, elements, lines, load, places, read, rounded, slot, store, write
from needle_backend_plainpy.operations import BINARY, UNARY, maximum, minimum

FAMILIES = {
    "unary": UNARY.keys(),
    "binary": {*BINARY, "nextafter"},
    "reduce": {"sum", "prod", "max", "min", "any", "all"},
    "arg_reduce": {"argmax", "argmin"},
    "scan": {"sum", "prod"},
    "scatter": {"set", "add"},
}
LARGEST = 1 << 40  # bytes; beyond, a bytearray would try until the machine is out of memory
NAN_KEY = (True, 0)


def total(numbers: list[Any]) -> Any:
    """Return the sum, of floats with no more than one rounding."""
    if not numbers or isinstance(numbers[0], int):
        return sum(numbers)
    if isinstance(numbers[0], complex):
        return complex(total([x.real for x in numbers]), total([x.imag for x in numbers]))
    try:
        return math.fsum(numbers)
    except (OverflowError, ValueError):  # infinities, or a partial sum beyond float64
        return sum(numbers)


REDUCE: dict[str, Callable[[list[Any]], Any]] = {
    "sum": total,
    "prod": math.prod,
    "max": lambda numbers: fold(maximum, numbers),
    "min": lambda numbers: fold(minimum, numbers),
    "any": any,
    "all": all,
}
SCAN: dict[str, Callable[[Any, Any], Any]] = {"sum": operator.add, "prod": operator.mul}


def sort_key(x: Any) -> tuple[bool, Any]:
    """Order numbers with NaN above all."""
    return NAN_KEY if math.isnan(x) else (False, x)


class PlainBackend(Backend):
    """Lists of Python numbers on the host's memory."""

    name = "plainpy"

    def describe(self, device: int) -> str:
        """Return one line for people."""
        return f"the standard library of Python {platform.python_version()}"

    def supports(self, family: str, op: str) -> bool:
        """Say whether there is such an operation."""
        return op in FAMILIES.get(family, ())

    def alloc(self, nbytes: int, device: int) -> bytearray:
        """Return a buffer."""
        if nbytes > LARGEST:
            raise MemoryError(f"out of memory; got {nbytes} bytes")
        return bytearray(nbytes)

    def upload(self, host: memoryview, buffer: bytearray, offset: int) -> None:
        """Copy bytes into a buffer."""
        buffer[offset : offset + host.nbytes] = host

    def download(self, buffer: bytearray, offset: int, host: memoryview) -> None:
        """Copy bytes out of a buffer."""
        host[:] = memoryview(buffer)[offset : offset + host.nbytes]

    def copy(self, a: View, out: View) -> None:
        """Move the elements as they are."""
        at = (places(v.shape, v.strides, v.offset) for v in (a, out))
        for i, j in zip(*at, strict=True):
            out.buffer[slot(out, j)] = a.buffer[slot(a, i)]

    def fill(self, value: complex, out: View) -> None:
        """Write one number everywhere."""
        write([value] * math.prod(out.shape), out)

    def iota(self, out: View) -> None:
        """Count from 0."""
        write(range(out.shape[0]), out)

    def unary(self, op: str, a: View, out: View) -> None:
        """Apply a function of one number."""
        write([UNARY[op](x) for x in read(a)], out)

    def binary(self, op: str, a: View, b: View, out: View) -> None:
        """Apply a function of two numbers."""
        if op == "nextafter":
            return self._nextafter(a, b, out)
        write(map(BINARY[op], read(a), read(b)), out)

    def _nextafter(self, a: View, b: View, out: View) -> None:
        """Step among the elements, as integers: the one operation that depends on how numbers are stored."""
        sign = 1 << (a.dtype.itemsize * 8 - 1)
        at = (places(v.shape, v.strides, v.offset) for v in (a, b, out))
        for x, y, i, j, k in zip(read(a), read(b), *at, strict=True):
            if math.isnan(x) or math.isnan(y):
                store([math.nan], elements(out), [k], out.dtype)
                continue
            bits = int.from_bytes(b.buffer[slot(b, j)] if x == y else a.buffer[slot(a, i)], sys.byteorder)
            if x == 0 != y:
                bits = sign + 1 if y < 0 else 1
            elif x != y:
                bits += 1 if (x < y) == (x > 0) else -1
            out.buffer[slot(out, k)] = bits.to_bytes(a.dtype.itemsize, sys.byteorder)

    def where(self, condition: View, a: View, b: View, out: View) -> None:
        """Choose between the elements of two views, as they are."""
        at = (places(v.shape, v.strides, v.offset) for v in (a, b, out))
        for chosen, i, j, k in zip(read(condition), *at, strict=True):
            out.buffer[slot(out, k)] = a.buffer[slot(a, i)] if chosen else b.buffer[slot(b, j)]

    def cast(self, a: View, out: View) -> None:
        """Convert the elements."""
        write(converted(read(a), a.dtype, out.dtype), out)

    def reduce(self, op: str, a: View, out: View) -> None:
        """Collect the numbers that meet in each element of the result, and combine them."""
        numbers = read(a)
        if op in ("sum", "prod"):
            numbers = rounded(converted(numbers, a.dtype, out.dtype), out.dtype)
        steps = [0 if n != m else step for n, m, step in zip(a.shape, out.shape, out.strides, strict=True)]
        meeting: dict[int, list[Any]] = {place: [] for place in places(out.shape, out.strides, out.offset)}
        for place, x in zip(places(a.shape, steps, out.offset), numbers, strict=True):
            meeting[place].append(x)
        results = (self._number(REDUCE[op](group), out.dtype) for group in meeting.values())
        store(results, elements(out), meeting, out.dtype)

    def _number(self, x: Any, dtype: DType) -> Any:
        return float(x) if dtype.kind == "float" else x  # the sum of nothing is an int

    def arg_reduce(self, op: str, a: View, axis: int, out: View) -> None:
        """Find the first extreme along an axis, or the first NaN."""
        source, target = elements(a), elements(out)
        for line, (place,) in zip(lines(a, axis), lines(out, axis), strict=True):
            numbers = load(source, line, a.dtype)
            extreme = fold(maximum if op == "argmax" else minimum, numbers)
            target[place] = next(i for i, x in enumerate(numbers) if x == extreme or math.isnan(x))

    def scan(self, op: str, a: View, axis: int, out: View) -> None:
        """Run along an axis."""
        source, target = elements(a), elements(out)
        for line, to in zip(lines(a, axis), lines(out, axis), strict=True):
            store(accumulate(load(source, line, a.dtype), SCAN[op]), target, to, out.dtype)

    def sort(self, a: View, axis: int, descending: bool, values: View | None, indices: View | None) -> None:
        """Sort along an axis. Python's sort is stable, in reverse too."""
        at, orders = lines(a, axis), list[list[int]]()
        for line in at:
            keys = [sort_key(x) for x in load(elements(a), line, a.dtype)]
            orders.append(sorted(range(len(line)), key=keys.__getitem__, reverse=descending))
        if indices is not None:
            for order, to in zip(orders, lines(indices, axis), strict=True):
                store(order, elements(indices), to, indices.dtype)
        if values is not None:
            for line, order, to in zip(at, orders, lines(values, axis), strict=True):
                for i, place in zip(order, to, strict=True):
                    values.buffer[slot(values, place)] = a.buffer[slot(a, line[i])]

    def matmul(self, a: View, b: View, out: View) -> None:
        """Multiply each row with each column."""
        n = out.shape[-1]
        left, right, target = elements(a), elements(b), elements(out)
        rows = [load(left, line, a.dtype) for line in lines(a, len(a.shape) - 1)]
        columns = [load(right, line, b.dtype) for line in lines(b, len(b.shape) - 2)]
        for i, to in enumerate(lines(out, len(out.shape) - 1)):
            batch = i // out.shape[-2]
            products = (sum(map(operator.mul, rows[i], column)) for column in columns[batch * n : (batch + 1) * n])
            store(products, target, to, out.dtype)

    def gather(self, a: View, indices: View, axis: int, out: View) -> None:
        """Pick elements along an axis, as they are."""
        picked = self._indices(indices, axis, a.shape[axis])
        for line, index, to in zip(lines(a, axis), picked, lines(out, axis), strict=True):
            for i, place in zip(index, to, strict=True):
                out.buffer[slot(out, place)] = a.buffer[slot(a, line[i])]

    def scatter(self, op: str, a: View, indices: View, axis: int, out: View) -> None:
        """Put elements along an axis, as they are, or add them."""
        picked = self._indices(indices, axis, out.shape[axis])
        for line, index, to in zip(lines(a, axis), picked, lines(out, axis), strict=True):
            if op == "set":
                for i, place in zip(index, line, strict=True):
                    out.buffer[slot(out, to[i])] = a.buffer[slot(a, place)]
            else:
                sums = load(elements(out), to, out.dtype)
                for i, x in zip(index, load(elements(a), line, a.dtype), strict=True):
                    sums[i] += x
                store(sums, elements(out), to, out.dtype)  # rounded once, when all have been added

    def _indices(self, indices: View, axis: int, extent: int) -> list[list[int]]:
        """Return the indices of each line, all of them valid."""
        source = elements(indices)
        found = [load(source, line, indices.dtype) for line in lines(indices, axis)]
        for line in found:
            for i in line:
                if not -extent <= i < extent:
                    text = f"index out of range; got {i} along axis {axis}; expected in [{-extent}, {extent})"
                    raise IndexError(text)
        return found

    def random_bits(self, key: int, counter: int, out: View) -> None:
        """Write the words of Philox-4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers, SC 2011)."""
        n = out.shape[0]
        words = [word for block in range((n + 3) // 4) for word in philox(key, (counter + block) % 2**64)]
        write(words[:n], out)


def philox(key: int, counter: int) -> list[int]:
    """Return the four words of one block."""
    low = 0xFFFFFFFF
    a, b, c, d = counter & low, counter >> 32, 0, 0
    key_0, key_1 = key & low, key >> 32
    for _ in range(10):
        left, right = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = right >> 32 ^ b ^ key_0, right & low, left >> 32 ^ d ^ key_1, left & low
        key_0, key_1 = (key_0 + 0x9E3779B9) & low, (key_1 + 0xBB67AE85) & low
    return [a, b, c, d]
