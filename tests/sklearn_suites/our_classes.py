"""A plugin of pytest: scikit-learn's own tests take our classes for its own.

``test_their_tests.py`` runs them so. Defaults that differ are scikit-learn's, and
``batch_size=1``, as the tests were written for its algorithm. What is left is a table: a test of
theirs that ours is known to fail, each with the reason. One that passes is an error, and so is a
line of the table that is about no test.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import pytest
from sklearn.utils import get_tags

from streamlearn import (
    cluster,
    covariance,
    decomposition,
    discriminant_analysis,
    feature_extraction,
    feature_selection,
    impute,
    linear_model,
    mixture,
    naive_bayes,
    neighbors,
    neural_network,
    preprocessing,
)
from streamlearn.pipeline import pipeline

OURS = {
    "sklearn.linear_model": (linear_model, linear_model.__all__),
    "sklearn.naive_bayes": (naive_bayes, naive_bayes.__all__),
    "sklearn.neighbors": (neighbors, neighbors.__all__),
    "sklearn.discriminant_analysis": (discriminant_analysis, discriminant_analysis.__all__),
    "sklearn.covariance": (covariance, covariance.__all__),
    "sklearn.cluster": (cluster, cluster.__all__),
    "sklearn.mixture": (mixture, mixture.__all__),
    "sklearn.neural_network": (neural_network, neural_network.__all__),
    "sklearn.feature_selection": (feature_selection, feature_selection.__all__),
    "sklearn.feature_extraction": (feature_extraction, ["FeatureHasher"]),
    "sklearn.feature_extraction.text": (feature_extraction.text, feature_extraction.text.__all__),
    "sklearn.decomposition": (decomposition, decomposition.__all__),
    "sklearn.impute": (impute, impute.__all__),
    "sklearn.preprocessing": (preprocessing, preprocessing.__all__),
    "sklearn.pipeline": (pipeline, ["Pipeline", "make_pipeline"]),
}
NAMES = {name for _, names in OURS.values() for name in names}
WORDS = re.compile(rf"\b(Sparse)?({'|'.join(sorted(NAMES))})\b")

THEIRS = re.compile(
    r"BisectingKMeans|OneClassSVM|Multi[tT]ask|multi_?task"
    r"|LogisticRegressionCV|test_logistic_cv(_multinomial_score)?\[|RidgeClassifierCV"
)
"""Names and parameters of a test that make it one of a class that we have not."""

WHITENED = re.compile(r"test_pca_score\[.*\]")
"""Tests of two likelihoods that are equal here. Rounding decides which one is larger."""

SPARSE = re.compile(r"Sparse|sparse|(cs[rc]|coo|lil|bsr)")
"""Parameters that make a test one of sparse rows."""

ONE_PROCESS = "n_jobs is None, 1 or -1: all classes are columns of one matrix"
PRIVATE = "the test looks at what scikit-learn's fit is made of"
NEVER_CHANGED = "input is never changed, with copy=False neither"
KEPT = "the classes are not deprecated here"
SCHEDULE = "our pipeline has the parameter schedule in addition to scikit-learn's"
OWN_LABELS = "a class that is too small is named by its own label, not as scikit-learn encodes it"
ALL_ROWS = "all rows are used, and nothing is drawn that could be different each time"
OPTIMUM = "lambdas are nearer to the optimum than 1e-8, and scikit-learn's are not"
HALF = "half precision, which holds 3 digits, is answered in float64"
DENSE = "imputers take no sparse rows"
BOTH = "where only one of None and NaN is a category, it stands for both"
ROUNDED = (
    "a model is scored after each epoch and rounded there; tests/test_exact.py compares the fits"
)
FURTHER_LOSS = "one more loss has probabilities"
TASKS = "a fit has a task for each of its passes over the data, and one for each block"
NAMED = "the error also names the type of the sparse rows, and what to do"
SPARSE_TOO = (
    "rows of every kind and library are taken, where scikit-learn's solver cannot take them"
)
NO_OTHER = "rows of another library than those of fit are always an error"
NO_ITERATIONS = "the minimum is computed exactly, whatever the solver: nothing iterates"
OF_ROWS = "scores are the rows times the components, and singular values those of the approximation"
EVERY_INIT = "all init_params are for arrays of any library"
ANY_LIBRARY = "TruncatedSVD takes arrays of any library"
INSTEAD = "the error says what to do instead of naming the solver"
NOT_SQUARED = "the covariance of whitened components is that of rows, not with squared variances"
ALL_SUMS = "n_components may change between calls of partial_fit, because all sums are kept"
AFTER_AN_ERROR = "a fit that ends with an error leaves the model as it was"
OWN_WORDS = "labels that are not in classes are named in words of all our classifiers"
OF_SUMS_ONLY = "scores are functions of sums: r2 and the mean squared error"
LAST_STEP = "a step follows the read that shows a small gradient, also after a warm start"
OF_SUMS = "a covariance_estimator is one of ours, whose sums merge, and the error says so"
INFINITE = "infinity is an error, also for models that take NaN"
FURTHER = "our LinearRegression has partial_fit"
EXACT_L1 = "the minimum is computed exactly, so that no gap is left and no sweep is missing"
ONE_STEP = "all solvers are the same Newton steps, and a warning says what to do"
ELKAN = "algorithm='elkan' runs Lloyd's algorithm, which makes sense for one cluster, too"
ONE_LABEL = "several labels a row are not supported"

DIFFERENT = {
    "test_sgd": {
        r"test_sgd_multiclass_njobs\[.*\]": ONE_PROCESS,
        "test_multi_thread_multi_class_and_early_stopping": ONE_PROCESS,
        r"test_sgd_predict_proba_method_access\[.*\]": FURTHER_LOSS,
        "test_validation_mask_correctly_subsets": PRIVATE,
        r"test_validation_set_not_used_for_training\[.*\]": ROUNDED,
    },
    "test_perceptron": {},
    "test_base": {
        "test_raises_value_error_if_positive_and_sparse": SPARSE_TOO,
        r"test_inplace_data_preprocessing\[.*-None\]": NEVER_CHANGED,
        "test_array_api_move_estimator_to": NO_OTHER,
    },
    "test_ridge": {
        r"test_ridge_fit_intercept_sparse_(error|sag)\[.*\]": SPARSE_TOO,
        "test_n_iter": NO_ITERATIONS,
        "test_lbfgs_solver_error": NO_ITERATIONS,
        "test_ridge_loo_cv_asym_scoring": OF_SUMS_ONLY,
        r"test_ridge_cv_custom_multioutput_scorer\[.*\]": OF_SUMS_ONLY,
        r"test_ridgecv_store_cv_results\[_mean.*\]": OF_SUMS_ONLY,
        "test_ridgecv_sample_weight": "weights also weigh the rows that a fold is scored on",
        r"test_ridge_cv_results_predictions\[2-.*-no_intercept-with_sw-wide\]": (
            "one of 100 predictions of a model that interpolates differs by 2e-6"
        ),
        r"test_ridgeclassifier_multilabel\[RidgeClassifier-.*\]": ONE_LABEL,
        r"test_ridge_classifier_multilabel_array_api\[(numpy|array_api_strict|torch-cpu)-.*0\]": (
            ONE_LABEL
        ),
        r"test_array_api_error_and_warnings_for_solver_parameter\[(torch|array_api_strict)\]": (
            SPARSE_TOO
        ),
    },
    "test_coordinate_descent": {
        "test_enet_nonfinite_params": "numbers whose squares overflow are summed in larger units",
        "test_lasso_dual_gap": EXACT_L1,
        "test_lasso_alpha_warning": NO_ITERATIONS,
        "test_check_input_false": "input is always checked",
        "test_enet_copy_X_False_check_input_False": NEVER_CHANGED,
        r"test_enet_coordinate_descent_raises_convergence\[Lasso-.*\]": EXACT_L1,
        r"test_sparse_input_convergence_warning\[.*\]": EXACT_L1,
        r"test_lassoCV_does_not_set_precompute\[.*\]": PRIVATE,
        r"test_linear_models_cv_fit_with_loky\[.*\]": "n_jobs is None, 1 or -1: there is one read",
        r"test_cv_estimators_reject_params_with_no_routing_enabled\[.*\]": (
            "other arguments of fit are a TypeError"
        ),
    },
    "test_logistic": {
        r"test_dtype_match\[.*-liblinear\]": "float32 stays float32 with liblinear, too",
        r"test_large_sparse_matrix\[.*-(sag|saga|liblinear)\]": SPARSE_TOO,
        r"test_liblinear_dual_random_state\[.*\]": ALL_ROWS,
        "test_liblinear_with_large_values": "numbers above 1e30 do no harm",
        r"test_logistic_regression_callback_support\[(?!0).*\]": TASKS,
        "test_logistic_regression_callback_support_warning": TASKS,
        r"test_logreg_predict_proba_multinomial\[.*\]": PRIVATE,
        r"test_max_iter\[.*-(newton-cg|sag|saga|lbfgs)-.*-max_iter3\]": ONE_STEP,
        "test_multinomial_logistic_regression_string_inputs": (
            "a class whose rows have no weight is an error, because its intercept is infinite"
        ),
        "test_newton_cholesky_fallback_to_lbfgs": ONE_STEP,
        r"test_warm_start_newton_solver\[inf-True-.*\]": (
            "a step that made the loss larger is taken again, and another fit does not know it"
        ),
    },
    "test_glm": {
        r"test_glm_wrong_y_range\[.*\]": INSTEAD,
        r"test_linalg_warning_with_newton_solver\[.*\]": ONE_STEP,
        r"test_tweedie_link_argument\[.*\]": PRIVATE,
        r"test_tweedie_link_auto\[.*\]": PRIVATE,
    },
    "test_covariance": {},
    "test_huber": {"test_huber_warm_start": LAST_STEP},
    "test_naive_bayes": {
        "test_gnb": OWN_WORDS,
        "test_gnb_check_update_with_no_data": PRIVATE,
        r"test_discretenb_provide_prior\[.*\]": AFTER_AN_ERROR,
        "test_alpha_vector": PRIVATE,
        "test_check_alpha": PRIVATE,
    },
    "test_nearest_centroid": {},
    "test_discriminant_analysis": {
        "test_lda_ledoitwolf": OF_SUMS,
        r"test_qda_ledoitwolf\[.*\]": OF_SUMS,
    },
    "test_variance_threshold": {},
    "test_chi2": {},
    "test_mutual_info": {
        r"test_mutual_info_classif_mixed\[.*\]": "there are no neighbours to count",
        r"test_mutual_info_options\[.*\]": "a feature of few values is exact, discrete or not",
    },
    "test_feature_select": {"test_scorefunc_multilabel": ONE_LABEL},
    "test_from_model": {
        "test_from_model_estimator_attribute_error": FURTHER,
        "test_transform_accepts_nan_inf": INFINITE,
    },
    "test_text": {
        "test_tfidf_vectorizer_setters": PRIVATE,
        "test_tfidfvectorizer_export_idf": PRIVATE,
        r"test_tfidf_transformer_copy\[.*\]": NEVER_CHANGED,
    },
    "test_feature_hasher": {},
    "test_passive_aggressive": {r"test_class_deprecation\[.*\]": KEPT},
    "test_k_means": {
        "test_warning_elkan_1_cluster": ELKAN,
        r"test_sample_weight_init\[.*\]": PRIVATE,
        r"test_sample_weight_zero\[.*\]": PRIVATE,
    },
    "test_gaussian_mixture": {
        r"test_gaussian_mixture_precisions_init\[.*\]": PRIVATE,
        r"test_gaussian_mixture_all_init_does_not_estimate_gaussian_parameters.*": PRIVATE,
        r"test_gaussian_mixture_raises_where_array_api_not_implemented\[.*\]": EVERY_INIT,
        r"test_score\[float32\]": "sums of float32 scores are in float64",
    },
    "test_mixture": {},
    "test_pca": {
        r"test_sparse_pca_solver_error\[.*-(full|randomized)\]": SPARSE_TOO,
        r"test_pca_explained_variance_empirical\[randomized-random-tall\]": OF_ROWS,
        r"test_pca_singular_values\[randomized\]": OF_ROWS,
        r"test_pca_svd_solver_auto\[.*\]": PRIVATE,
        "test_array_api_error_and_warnings_on_unsupported_params": INSTEAD,
    },
    "test_incremental_pca": {
        r"test_incremental_pca_sparse\[.*\]": SPARSE_TOO,
        "test_incremental_pca_validation": INSTEAD,
        "test_incremental_pca_set_params": ALL_SUMS,
    },
    "test_truncated_svd": {
        r"test_too_many_components\[arpack-55\]": "as many components as features can be found",
    },
    "test_mlp": {
        "test_gradient": PRIVATE,
        "test_early_stopping_stratified": OWN_LABELS,
    },
    "test_data": {
        r"test_standard_scaler_dtype\[.*-None\]": HALF,
        "test_scaler_2d_arrays": NEVER_CHANGED,
        "test_quantile_transform_subsampling": ALL_ROWS,
        r"test_normalizer_l1_l2_max\[.*\]": NEVER_CHANGED,
        r"test_binarizer\[(array|cs).*\]": NEVER_CHANGED,
        r"test_power_transformer_copy_False\[.*\]": NEVER_CHANGED,
        "test_power_transformer_2d": OPTIMUM,
        r"test_standard_scaler_callback_support\[.*\]": TASKS,
    },
    "test_discretization": {},
    "test_polynomial": {
        r"test_spline_transformer_get_base_knot_positions\[.*\]": PRIVATE,
        r"test_num_combinations\[.*\]": PRIVATE,
        r"test_csr_polynomial_expansion_index_overflow.*\[.*\]": PRIVATE,
    },
    "test_impute": {
        "test_imputation_copy": NEVER_CHANGED,
        "test_imputation_pipeline_grid_search": DENSE,
        "test_simple_imputer_constant_fill_value_casting": PRIVATE,
    },
    "test_encoders": {
        r"test_ordinal_encoder_sparse\[.*\]": NAMED,
        r"test_one_hot_encoder_specified_categories\[object-None-and-nan-.*\]": BOTH,
    },
    "test_target_encoder": {},
    "test_label": {},
    "test_function_transformer": {},
    "test_pipeline": {
        "test_pipeline_raise_set_params_error": SCHEDULE,
        r"test_set_pipeline_step_passthrough\[.*\]": SCHEDULE,
        "test_pipeline_with_callbacks": TASKS,
        "test_pipeline_with_callbacks_on_steps": TASKS,
        "test_pipeline_memory_callbacks_second_fit_same_pipeline": TASKS,
        "test_feature_union_array_api_support_tag": ANY_LIBRARY,
    },
}
"""Tests that ours is known to fail, by file and pattern of the name."""

SLOW = {
    "test_SGDClassifier_fit_for_all_backends": "20 classes row by row, to compare with n_jobs=4",
    "test_multi_core_gridsearch_and_early_stopping": "processes that are started to search",
}
"""Tests that are left out, and why they take long."""


NO_DRAWS = {"n_neighbors", "copy", "random_state", "n_jobs"}
"""Parameters of scikit-learn's mutual information that ours has not."""


