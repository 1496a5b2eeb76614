"""A plugin of pytest: scikit-learn's own tests of metrics take our functions for its own.

``test_their_tests.py`` runs them so. What is left are two tables. In the tests of `OTHER_WORDS`
errors and warnings are of the same types, and their words are not compared. `DIFFERENT` has the
tests that ours are known to fail, each with the reason. One that passes is an error, and so is a
line of a table that is about no test.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from functools import partial, wraps
from typing import Any

import pytest

from streamlearn import metrics

PLACES = ("sklearn.metrics", "sklearn.metrics.cluster", "sklearn.calibration")
"""Where the tests import metrics from."""

NAMES = sorted(name for name in metrics.__all__ if not inspect.isclass(getattr(metrics, name)))
WORDS = re.compile("|".join({*NAMES} - {"compute"}))

OTHER_WORDS = {
    "metrics/test_common": {
        "test_binary_sample_weight_invariance",
        "test_classification_binary_continuous_input",
        "test_classification_inf_nan_input",
        "test_classification_metrics_raise_on_empty_input",
        "test_classification_with_invalid_sample_weight",
        "test_metrics_consistent_type_error",
        "test_metrics_pos_label_error_str",
        "test_multiclass_sample_weight_invariance",
        "test_multilabel_sample_weight_invariance",
        "test_multioutput_sample_weight_invariance",
        "test_regression_sample_weight_invariance",
        "test_regression_with_invalid_sample_weight",
    },
    "metrics/test_classification": {
        "test_average_precision_score_non_binary_class",
        "test_brier_score_loss_invalid_inputs",
        "test_brier_score_loss_warnings",
        "test_hinge_loss_multiclass_missing_labels_with_labels_none",
        "test_hinge_loss_multiclass_no_consistent_pred_decision_shape",
        "test_log_loss",
        "test_log_loss_not_probabilities_warning",
        "test_log_loss_warnings",
    },
    "metrics/test_ranking": {
        "test_average_precision_score_multiclass_pos_label_errors",
        "test_average_precision_score_multilabel_pos_label_errors",
        "test_multiclass_ranking_metrics_raise_for_incorrect_shape_of_y_score",
        "test_roc_auc_score_multiclass_error",
        "test_roc_auc_score_multiclass_labels_error",
        "test_top_k_accuracy_score_error",
    },
    "metrics/test_regression": {
        "test_regression_metrics_at_limits",
    },
    "cluster/test_supervised": {
        "test_error_messages_on_wrong_input",
    },
}
"""Tests of errors that say the same in other words: which block, and what to do. By file."""

BY_ROW = "average='samples' of scores needs the order of the labels of each row"
ONE_CLASS = "probabilities are those of one class for each row, and not of several labels"
SPARSE = "metrics take no sparse labels"
NUMPY = "results are NumPy's, also of arrays of another library"
FLOATS = "weights are floats"
FORMER = "there are no former names of parameters"
BYTES = "labels that are bytes are a TypeError"
DRAWN = "the same seed draws other rows"
EMPTY = "so there is no score"

DIFFERENT = {
    "metrics/test_common": {
        "test_sample_order_invariance_multilabel_and_multioutput": BY_ROW,
        r"test_averaging_multilabel\[(average_precision_score|partial_roc_auc|roc_auc_score)\]": (
            BY_ROW
        ),
        r"test_(multi|continuous_)\w+_invariance\[samples_(average_precision_score|roc_auc)\]": (
            BY_ROW
        ),
        r"test_(multilabel_sample_weight|continuous_multilabel_multioutput_permutations)"
        r"_invariance\[(brier_score_loss|d2_brier_score|(unnormalized_)?log_loss|"
        r"d2_log_loss_score)\]": ONE_CLASS,
        r"test_array_api_compliance\[.*_multilabel_continuous_classification_metric-.*\]": (
            ONE_CLASS
        ),
        r"test_multilabel_representation_invariance\[.*\]": SPARSE,
    },
    "metrics/test_classification": {
        "test_confusion_matrix_dtype": FLOATS,
        "test_log_loss_y_pred_deprecation": FORMER,
        "test_brier_score_loss_binary": ONE_CLASS,
        r"test_confusion_matrix_array_api\[(array_api_strict|torch).*\]": NUMPY,
    },
    "metrics/test_ranking": {
        "test_roc_curve_toydata": BY_ROW,
        r"test_precision_recall_curve_toydata\[.*\]": BY_ROW,
        r"test_confusion_matrix_at_thresholds_implicit_bytes_pos_label\[.*-(roc|pre\w+)_curve\]": (
            BYTES
        ),
    },
    "cluster/test_supervised": {
        r"test_perfect_matches\[.*\]": EMPTY,
        r"test_perfect_matches_with_changing_means\[.*\]": EMPTY,
    },
    "cluster/test_unsupervised": {
        r"test_silhouette\[half-.*\]": DRAWN,
    },
}
"""Tests that ours are known to fail, by file and pattern of the name."""

_replaced: dict[tuple[str, str], Any] = {}


def pytest_configure() -> None:
    """Put our functions where the tests import them from."""
    for place in PLACES:
        module = importlib.import_module(place)
        for name in filter(partial(hasattr, module), NAMES):
            _replaced[place, name] = getattr(module, name)
            setattr(module, name, getattr(metrics, name))


def pytest_collection_finish() -> None:
    """Put scikit-learn's functions back, which ours call."""
    for (place, name), function in _replaced.items():
        setattr(importlib.import_module(place), name, function)


def _file(item: pytest.Item) -> str:
    return f"{item.path.parents[1].name}/{item.path.stem}"


def _other_words(item: pytest.Item) -> set[str]:
    return OTHER_WORDS.get(_file(item), set())


def is_about_ours(item: pytest.Function) -> bool:
    """Tell whether a test names one of our functions, or loops over tables of all metrics."""
    said = inspect.getsource(item.function)
    parameters = repr(vars(item).get("callspec", ""))
    in_a_loop = "_METRICS:" in said or "in ALL_METRICS" in said
    return in_a_loop or WORDS.search(said + parameters) is not None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out other tests, and mark those that ours are known to fail."""
    chosen, left = [], []
    unused = {(_file(item), name) for item in items for name in DIFFERENT.get(_file(item), {})}
    unused |= {(_file(item), name) for item in items for name in _other_words(item)}
    for item in items:
        assert isinstance(item, pytest.Function)
        if not is_about_ours(item):
            left.append(item)
            continue
        chosen.append(item)
        unused.discard((_file(item), item.originalname))
        for pattern, reason in DIFFERENT.get(_file(item), {}).items():
            if re.fullmatch(pattern, item.name):
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
                unused.discard((_file(item), pattern))
    if unused:
        raise pytest.UsageError(f"no test is called so any more: {sorted(unused)}")
    config.hook.pytest_deselected(items=left)
    items[:] = chosen


def in_any_words(check: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``pytest.raises`` or ``pytest.warns`` without the comparison of the words."""

    @wraps(check)
    def without_match(*expected: Any, match: Any = None, **how: Any) -> Any:
        assert match is None or isinstance(match, str | re.Pattern)
        return check(*expected, **how)

    return without_match


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Iterator[None]:
    """Run a test, and do not compare the words of errors if it is in the table of these."""
    with pytest.MonkeyPatch.context() as patch:
        if item.originalname in _other_words(item):
            for name in ("raises", "warns"):
                patch.setattr(pytest, name, in_any_words(getattr(pytest, name)))
        return (yield)
