"""Transformations whose results are frames, because ``set_output`` asks for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sklearn import config_context, get_config

from streamlearn._arrays import to_numpy
from streamlearn._arrays.sparse import is_sparse
from streamlearn._sklearn import _get_output_config, _wrap_data_with_container


@dataclass(frozen=True, eq=False)
class Framed:
    """A transformation of blocks to frames, for ``set_output``.

    Attributes
    ----------
    function : callable
    fitted : object
        The fitted transformer, which names the columns.
    config : dict
        scikit-learn's configuration in the thread that makes this object. Tasks run in other
        threads.
    """

    function: Callable[..., Any]
    fitted: Any
    config: dict[str, Any] = field(default_factory=get_config)

    whole = True

    def __call__(self, X: Any) -> Any:
        """Return the transformed rows of X in a frame."""
        rows = self.function(X)
        rows = rows if is_sparse(rows) or hasattr(rows, "iloc") else to_numpy(rows)
        with config_context(**self.config):
            return _wrap_data_with_container("transform", rows, X, self.fitted)


def framed_if_asked(
    function: Callable[..., Any], estimator: Any, fitted: Callable[[], Any]
) -> Callable[..., Any]:
    """Return a transformation whose results are frames, if ``set_output`` of an estimator asks.

    ``fitted`` returns the fitted estimator, which names the columns.
    """
    wanted = _get_output_config("transform", estimator)["dense"]
    return function if wanted == "default" else Framed(function, fitted())