def without(names: set[str], function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that leaves out some keywords, of which other tests are not about."""

    @wraps(function)
    def called(*args: Any, **how: Any) -> Any:
        return function(*args, **{key: value for key, value in how.items() if key not in names})

    return called


def substitute() -> None:
    """Put our classes where scikit-learn's are imported from, with its defaults."""
    for place, (module, names) in OURS.items():
        there = importlib.import_module(place)
        for name in filter(partial(hasattr, there), names):
            ours, theirs = getattr(module, name), getattr(there, name)
            if inspect.isclass(ours):
                defaults = getattr(ours.__init__, "__kwdefaults__", None) or {}
                known = inspect.signature(theirs).parameters
                defaults.update({key: known[key].default for key in defaults if key in known})
                if hasattr(theirs, "_get_loss"):  # tests ask models for the loss to compare with
                    ours._get_loss = theirs._get_loss
                if "learning_rate" in defaults and "batch_size" not in known:
                    defaults["batch_size"] = 1
            setattr(there, name, without(NO_DRAWS, ours) if name.startswith("mutual_") else ours)


def pytest_configure() -> None:
    """Substitute where this is a plugin, not wherever it is imported, as to look for doctests."""
    substitute()


def is_about_ours(item: pytest.Function) -> bool:
    """Tell whether a test names one of our classes, and its parameters no other."""
    said = inspect.getsource(item.function) + repr(vars(item).get("callspec", ""))
    return WORDS.search(said) is not None and THEIRS.search(item.name) is None


def is_for_sparse_rows(item: pytest.Function) -> bool:
    """Return whether a test is of sparse rows for imputers, whose tags say that they take none."""
    parameters = item.name.removeprefix(item.originalname)
    return (
        item.path.stem == "test_impute"
        and not get_tags(impute.SimpleImputer()).input_tags.sparse
        and SPARSE.search(parameters) is not None
    )


def left_out(item: pytest.Function) -> str | None:
    """Return why a test of our classes does not run, or None if it does."""
    if item.originalname in SLOW:
        return SLOW[item.originalname]
    if is_for_sparse_rows(item):
        return DENSE
    return NOT_SQUARED if item.path.stem == "test_pca" and WHITENED.match(item.name) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out other tests, and mark those that ours is known to fail."""
    chosen, left = [], []
    unused = {(item.path.stem, name) for item in items for name in DIFFERENT[item.path.stem]}
    for item in items:
        assert isinstance(item, pytest.Function)
        if not is_about_ours(item) or left_out(item):
            left.append(item)
            continue
        chosen.append(item)
        for pattern, reason in DIFFERENT[item.path.stem].items():
            if re.fullmatch(pattern, item.name):
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
                unused.discard((item.path.stem, pattern))
    if unused:
        raise pytest.UsageError(f"no test is called so any more: {sorted(unused)}")
    config.hook.pytest_deselected(items=left)
    items[:] = chosen
