"""What errors of models that are functions of sums advise, and those of `merge`."""

from __future__ import annotations

from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np
from sklearn import covariance
from sklearn.base import clone
from sklearn.model_selection import KFold
from sklearn.multiclass import OneVsRestClassifier

from streamlearn.covariance import OAS, EmpiricalCovariance, LedoitWolf
from streamlearn.decomposition import PCA, TruncatedSVD
from streamlearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)
from streamlearn.impute import SimpleImputer
from streamlearn.linear_model import (
    ElasticNet,
    ElasticNetCV,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LassoCV,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    RidgeCV,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from streamlearn.naive_bayes import CategoricalNB, GaussianNB, MultinomialNB
from streamlearn.neighbors import NearestCentroid
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OrdinalEncoder,
    StandardScaler,
)
from tests.advice.table import DX, DY, FRAME, THREE, X, Y, advice

WIDE = np.random.default_rng(1).normal(size=(9, 4))
BOTH = np.stack([X[:, 0], X[:, 1]], axis=1)


def least(x: Any = X, y: Any = Y, **how: Any) -> Any:
    return LinearRegression(**how).fit(x, y)


def classes(y: Any, **how: Any) -> Any:
    return RidgeClassifier(**how).fit(X[: len(y)], y)


def behind_fills(**how: Any) -> Any:
    return make_pipeline(SimpleImputer(), StandardScaler(), **how).fit(DX, DY)[-1]


def few_features(model: Any) -> Any:
    with patch.object(type(model), "_most_features", 2):
        return model.fit(X, Y)


def narrow_rows() -> Any:
    with patch.object(PCA, "_most_features", 2):
        return make_pipeline(FunctionTransformer(first_two), PCA()).fit(X)


def first_two(x: Any) -> Any:
    return x[:, :2]


def cv(**how: Any) -> Any:
    return RidgeCV(**how).fit(X, Y)


def net(**how: Any) -> Any:
    return ElasticNetCV(**how).fit(X, Y)


def logistic(y: Any = Y, **how: Any) -> Any:
    return LogisticRegression(**how).fit(X, y)


def few_coefficients() -> Any:
    with patch.object(LogisticRegression, "_most_features", 11):
        return logistic(THREE)


def components(n: Any = 2, rows: Any = X, **how: Any) -> Any:
    return PCA(n, **how).fit(rows)


def linear(**how: Any) -> Any:
    return LinearDiscriminantAnalysis(**how).fit(X, Y)


def quadratic(**how: Any) -> Any:
    return QuadraticDiscriminantAnalysis(**how).fit(X, Y)


PAIR = [int(np.flatnonzero(label == Y)[0]) for label in (0, 1)]
FOUR = np.concatenate([np.flatnonzero(label == Y)[:2] for label in (0, 1)])

