"""What a value is, in words that can be compared: numbers, types, and checksums of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from numbers import Number
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import Any
from zlib import crc32

import numpy as np

from streamlearn._arrays import is_array, to_numpy


def fingerprint(value: Any, name: str = "", *, learned: bool = False) -> dict[str, str]:
    """Return words for all numbers, texts and arrays in a value, by their names.

    Estimators count by their parameters, because a fit forgets what they had learned. With
    ``learned``, what they have learned counts, too. It always does for frozen estimators, and for
    those that another one takes as they are (``prefit=True``). Functions count by their names, and
    those of the user by their code, too. Objects that are neither data nor estimators count by
    their type only. The words are the same in every process with the same version of Python.

    Examples
    --------
    >>> fingerprint({"alpha": 0.1, "penalty": "l2"}, "params")
    {'params.alpha': '0.1', 'params.penalty': "'l2'"}
    """
    inside: dict[Any, Any]
    if isinstance(value, np.random.RandomState):
        return fingerprint(value.get_state(legacy=False), name)
    if hasattr(value, "get_params") and not isinstance(value, type):
        learned = learned or _is_frozen(value)
        inside = vars(value) if learned else value.get_params(deep=False)
        learned = learned or _is_prefit(inside)
        inside = {"type": type(value), **inside}
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        inside = dict(zip(value._fields, value, strict=True))
    elif is_dataclass(value) and not isinstance(value, type):
        inside = {field.name: getattr(value, field.name) for field in fields(value)}
    elif isinstance(value, Mapping):
        inside = dict(value)
    elif isinstance(value, list | tuple):
        inside = dict(enumerate(value))
    elif isinstance(value, partial):
        inside = {"function": value.func, "args": value.args, **value.keywords}
    elif isinstance(value, MethodType):
        inside = {"function": value.__func__, "self": value.__self__}
    else:
        return {name: _words(value)}
    found: dict[str, str] = {}
    for key, each in inside.items():
        found |= fingerprint(each, f"{name}.{key}" if name else str(key), learned=learned)
    return found


def _is_frozen(estimator: Any) -> bool:
    """Return whether an estimator keeps what it has learned: it is a clone of itself."""
    own = getattr(estimator, "__sklearn_clone__", None)
    return own is not None and own() is estimator


def _is_prefit(parameters: Mapping[str, Any]) -> bool:
    """Return whether an estimator takes those in its parameters with what they have learned."""
    cv = parameters.get("cv")
    return bool(parameters.get("prefit")) or (isinstance(cv, str) and cv == "prefit")


def _words(value: Any) -> str:
    if value is None or isinstance(value, Number | str | bytes | np.generic | slice):
        return repr(value)
    if isinstance(value, type | FunctionType | BuiltinFunctionType):
        name = f"{value.__module__}.{value.__qualname__}"
        if isinstance(value, FunctionType) and not name.startswith("streamlearn."):
            return f"{name}, checksum {_checksum_of_code(value):08x}"
        return name  # the version says what our own functions do
    if isinstance(value, np.ufunc):
        return f"numpy.{value.__name__}"
    if isinstance(value, set | frozenset):
        return repr(sorted(map(repr, value)))
    return _words_of_array(to_numpy(value)) if is_array(value) else type(value).__name__


def _checksum_of_code(function: FunctionType) -> int:
    """Return a checksum of what a function does: its code, its defaults and what it encloses.

    What it calls counts by name. Functions that it encloses count without what they enclose, which
    may be this function again.
    """
    cells = [cell.cell_contents for cell in function.__closure__ or () if _has_content(cell)]
    around = [_parts_of(c.__code__) if isinstance(c, FunctionType) else _words(c) for c in cells]
    defaults = function.__defaults__, function.__kwdefaults__
    return crc32(repr(fingerprint((_parts_of(function.__code__), defaults, around))).encode())


def _parts_of(code: CodeType) -> tuple[Any, ...]:
    constants = [_parts_of(c) if isinstance(c, CodeType) else c for c in code.co_consts]
    return code.co_code, code.co_names, code.co_varnames, constants


def _has_content(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:  # the variable has no value yet
        return False


def _words_of_array(array: Any) -> str:
    return f"{array.dtype} of shape {array.shape}, checksum {checksum(array):08x}"


def checksum(x: Any, start: int = 0) -> int:
    """Return a checksum of the values of an array, a sparse array, a frame or a column."""
    if hasattr(x, "tocsr"):
        x = x.tocsr()
        for part in (x.data, x.indices, x.indptr):
            start = checksum(part, start)
        return start
    if hasattr(x, "columns"):
        for at, name in enumerate(x.columns):
            column = x.iloc[:, at] if hasattr(x, "iloc") else x[name]
            start = checksum(column, crc32(str(name).encode(), start))
        return start
    array = to_numpy(x) if is_array(x) else np.asarray(x)
    if array.dtype.kind in "OT":
        return crc32("\x1f".join(map(repr, array.ravel().tolist())).encode(), start)
    return crc32(np.ascontiguousarray(array).view(np.uint8).data, start) if array.size else start
