"""The only door to scikit-learn's private names: all other modules take them from here.

A release of scikit-learn may change or drop any of them. Each has a line that says what we use it
for and what would replace it, and a test in ``tests/test_sklearn_names.py``, which ``nox -s
tests-sklearn`` runs on the oldest scikit-learn that we support and on the newest.

What our classes inherit from scikit-learn's is not here, as nobody imports it: `_validate_params`,
`_parameter_constraints`, `_init_callback_context`, `_sklearn_output_config` and
`_sklearn_auto_wrap_output_keys`. It is tested there too.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any, NamedTuple

# The topics stay apart: ruff would sort all imports of a module together.
# isort: split
# Parameters of estimators.
from sklearn.utils._param_validation import (
    # We say with it which methods an estimator inside must have; a check in fit would replace it.
    HasMethods,
    # We say with it between which numbers a parameter lies; a check in fit would replace it.
    Interval,
    # We say with it which numbers a parameter may be; a check in fit would replace it.
    Options,
    # We say with it which strings a parameter may be; a check in fit would replace it.
    StrOptions,
)

# isort: split
# What is given to estimators.
from sklearn.utils import (
    # It takes rows of whatever users hand in; a case each for arrays, lists and frames would do.
    _safe_indexing,
)
from sklearn.utils.validation import (
    # It sets or checks feature_names_in_; validate_data with skip_check_array=True does it too.
    _check_feature_names,
    # It sets or checks n_features_in_, also without names; validate_data does it with the names.
    _check_n_features,
    # It checks the weights of rows in memory; our own check of a block's weights would replace it.
    _check_sample_weight,
    # It returns the names of a frame's columns; `_validation.tables.names_of` could replace it.
    _get_feature_names,
)

# isort: split
# What estimators answer.
from sklearn.utils._set_output import (
    # It tells which kind of frame a user asked for; reading the two settings would replace it.
    _get_output_config,
    # It makes that frame of an array; a frame made by pandas or polars would replace it.
    _wrap_data_with_container,
)
from sklearn.utils._sparse import (
    # It makes sparse coefficients arrays or matrices, as configured; a csr_array would replace it.
    _align_api_if_sparse,
)

# isort: split
# Fits.
from sklearn.base import (
    # It checks parameters before a fit and ends callbacks after it; with_callbacks does the latter.
    _fit_context,
)
from sklearn.utils._user_interface import (
    # It prints how long a fit took if it is verbose; a clock and a print would replace it.
    _print_elapsed_time,
)
from sklearn.utils.fixes import (
    # It leaves out options that the installed scipy warns of; it goes when we need scipy 1.15.
    _get_additional_lbfgs_options_dict,
)
from sklearn.utils.optimize import (
    # It warns if L-BFGS did not converge and counts iterations; a warning of ours would replace it.
    _check_optimize_result,
)

# isort: split
# Estimators that hold others.
from sklearn.model_selection._search import (
    # It tells that an estimator is a search; having a best_estimator_ would tell it too.
    BaseSearchCV,
)
from sklearn.utils._metadata_requests import (
    # They are the methods that metadata is routed to; a list of our own would replace them.
    METHODS,
)
from sklearn.utils.metadata_routing import (
    # It tells whether metadata is routed; the public get_config tells it too.
    _routing_enabled,
)
from sklearn.utils.validation import (
    # A method is there if the estimator inside has it; a function of three lines would replace it.
    _estimator_has,
    # It tells whether an estimator is fitted; the public check_is_fitted tells it by an error.
    _is_fitted,
)

# isort: split
# Scores.
from sklearn.utils.validation import (
    # It returns the method that a score is made of; getattr over the names would replace it.
    _check_response_method,
)

__all__ = [
    "METHODS",
    "NO_ROWS",
    "BaseSearchCV",
    "HasMethods",
    "Interval",
    "Made",
    "Options",
    "StrOptions",
    "_align_api_if_sparse",
    "_check_feature_names",
    "_check_n_features",
    "_check_optimize_result",
    "_check_response_method",
    "_check_sample_weight",
    "_estimator_has",
    "_fit_context",
    "_get_additional_lbfgs_options_dict",
    "_get_feature_names",
    "_get_output_config",
    "_is_fitted",
    "_print_elapsed_time",
    "_routing_enabled",
    "_safe_indexing",
    "_wrap_data_with_container",
    "add_route",
    "check_steps",
    "made_of",
    "routed_to_steps",
    "with_arguments",
]


# A check of our own would replace it.
def check_steps(pipe: Any) -> None:
    """Raise if the steps of a pipeline cannot follow one another."""
    pipe._validate_steps()


# The public process_routing would replace it where metadata is routed, names split at "__" else.
def routed_to_steps(pipe: Any, method: str, params: Mapping[str, Any]) -> Any:
    """Return for each step of a pipeline and each of its methods what ``params`` has for it."""
    return pipe._check_method_params(method=method, props=params)


# A router of our own, which says of all methods where they lead, would replace it.
def add_route(router: Any, name: str, method: str) -> None:
    """Let a router hand on the metadata of ``method`` to the same method of the object ``name``."""
    router._route_mappings[name].mapping.add(caller=method, callee=method)


# The modules of the public KNeighborsClassifier and DummyClassifier would replace it.
NO_ROWS = ("sklearn.neighbors._classification", "sklearn.dummy")
"""Modules whose scores let X be None, and are otherwise those of the class behind."""


class Made(NamedTuple):
    """What make_scorer made a scorer of; the metric is None of scorers that it did not make."""

    metric: Any = None
    arguments: Mapping[str, Any] = {}
    sign: int = 1
    response_method: Any = None


# Of the named scorers a table of our own would replace it.
def made_of(scorer: Any) -> Made:
    """Return what a scorer is made of."""
    if not hasattr(scorer, "_score_func"):
        return Made()
    return Made(scorer._score_func, scorer._kwargs, scorer._sign, scorer._response_method)


# The public make_scorer would replace it, but for the metadata that the scorer asks for.
def with_arguments(scorer: Any, **arguments: Any) -> Any:
    """Return a copy of a made scorer whose metric gets ``arguments``, unless it has them."""
    out = copy(scorer)
    out._kwargs = {**arguments, **scorer._kwargs}
    return out
