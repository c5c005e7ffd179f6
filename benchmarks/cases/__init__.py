"""All cases, family by family."""

from __future__ import annotations

from benchmarks.case import Case
from benchmarks.cases import conv, dispatch, elementwise, images, matmul, reduce, rows, sequences, train

FAMILIES = dispatch, elementwise, matmul, reduce, rows, sequences, conv, images, train

CASES: tuple[Case, ...] = tuple(case for family in FAMILIES for case in family.cases())
