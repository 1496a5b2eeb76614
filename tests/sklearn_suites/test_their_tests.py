"""scikit-learn's own tests of the classes and metrics that ours are named after, run on ours.

They come with scikit-learn. `tests.sklearn_suites.our_classes` and `our_metrics` put ours in their
place, and list what is different and why.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sklearn

from tests.sklearn_suites.running import EVERY_LIBRARY, run

pytestmark = pytest.mark.complete

FILES = {
    "linear models": (
        "linear_model/tests/test_sgd.py",
        "linear_model/tests/test_perceptron.py",
        "linear_model/tests/test_passive_aggressive.py",
    ),
    "least squares": (
        "linear_model/tests/test_base.py",
        "linear_model/tests/test_ridge.py",
    ),
    "paths": ("linear_model/tests/test_coordinate_descent.py",),
    "generalized": (
        "linear_model/tests/test_logistic.py",
        "linear_model/_glm/tests/test_glm.py",
    ),
    "covariances and outliers": (
        "covariance/tests/test_covariance.py",
        "linear_model/tests/test_huber.py",
    ),
    "components": (
        "decomposition/tests/test_pca.py",
        "decomposition/tests/test_incremental_pca.py",
        "decomposition/tests/test_truncated_svd.py",
    ),
    "sums by class": (
        "tests/test_naive_bayes.py",
        "neighbors/tests/test_nearest_centroid.py",
        "tests/test_discriminant_analysis.py",
    ),
    "selection of features": (
        "feature_selection/tests/test_variance_threshold.py",
        "feature_selection/tests/test_chi2.py",
        "feature_selection/tests/test_mutual_info.py",
        "feature_selection/tests/test_feature_select.py",
        "feature_selection/tests/test_from_model.py",
    ),
    "text": (
        "feature_extraction/tests/test_text.py",
        "feature_extraction/tests/test_feature_hasher.py",
    ),
    "clusters and nets": (
        "cluster/tests/test_k_means.py",
        "mixture/tests/test_gaussian_mixture.py",
        "mixture/tests/test_mixture.py",
        "neural_network/tests/test_mlp.py",
    ),
    "imputers": ("impute/tests/test_impute.py",),
    "encoders": (
        "preprocessing/tests/test_encoders.py",
        "preprocessing/tests/test_target_encoder.py",
        "preprocessing/tests/test_label.py",
    ),
    "scalers and pipelines": (
        "preprocessing/tests/test_data.py",
        "preprocessing/tests/test_discretization.py",
        "preprocessing/tests/test_function_transformer.py",
        "tests/test_pipeline.py",
    ),
    "metrics": (
        "metrics/tests/test_common.py",
        "metrics/tests/test_classification.py",
        "metrics/tests/test_ranking.py",
        "metrics/tests/test_regression.py",
    ),
    "metrics of clusters": (
        "metrics/cluster/tests/test_common.py",
        "metrics/cluster/tests/test_supervised.py",
        "metrics/cluster/tests/test_unsupervised.py",
    ),
}

AT_LEAST = {
    "linear models": 250,
    "least squares": 900,
    "paths": 140,
    "generalized": 420,
    "components": 415,
    "covariances and outliers": 18,
    "sums by class": 150,
    "selection of features": 130,
    "text": 130,
    "clusters and nets": 320,
    "imputers": 75,
    "encoders": 300,
    "scalers and pipelines": 400,
    "metrics": 2200,
    "metrics of clusters": 120,
}
"""How many tests must pass: that they are found, and are about ours."""

SOME = 0.25
"""The share of the tests that runs before a change lands. All of them take ten minutes."""


@pytest.mark.parametrize(
    "share",
    [
        pytest.param(SOME, marks=pytest.mark.thorough, id="some"),
        pytest.param(1.0, marks=pytest.mark.exhaustive, id="all"),
    ],
)
@pytest.mark.parametrize("files", FILES)
def test_scikit_learns_own_tests_pass(files, share, tmp_path):
    paths = [Path(sklearn.__file__).parent / file for file in FILES[files]]
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        pytest.skip(f"scikit-learn was installed without its tests: no {missing}")
    if not sklearn.__version__.startswith("1.9."):
        pytest.skip(f"the table is of scikit-learn 1.9, and this is {sklearn.__version__}")
    ours = "our_metrics" if files.startswith("metrics") else "our_classes"
    every = EVERY_LIBRARY if share == 1.0 and ours == "our_classes" else {}
    settings = every | {"STREAMLEARN_SHARE": str(share)}
    ran = run(paths, tmp_path, (ours, "a_share"), settings)
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-3000:]
    passed = re.search(r"(\d+) passed", ran.stdout)
    assert passed is not None
    assert int(passed[1]) >= (1.0 if share == 1.0 else 0.7 * share) * AT_LEAST[files]
