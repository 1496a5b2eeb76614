"""Metrics over blocks. Only a few blocks of targets and predictions are in memory at a time.

The names and meanings are scikit-learn's. Arrays may be of any library, in memory or the blocks of
a dask collection, which is read once. A lazy prediction is computed in the same pass. `compute`
returns several metrics from one read.
"""

from streamlearn.metrics.agreement import (
    balanced_accuracy_score,
    class_likelihood_ratios,
    cohen_kappa_score,
    confusion_matrix,
    matthews_corrcoef,
)
from streamlearn.metrics.areas import average_precision_score, roc_auc_score
from streamlearn.metrics.calibration import calibration_curve
from streamlearn.metrics.calibration_display import CalibrationDisplay
from streamlearn.metrics.class_scores import hinge_loss, top_k_accuracy_score
from streamlearn.metrics.curves import det_curve, precision_recall_curve, roc_curve
from streamlearn.metrics.deviances import (
    d2_tweedie_score,
    mean_gamma_deviance,
    mean_poisson_deviance,
    mean_tweedie_deviance,
)
from streamlearn.metrics.displays import ConfusionMatrixDisplay, PredictionErrorDisplay
from streamlearn.metrics.error_quantiles import max_error, median_absolute_error
from streamlearn.metrics.errors import (
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_pinball_loss,
    mean_squared_error,
    mean_squared_log_error,
    root_mean_squared_error,
    root_mean_squared_log_error,
)
from streamlearn.metrics.explained import (
    d2_absolute_error_score,
    d2_pinball_score,
    explained_variance_score,
    r2_score,
)
from streamlearn.metrics.information import (
    adjusted_mutual_info_score,
    completeness_score,
    homogeneity_completeness_v_measure,
    homogeneity_score,
    mutual_info_score,
    normalized_mutual_info_score,
    v_measure_score,
)
from streamlearn.metrics.labels import accuracy_score, hamming_loss, zero_one_loss
from streamlearn.metrics.over_blocks import compute
from streamlearn.metrics.pair_counts import (
    adjusted_rand_score,
    fowlkes_mallows_score,
    pair_confusion_matrix,
    rand_score,
)
from streamlearn.metrics.precision_recall import (
    f1_score,
    fbeta_score,
    jaccard_score,
    precision_score,
    recall_score,
)
from streamlearn.metrics.precision_recall_display import PrecisionRecallDisplay
from streamlearn.metrics.probabilities import (
    brier_score_loss,
    d2_brier_score,
    d2_log_loss_score,
    log_loss,
)
from streamlearn.metrics.progressive import Progressive
from streamlearn.metrics.reports import classification_report, precision_recall_fscore_support
from streamlearn.metrics.roc_displays import DetCurveDisplay, RocCurveDisplay
from streamlearn.metrics.separation import calinski_harabasz_score, davies_bouldin_score
from streamlearn.metrics.silhouette import silhouette_score, simplified_silhouette_score

__all__ = [
    "CalibrationDisplay",
    "ConfusionMatrixDisplay",
    "DetCurveDisplay",
    "PrecisionRecallDisplay",
    "PredictionErrorDisplay",
    "Progressive",
    "RocCurveDisplay",
    "accuracy_score",
    "adjusted_mutual_info_score",
    "adjusted_rand_score",
    "average_precision_score",
    "balanced_accuracy_score",
    "brier_score_loss",
    "calibration_curve",
    "calinski_harabasz_score",
    "class_likelihood_ratios",
    "classification_report",
    "cohen_kappa_score",
    "completeness_score",
    "compute",
    "confusion_matrix",
    "d2_absolute_error_score",
    "d2_brier_score",
    "d2_log_loss_score",
    "d2_pinball_score",
    "d2_tweedie_score",
    "davies_bouldin_score",
    "det_curve",
    "explained_variance_score",
    "f1_score",
    "fbeta_score",
    "fowlkes_mallows_score",
    "hamming_loss",
    "hinge_loss",
    "homogeneity_completeness_v_measure",
    "homogeneity_score",
    "jaccard_score",
    "log_loss",
    "matthews_corrcoef",
    "max_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_gamma_deviance",
    "mean_pinball_loss",
    "mean_poisson_deviance",
    "mean_squared_error",
    "mean_squared_log_error",
    "mean_tweedie_deviance",
    "median_absolute_error",
    "mutual_info_score",
    "normalized_mutual_info_score",
    "pair_confusion_matrix",
    "precision_recall_curve",
    "precision_recall_fscore_support",
    "precision_score",
    "r2_score",
    "rand_score",
    "recall_score",
    "roc_auc_score",
    "roc_curve",
    "root_mean_squared_error",
    "root_mean_squared_log_error",
    "silhouette_score",
    "simplified_silhouette_score",
    "top_k_accuracy_score",
    "v_measure_score",
    "zero_one_loss",
]
