"""All cases, family by family."""

from __future__ import annotations

from benchmarks.case import Case
from benchmarks.cases import dispatch, elementwise, matmul, reduce, rows

CASES: tuple[Case, ...] = tuple(
    case for family in (dispatch, elementwise, matmul, reduce, rows) for case in family.cases()
)