EXACT = [
    advice(
        partial(components, 3, svd_solver="arpack"),
        r"Set n_components=2 or less, or svd_solver='full'",
        partial(components, 2, svd_solver="arpack"),
        partial(components, 3, svd_solver="full"),
    ),
    advice(
        lambda: TruncatedSVD(4, algorithm="arpack").fit(X),
        "must be at most the number of features, and X has 3. Set n_components=3 or less",
        lambda: TruncatedSVD(3, algorithm="arpack").fit(X),
    ),
    advice(
        partial(components, "mle", svd_solver="arpack"),
        "cannot be a string .* Set n_components to a number, or svd_solver='full'",
        partial(components, 1, svd_solver="arpack"),
        partial(components, "mle", svd_solver="full"),
    ),
    advice(
        partial(components, 0.5, svd_solver="randomized"),
        "Set n_components to a number, or svd_solver='full'",
        partial(components, 1, svd_solver="randomized"),
        partial(components, 0.5, svd_solver="full"),
    ),
    advice(
        partial(components, 0, svd_solver="randomized"),
        "Set n_components to a number above 0",
        partial(components, 1, svd_solver="randomized"),
    ),
    advice(
        lambda: components(1, svd_solver="randomized").partial_fit(X),
        'Use fit, or set svd_solver="full" .* which keeps all sums',
        lambda: PCA(1, svd_solver="full").fit(X).partial_fit(X),
    ),
    advice(
        partial(components, X.shape[1] + 1),
        f"Set n_components={X.shape[1]} or less",
        partial(components, X.shape[1]),
    ),
    advice(
        partial(components, 1, X[:1]),
        "one row has no variance",
        lambda: PCA(2).partial_fit(X[:1]).partial_fit(X[1:]),
    ),
    advice(
        partial(components, 3, WIDE[:2]),
        "Set n_components=2 or less, or call partial_fit if more rows follow",
        partial(components, 2, WIDE[:2]),
        lambda: PCA(3).partial_fit(WIDE[:2]).partial_fit(WIDE[2:]),
    ),
    advice(
        partial(components, "mle", WIDE[:2]),
        "Set n_components to a number or a share",
        partial(components, 1, WIDE[:2]),
        partial(components, 0.5, WIDE[:2]),
    ),
    advice(
        lambda: components(1, np.ones((9, 2))).score(np.ones((9, 2))),
        "Fit it to rows that differ",
        lambda: components(1, WIDE).score(WIDE),
    ),
    advice(
        lambda: few_features(PCA()),
        "Leave features out, for example with a transformer of features before it",
        narrow_rows,
    ),
    advice(
        lambda: GaussianNB(priors=[0.2, 0.3, 0.5]).fit(X, Y),
        "Got 3 priors and 2 classes: give one for each",
        lambda: GaussianNB(priors=[0.2, 0.8]).fit(X, Y),
    ),
    advice(
        lambda: GaussianNB(priors=[1.0, 3.0]).fit(X, Y),
        "It is 4: divide them by it",
        lambda: GaussianNB(priors=[1.0 / 4, 3.0 / 4]).fit(X, Y),
    ),
    advice(
        lambda: MultinomialNB().fit(X, Y),
        "scale X by MinMaxScaler, or use GaussianNB",
        lambda: make_pipeline(MinMaxScaler(), MultinomialNB()).fit(X, Y),
        lambda: GaussianNB().fit(X, Y),
    ),
    advice(
        lambda: MultinomialNB(alpha=[1.0, 2.0]).fit(np.abs(X), Y),
        "Give one for each feature",
        lambda: MultinomialNB(alpha=np.ones(X.shape[1])).fit(np.abs(X), Y),
    ),
    advice(
        lambda: NearestCentroid("manhattan").fit(X, Y).predict_proba(X),
        "Use predict, or set metric='euclidean'",
        lambda: NearestCentroid("manhattan").fit(X, Y).predict(X),
        lambda: NearestCentroid("euclidean").fit(X, Y).predict_proba(X),
    ),
    advice(
        lambda: linear(solver="lsqr", covariance_estimator=covariance.LedoitWolf()),
        "Give an estimator of streamlearn.covariance, such as its LedoitWolf or OAS",
        lambda: linear(solver="lsqr", covariance_estimator=LedoitWolf()),
        lambda: linear(solver="lsqr", covariance_estimator=OAS()),
    ),
    advice(
        lambda: linear(solver="lsqr", covariance_estimator=OAS(), shrinkage=0.5),
        "Set shrinkage=None, or covariance_estimator=None",
        lambda: linear(solver="lsqr", covariance_estimator=OAS()),
        lambda: linear(solver="lsqr", shrinkage=0.5),
    ),
    advice(
        lambda: linear(covariance_estimator=OAS()),
        "Try another solver: set solver='eigen' or solver='lsqr'",
        lambda: linear(solver="eigen", covariance_estimator=OAS()),
        lambda: linear(solver="lsqr", covariance_estimator=OAS()),
    ),
    advice(
        lambda: quadratic(covariance_estimator=OAS()),
        "Try solver='eigen' instead",
        lambda: quadratic(solver="eigen", covariance_estimator=OAS()),
    ),
    advice(
        lambda: LinearDiscriminantAnalysis("eigen").fit(np.ones_like(X), Y),
        "Set solver='svd', or a shrinkage between 0 and 1",
        lambda: LinearDiscriminantAnalysis("eigen", shrinkage=0.5).fit(X, Y),
    ),
    advice(
        lambda: CategoricalNB().fit(X - 9.0, Y),
        "Categories are the numbers 0, 1, 2 and so on: encode them by OrdinalEncoder",
        lambda: CategoricalNB().fit(OrdinalEncoder().fit_transform(X), Y),
    ),
    advice(
        lambda: CategoricalNB().fit(np.full_like(X, 2e6), Y),
        "Encode them by OrdinalEncoder",
        lambda: CategoricalNB().fit(OrdinalEncoder().fit_transform(np.full_like(X, 2e6)), Y),
    ),
    advice(
        lambda: CategoricalNB().fit(0 * X, Y).predict(0 * X + 3),
        "Give min_categories=4 or more to fit, or rows with this category",
        lambda: CategoricalNB(min_categories=4).fit(0 * X, Y).predict(0 * X + 3),
    ),
    advice(
        lambda: CategoricalNB(min_categories=[2.5] * X.shape[1]).fit(0 * X, Y),
        "Give an int, or one for each feature",
        lambda: CategoricalNB(min_categories=2).fit(0 * X, Y),
        lambda: CategoricalNB(min_categories=[2] * X.shape[1]).fit(0 * X, Y),
    ),
    advice(
        lambda: CategoricalNB(min_categories=[2]).fit(0 * X, Y),
        "Give one for each feature",
        lambda: CategoricalNB(min_categories=[2] * X.shape[1]).fit(0 * X, Y),
    ),
    advice(
        lambda: EmpiricalCovariance().fit(X * 1e200),
        "Scale X, for example by StandardScaler",
        lambda: EmpiricalCovariance().fit(StandardScaler().fit_transform(X * 1e200)),
    ),
    advice(
        lambda: OAS().fit(X).error_norm(np.eye(X.shape[1] + 1)),
        "Give a covariance of the same features",
        lambda: OAS().fit(X).error_norm(np.eye(X.shape[1])),
    ),
    advice(
        lambda: OAS().fit(X).error_norm(np.eye(X.shape[1]), norm="max"),
        "Got norm='max': give one of these two",
        lambda: OAS().fit(X).error_norm(np.eye(X.shape[1]), norm="spectral"),
    ),
    advice(
        lambda: HuberRegressor(epsilon=1.0).fit(X, Y),
        "Give more than 1, for example 1.01",
        lambda: HuberRegressor(epsilon=1.01, max_iter=2000).fit(X, X[:, 0]),
    ),
    advice(
        lambda: linear(shrinkage=0.5),
        "shrinkage not supported with 'svd' solver. Set solver='eigen'",
        lambda: linear(solver="eigen", shrinkage=0.5),
    ),
    advice(
        lambda: linear(n_components=5),
        "give at most 1, or None",
        lambda: linear(n_components=1),
        linear,
    ),
    advice(
        lambda: QuadraticDiscriminantAnalysis().partial_fit(X[:1], Y[:1], classes=[0, 1]),
        "Give more rows of each class in the first call",
        lambda: QuadraticDiscriminantAnalysis().partial_fit(X, Y, classes=[0, 1]),
    ),
    advice(
        lambda: linear(priors=[-0.5, 1.5]),
        "priors must be non-negative. Got -0.5: give 0 or more",
        lambda: linear(priors=[0.0, 1.0]),
    ),
    advice(
        lambda: GaussianNB(priors=[-0.5, 1.5]).fit(X, Y),
        "Priors must be non-negative. Got -0.5: give 0 or more",
        lambda: GaussianNB(priors=[0.0, 1.0]).fit(X, Y),
    ),
    advice(
        lambda: LinearDiscriminantAnalysis(classes=[0, 1, 2], priors=[0.2, 0.3, 0.5]).fit(X, Y),
        "which has no rows yet. Give rows of it, or set its prior to 0",
        lambda: LinearDiscriminantAnalysis(classes=[0, 1, 2], priors=[0.5, 0.5, 0.0]).fit(X, Y),
    ),
    advice(
        lambda: LinearDiscriminantAnalysis(classes=[0, 1]).fit(X[Y == 0], Y[Y == 0]),
        "give rows of another class. partial_fit needs them in its first call",
        lambda: LinearDiscriminantAnalysis(classes=[0, 1]).fit(X, Y),
        lambda: LinearDiscriminantAnalysis(classes=[0, 1]).partial_fit(X, Y),
    ),
    advice(
        lambda: LinearDiscriminantAnalysis().fit(X[PAIR], Y[PAIR]),
        "Got 2 rows of 2 classes: give more rows",
        lambda: LinearDiscriminantAnalysis().fit(X, Y),
    ),
    advice(
        lambda: QuadraticDiscriminantAnalysis().fit(X[FOUR], Y[FOUR]),
        "Give more rows, or set solver='eigen' and shrinkage",
        lambda: QuadraticDiscriminantAnalysis().fit(X, Y),
        lambda: QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=0.5).fit(X[FOUR], Y[FOUR]),
    ),
    advice(
        lambda: MultinomialNB(alpha=-1.0 * np.ones(X.shape[1])).fit(np.abs(X), Y),
        "All values in alpha must be greater than 0. Got -1: give 0 or more",
        lambda: MultinomialNB(alpha=np.zeros(X.shape[1])).fit(np.abs(X) + 1.0, Y),
    ),
    advice(
        lambda: NearestCentroid(shrink_threshold=0.5).fit(np.ones_like(X), Y),
        "Give rows that differ",
        lambda: NearestCentroid(shrink_threshold=0.5).fit(X, Y),
    ),
    advice(
        lambda: quadratic(tol=1e9),
        "Increase the value of `reg_param` to reduce the collinearity",
        lambda: quadratic(reg_param=0.5),
    ),
    advice(
        lambda: behind_fills().merge(behind_fills()),
        "Fit the pipeline to all rows, or fit it with schedule=",
        behind_fills,
        lambda: behind_fills(schedule="per-step").merge(behind_fills(schedule="per-step")),
    ),
    advice(
        lambda: least().merge(least(tol=0.1)),
        r"Fit both with the same, clone\(estimator\) makes a copy to fit",
        lambda: least().merge(clone(least()).fit(X, Y)),
    ),
    advice(
        lambda: least(FRAME[["a", "b"]]).merge(least(FRAME[["b", "a"]])),
        "Fit both to the same columns",
        lambda: least(FRAME[["a", "b"]]).merge(least(FRAME[["a", "b"]])),
    ),
    advice(
        lambda: least().merge(least(y=BOTH)),
        "Fit both to the same columns of y",
        lambda: least(y=BOTH).merge(least(y=BOTH)),
    ),
    advice(
        lambda: classes(Y).merge(classes(THREE)),
        r"with all labels in the parameter classes, or in partial_fit\(X, y, classes=\.\.\.\)",
        lambda: classes(Y, classes=[0, 1, 2]).merge(classes(THREE, classes=[0, 1, 2])),
        lambda: RidgeClassifier().partial_fit(X, Y, classes=[0, 1, 2]).merge(classes(THREE)),
    ),
    advice(
        lambda: least().partial_fit(X, BOTH),
        "Give the same columns in each call of partial_fit",
        lambda: least().partial_fit(X, Y),
    ),
    advice(
        lambda: RidgeClassifier(class_weight="balanced").partial_fit(X, Y, classes=[0, 1]),
        r"use compute_class_weight\('balanced', classes=classes, y=y\)",
        lambda: RidgeClassifier(class_weight={0: 1.0, 1: 2.0}).partial_fit(X, Y, classes=[0, 1]),
    ),
    advice(
        lambda: least().fit(X, Y, sample_weight=-np.ones(len(X))),
        "Negative values in data passed to `sample_weight`",
        lambda: least().fit(X, Y, sample_weight=np.ones(len(X))),
    ),
    advice(
        partial(few_features, LinearRegression()),
        "SGDRegressor keeps less. Or leave features out",
        lambda: SGDRegressor(random_state=0).fit(X, Y),
        lambda: LinearRegression().fit(X[:, :2], Y),
    ),
    advice(
        lambda: Ridge([1.0, 2.0]).fit(X, Y),
        "Give one alpha, or one for each target",
        lambda: Ridge(1.0).fit(X, Y),
        lambda: Ridge([1.0, 2.0]).fit(X, BOTH),
    ),
    advice(
        lambda: Ridge(solver="lbfgs").fit(X, Y),
        "'lbfgs' solver can be used only when positive=True. Please use another solver",
        lambda: Ridge().fit(X, Y),
    ),
    advice(
        lambda: Ridge(solver="svd", positive=True).fit(X, Y),
        "Please set the solver to 'auto' or 'lbfgs', or set `positive=False`",
        lambda: Ridge(positive=True).fit(X, Y),
        lambda: Ridge(solver="svd").fit(X, Y),
    ),
    advice(
        lambda: classes(np.zeros(len(X), dtype=int)),
        "Give rows of others too, or list all labels in classes",
        lambda: classes(Y),
        lambda: classes(np.zeros(len(X), dtype=int), classes=[0, 1]),
    ),
    advice(
        lambda: RidgeCV().partial_fit(X, Y),
        r"Use Ridge\(alpha=model.alpha_\), which learns further and merges",
        lambda: Ridge(cv().alpha_).partial_fit(X, Y).merge(Ridge(cv().alpha_).fit(X, Y)),
    ),
    advice(
        lambda: LassoCV().partial_fit(X, Y),
        r"Use Lasso\(alpha=model.alpha_\), which learns further and merges",
        lambda: Lasso(alpha=0.1).partial_fit(X, Y).merge(Lasso(alpha=0.1).fit(X, Y)),
    ),
    advice(
        lambda: ElasticNetCV().partial_fit(X, Y),
        r"Use ElasticNet\(alpha=model.alpha_, l1_ratio=model.l1_ratio_\)",
        lambda: ElasticNet(net().alpha_, l1_ratio=net().l1_ratio_).partial_fit(X, Y),
    ),
    advice(
        partial(net, l1_ratio=0),
        "supply a grid by providing your estimator with the appropriate `alphas=` argument",
        partial(net, l1_ratio=0, alphas=[0.1, 1.0]),
    ),
    advice(
        partial(net, l1_ratio=[0.5, 1.5]),
        "l1_ratio must be from 0 to 1",
        partial(net, l1_ratio=[0.5, 1.0]),
    ),
    advice(
        lambda: net(alphas=[np.inf]),
        "alphas must be 0 or more",
        lambda: net(alphas=[0.0]),
    ),
    advice(
        lambda: LassoCV(cv=3).fit(X[:1], Y[:1]),
        "needs rows with a weight in at least two folds, got 1, n_samples=1. Give more rows",
        lambda: LassoCV(cv=3).fit(X, Y),
    ),
    advice(
        partial(logistic, l1_ratio=1),
        "got l1 penalty. Set solver='saga' or 'liblinear'",
        partial(logistic, l1_ratio=1, solver="saga"),
        partial(logistic, l1_ratio=1, solver="liblinear"),
    ),
    advice(
        partial(logistic, l1_ratio=0.5),
        "got elasticnet penalty. Set solver='saga'",
        partial(logistic, l1_ratio=0.5, solver="saga"),
    ),
    advice(
        partial(logistic, l1_ratio=0.5, solver="liblinear"),
        "Only 'saga' solver supports elasticnet penalty, got solver=liblinear. Set solver='saga'",
        partial(logistic, l1_ratio=0.5, solver="saga"),
    ),
    advice(
        partial(logistic, penalty="elasticnet", l1_ratio=None, solver="saga"),
        "Set it between 0 and 1",
        partial(logistic, l1_ratio=0.5, solver="saga"),
    ),
    advice(partial(logistic, dual=True), "Set dual=False", partial(logistic, dual=False)),
    advice(
        partial(logistic, l1_ratio=1, dual=True, solver="liblinear"),
        "Set dual=False: the minimum is the same",
        partial(logistic, l1_ratio=1, dual=False, solver="liblinear"),
    ),
    advice(
        partial(logistic, C=np.inf, solver="liblinear"),
        "not supported for the liblinear solver. Set solver='lbfgs'",
        partial(logistic, C=np.inf, solver="lbfgs"),
    ),
    advice(
        partial(logistic, THREE, solver="liblinear"),
        "Set another solver, or wrap the estimator in a OneVsRestClassifier",
        partial(logistic, THREE, solver="saga"),
        lambda: OneVsRestClassifier(LogisticRegression(solver="liblinear")).fit(X, THREE),
    ),
    advice(
        partial(logistic, classes=[0, 1, 2]),
        "Give rows of it, or leave it out of classes",
        partial(logistic, THREE, classes=[0, 1, 2]),
        partial(logistic, classes=[0, 1]),
    ),
    advice(
        few_coefficients,
        "3 features of 3 classes have 12 coefficients, .* SGDRegressor and SGDClassifier keep less",
        lambda: SGDClassifier(loss="multinomial", random_state=0).fit(X, THREE),
    ),
    advice(
        lambda: LogisticRegression().partial_fit(X, Y),
        "Fit it to all rows, or use SGDClassifier or SGDRegressor with the same loss",
        logistic,
        lambda: SGDClassifier(loss="log_loss", random_state=0).partial_fit(X, Y, classes=[0, 1]),
    ),
    advice(
        lambda: PoissonRegressor().fit(X, np.zeros(len(X))),
        "Give rows with a target above 0",
        lambda: PoissonRegressor().fit(X, Y),
    ),
    advice(
        lambda: GammaRegressor().fit(X, Y),
        r"TweedieRegressor\(power=1.5\) takes zeros too. Leave such rows out, or use "
        r"TweedieRegressor\(power=0\)",
        lambda: TweedieRegressor(power=1.5).fit(X, Y),
        lambda: GammaRegressor().fit(X[Y > 0], Y[Y > 0]),
        lambda: TweedieRegressor(power=0).fit(X, Y),
    ),
    advice(
        lambda: TweedieRegressor(power=0.5).fit(X, Y + 1),
        "no Tweedie distribution has a power between 0 and 1. Give 0 or less, or 1 or more",
        lambda: TweedieRegressor(power=0).fit(X, Y + 1),
        lambda: TweedieRegressor(power=1).fit(X, Y + 1),
    ),
    advice(
        lambda: TweedieRegressor(power=-1, fit_intercept=False).fit(X, Y + 1),
        "needs fit_intercept=True, because the fit begins with a model of means above 0. Or set "
        'link="log"',
        lambda: TweedieRegressor(power=-1).fit(X, Y + 1),
        lambda: TweedieRegressor(power=-1, link="log", fit_intercept=False).fit(X, Y + 1),
    ),
    advice(
        lambda: TweedieRegressor(power=-1).fit(X, -Y),
        r"Give rows whose targets have one, or use TweedieRegressor\(power=0\)",
        lambda: TweedieRegressor(power=-1).fit(X, Y + 1),
        lambda: TweedieRegressor(power=0).fit(X, -Y),
    ),
    advice(
        lambda: RidgeCV(store_cv_results=True).fit(DX, DY),
        "Set store_cv_results=False: scores_ has the score of each penalty",
        lambda: RidgeCV().fit(DX, DY).scores_,
    ),
    advice(
        partial(cv, store_cv_results=True, cv=3),
        "Set cv=None, or store_cv_results=False",
        partial(cv, store_cv_results=True),
        partial(cv, cv=3),
    ),
    advice(
        lambda: RidgeCV(cv=iter([([0, 1], [])])).fit(X, Y),
        "a split without rows to score that have a weight. Give other splits",
        lambda: RidgeCV(cv=iter([([0, 1], [2])])).fit(X, Y),
    ),
    advice(
        lambda: Lasso(precompute=np.eye(3), fit_intercept=False).fit(X, Y),
        "Check that it was computed properly, or set precompute=False",
        lambda: Lasso(precompute=X.T @ X, fit_intercept=False).fit(X, Y),
        lambda: Lasso(precompute=False, fit_intercept=False).fit(X, Y),
    ),
    advice(
        lambda: Lasso(precompute=np.eye(2)).fit(X, Y),
        "Give the products of the features, or set precompute=False",
        lambda: Lasso(precompute=X.T @ X, fit_intercept=False).fit(X, Y),
        lambda: Lasso(precompute=False).fit(X, Y),
    ),
    advice(
        partial(cv, cv=5, alpha_per_target=True),
        "Set cv=None, or fit a model for each target",
        partial(cv, alpha_per_target=True),
        partial(cv, cv=5),
    ),
    advice(
        lambda: RidgeCV(cv=KFold(3, shuffle=True)).fit(DX, DY),
        "Set cv=5, or KFold with shuffle=False, and shuffle the rows before they are stored",
        lambda: RidgeCV(cv=5).fit(DX, DY),
        lambda: RidgeCV(cv=KFold(3)).fit(DX, DY),
    ),
    advice(
        lambda: RidgeCV(cv=3).fit(X[:1], Y[:1]),
        "Give more rows, or cv=None",
        partial(cv, cv=3),
        cv,
    ),
]
