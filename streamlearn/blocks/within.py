"""A context variable that has another value in a stretch of code."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Within(Generic[Value]):
    """Give a context variable a value in the body of a ``with`` statement.

    It is a class, because a generator takes three times as long, and each fit has several.

    Parameters
    ----------
    variable : ContextVar
    value : object
    """

    def __init__(self, variable: ContextVar[Value], value: Value) -> None:
        self._variable, self._value = variable, value

    def __enter__(self) -> None:
        self._token: Token[Value] = self._variable.set(self._value)

    def __exit__(self, *_: object) -> None:
        self._variable.reset(self._token)
