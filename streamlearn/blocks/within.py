"""Context variables that have another value in a stretch of code."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, Token, copy_context
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")

_defaults: dict[ContextVar[Any], Any] = {}


def context_variable(name: str, default: Value) -> ContextVar[Value]:
    """Return a context variable that has its ``default`` inside `with_defaults`."""
    made = ContextVar(name, default=default)
    _defaults[made] = default
    return made


def with_defaults(function: Callable[[], None]) -> None:
    """Call a function in a context in which each `context_variable` has its default.

    A thread of a cluster that hands work to an event loop hands it the context, too. The next tasks
    of the worker then run in this context, and they belong to other fits.
    """
    context = copy_context()
    for each, default in _defaults.items():
        context.run(each.set, default)
    context.run(function)


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
