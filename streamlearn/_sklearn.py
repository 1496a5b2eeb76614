"""scikit-learn's private names. All other modules import them from here.

A release of scikit-learn may change or drop any of them. Each name has a comment that says what we
use it for and what would replace it. Each has a test in ``tests/test_sklearn_names.py``, which
``nox -s tests-sklearn`` runs on the oldest scikit-learn that we support and on the newest.

Private names that our classes inherit are not here, because nobody imports them:
`_validate_params`, `_parameter_constraints`, `_init_callback_context`, `_sklearn_output_config` and
`_sklearn_auto_wrap_output_keys`. Vectorizers of text inherit `_check_params` and `_stop_words_id`.
`streamlearn._estimator.callbacks` reads attributes that
scikit-learn sets for callbacks: `_skl_callbacks`, `_skl_callbacks_to_teardown`, `_callback_fit_ctx`
and `_parent_callback_ctx`. Attributes that `streamlearn._thirdparty.row_loop` sets are not here
either: `loss_functions`, `_standard_coef`, `_standard_intercept`, `_average_coef` and
`_average_intercept`. The same file tests all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

# The topics stay apart: ruff would sort all imports of a module together.
# isort: split
# Parameters of estimators.
from sklearn.utils._param_validation import (
    # It checks which methods an inner estimator has. A check in fit would replace it.
    HasMethods,
    # It checks between which numbers a parameter lies. A check in fit would replace it.
    Interval,
    # It checks which numbers a parameter may be. A check in fit would replace it.
    Options,
    # It checks which strings a parameter may be. A check in fit would replace it.
    StrOptions,
)

# isort: split
# Inputs of estimators.
from sklearn.utils import (
    # It takes rows of any container. One case each for arrays, lists and frames would replace it.
    _safe_indexing,
)
from sklearn.utils.validation import (
    # It sets or checks feature_names_in_. validate_data with skip_check_array=True does it too.
    _check_feature_names,
    # It sets or checks n_features_in_, also without names. validate_data does it with the names.
    _check_n_features,
    # It checks the weights of rows in memory. Our own check of a block's weights would replace it.
    _check_sample_weight,
    # It returns the names of a frame's columns. `_validation.tables.names_of` could replace it.
    _get_feature_names,
)

# isort: split
# Outputs of estimators.
from sklearn.utils._set_output import (
    # It returns which kind of frame a user asked for. Reading the two settings would replace it.
    _get_output_config,
    # It makes that frame from an array. A frame made by pandas or polars would replace it.
    _wrap_data_with_container,
)
from sklearn.utils._sparse import (
    # It makes sparse coefficients arrays or matrices, as configured. A csr_array would replace it.
    _align_api_if_sparse,
)

# isort: split
# Fits.
from sklearn.utils._user_interface import (
    # It prints how long a verbose fit took. A clock and a print would replace it.
    _print_elapsed_time,
)
from sklearn.utils.fixes import (
    # It leaves out options that the installed scipy warns of. It goes when we need scipy 1.15.
    _get_additional_lbfgs_options_dict,
)
from sklearn.utils.optimize import (
    # It warns if L-BFGS did not converge and counts iterations. A warning of ours would replace it.
    _check_optimize_result,
)

# isort: split
# Estimators that hold others.
from sklearn.model_selection._search import (
    # It is the base class of searches. The attribute best_estimator_ would also show a search.
    BaseSearchCV,
)
from sklearn.utils._metadata_requests import (
    # They are the methods that metadata is routed to. A list of our own would replace them.
    METHODS,
)
from sklearn.utils.metadata_routing import (
    # It refuses metadata that is not routed. An error of our own would replace it.
    _raise_for_params,
    # It returns whether metadata is routed. The public get_config returns it too.
    _routing_enabled,
)
from sklearn.utils.validation import (
    # A method exists if the inner estimator has it. A function of three lines would replace it.
    _estimator_has,
    # It returns whether an estimator is fitted. The public check_is_fitted raises if it is not.
    _is_fitted,
)

# isort: split
# Splits.
from sklearn.model_selection._split import (
    # It returns the numbers of rows of two parts. Arithmetic and checks of ours would replace it.
    _validate_shuffle_split,
)

# isort: split
# Scores.
from sklearn.utils.validation import (
    # It returns the method that a score is made from. getattr over the names would replace it.
    _check_response_method,
)

# isort: split
# Parts of fitted estimators that are no arrays.
from sklearn._loss import (
    # It has losses of SGDClassifier and SGDRegressor, see LOSSES.
    _loss,
)
from sklearn.linear_model import (
    # It has the others.
    _sgd_fast,
)
from sklearn.neural_network import (
    # It has what MLPClassifier and MLPRegressor learn with, see OPTIMIZERS.
    _stochastic_optimizers,
)

__all__ = [
    "LOSSES",
    "METHODS",
    "NO_ROWS",
    "OPTIMIZERS",
    "BaseSearchCV",
    "HasMethods",
    "Interval",
    "Options",
    "ScorerArguments",
    "StrOptions",
    "_align_api_if_sparse",
    "_check_feature_names",
    "_check_n_features",
    "_check_optimize_result",
    "_check_response_method",
    "_check_sample_weight",
    "_estimator_has",
    "_get_additional_lbfgs_options_dict",
    "_get_feature_names",
    "_get_output_config",
    "_is_fitted",
    "_print_elapsed_time",
    "_raise_for_params",
    "_routing_enabled",
    "_safe_indexing",
    "_validate_shuffle_split",
    "_wrap_data_with_container",
    "add_route",
    "check_steps",
    "routed_to_steps",
    "scorer_arguments",
]


# skops, which knows them too, would replace both for estimators that are saved without pickle.
LOSSES = (
    *(_loss.CyHalfBinomialLoss, _loss.CyHalfSquaredError, _loss.CyHuberLoss),
    *(_sgd_fast.Hinge, _sgd_fast.ModifiedHuber, _sgd_fast.SquaredHinge),
    *(_sgd_fast.EpsilonInsensitive, _sgd_fast.SquaredEpsilonInsensitive),
)
"""The losses of fitted SGDClassifier and SGDRegressor. They are made of at most one number."""

OPTIMIZERS = (_stochastic_optimizers.AdamOptimizer, _stochastic_optimizers.SGDOptimizer)
"""The optimizers of fitted MLPClassifier and MLPRegressor. Their attributes are arrays."""


# A check of our own would replace it.
def check_steps(pipe: Any) -> None:
    """Raise if the steps of a pipeline cannot follow one another."""
    pipe._validate_steps()


# The public process_routing would replace it if metadata is routed, names split at "__" if not.
def routed_to_steps(pipe: Any, method: str, params: Mapping[str, Any]) -> Any:
    """Return the arguments in ``params`` for each step of a pipeline and each of its methods."""
    return pipe._check_method_params(method=method, props=params)


# A router of our own, which maps all methods, would replace it.
def add_route(router: Any, name: str, method: str) -> None:
    """Let a router pass the metadata of ``method`` to the same method of the object ``name``."""
    router._route_mappings[name].mapping.add(caller=method, callee=method)


# The modules of the public KNeighborsClassifier and DummyClassifier would replace it.
NO_ROWS = ("sklearn.neighbors._classification", "sklearn.dummy")
"""Modules whose scores accept X=None, and are otherwise the scores of the base class."""


class ScorerArguments(NamedTuple):
    """The arguments of make_scorer for a scorer. The metric is None for any other scorer."""

    metric: Any = None
    arguments: Mapping[str, Any] = {}
    sign: int = 1
    response_method: Any = None


# A table of our own would replace it for the named scorers.
def scorer_arguments(scorer: Any) -> ScorerArguments:
    """Return the arguments that a scorer was made with."""
    if not hasattr(scorer, "_score_func"):
        return ScorerArguments()
    return ScorerArguments(
        scorer._score_func, scorer._kwargs, scorer._sign, scorer._response_method
    )
