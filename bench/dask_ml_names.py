"""What runs today of dask-ml 2025.1, name by name, and what replaces it: docs/from_dask_ml.md.

Each public name does one small job on 1,000 rows in 4 blocks: fit and predict or transform, a
score, a split, a search of 4 candidates on a local cluster. The table says "runs", or the error as
it came. It does not say whether the result is right or fast.

    PYTHON_OF_DASK_ML bench/dask_ml_names.py

PYTHON_OF_DASK_ML is an interpreter with dask-ml and without streamlearn
(``pip install dask-ml==2025.1.0``).
"""

from __future__ import annotations

import importlib
import logging
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

# What replaces each name. A name in backticks is streamlearn's if nothing else is said.
REPLACED = {
    "cluster.KMeans": "`KMeans`",
    "cluster.SpectralClustering": "none: scikit-learn's, on a sample of the rows",
    "compose.ColumnTransformer": "`ColumnTransformer`; scikit-learn's works as a step of our "
    "`Pipeline`",
    "compose.make_column_transformer": "`make_column_transformer`; scikit-learn's works as a "
    "step of our `Pipeline`",
    "datasets.make_blobs": "`dask.array.random`, as in [Data to try](#data-to-try)",
    "datasets.make_classification": "`dask.array.random`, as in [Data to try](#data-to-try)",
    "datasets.make_classification_df": "`make_flights`, a table with text and dates",
    "datasets.make_counts": "`dask.array.random`, which draws Poisson counts",
    "datasets.make_regression": "`dask.array.random`, as in [Data to try](#data-to-try)",
    "decomposition.IncrementalPCA": "`IncrementalPCA`",
    "decomposition.PCA": "`PCA`",
    "decomposition.TruncatedSVD": "`TruncatedSVD`",
    "ensemble.BlockwiseVotingClassifier": "none: one model of all blocks, such as `MLPClassifier`",
    "ensemble.BlockwiseVotingRegressor": "none: one model of all blocks, such as `MLPRegressor`",
    "feature_extraction.text.CountVectorizer": "`CountVectorizer`",
    "feature_extraction.text.FeatureHasher": "`FeatureHasher`",
    "feature_extraction.text.HashingVectorizer": "`HashingVectorizer`",
    "impute.SimpleImputer": "`SimpleImputer`",
    "linear_model.LinearRegression": "`LinearRegression`, `Ridge`",
    "linear_model.LogisticRegression": "`LogisticRegression`, "
    'or `SGDClassifier(loss="log_loss")`, which reads the data once',
    "linear_model.PoissonRegression": "`PoissonRegressor`, "
    'or `SGDRegressor(loss="poisson")`, which reads the data once',
    "metrics.accuracy_score": "`accuracy_score`",
    "metrics.check_scoring": "scikit-learn's `check_scoring`",
    "metrics.euclidean_distances": "scikit-learn's, for each block: `X.map_blocks(...)`",
    "metrics.get_scorer": "scikit-learn's `get_scorer`; names of scorers work wherever "
    "`scoring` is a parameter",
    "metrics.log_loss": "`log_loss`",
    "metrics.mean_absolute_error": "`mean_absolute_error`",
    "metrics.mean_absolute_percentage_error": "`mean_absolute_percentage_error`",
    "metrics.mean_squared_error": "`mean_squared_error`",
    "metrics.mean_squared_log_error": "`mean_squared_log_error`",
    "metrics.pairwise_distances": "scikit-learn's, for each block: `X.map_blocks(...)`",
    "metrics.pairwise_distances_argmin_min": "`KMeans.transform` gives distances to centres",
    "metrics.r2_score": "`r2_score`",
    "model_selection.GridSearchCV": "`StreamSearchCV`, for estimators with `partial_fit`",
    "model_selection.HyperbandSearchCV": "`HyperbandSearchCV`",
    "model_selection.IncrementalSearchCV": "`StreamSearchCV`",
    "model_selection.InverseDecaySearchCV": "`SuccessiveHalvingSearchCV`",
    "model_selection.KFold": "`KFold`",
    "model_selection.RandomizedSearchCV": "`StreamSearchCV(..., n_iter=...)`",
    "model_selection.ShuffleSplit": "`ShuffleSplit`",
    "model_selection.SuccessiveHalvingSearchCV": "`SuccessiveHalvingSearchCV`",
    "model_selection.check_cv": "scikit-learn's `check_cv`",
    "model_selection.compute_n_splits": "`get_n_splits` of each splitter",
    "model_selection.train_test_split": "`train_test_split`",
    "naive_bayes.GaussianNB": "`GaussianNB`",
    "preprocessing.BlockTransformer": "`FunctionTransformer`, or `X.map_blocks(...)`",
    "preprocessing.Categorizer": "not needed: encoders take text and find the categories",
    "preprocessing.DummyEncoder": "`OneHotEncoder(sparse_output=False)`, for the columns of text "
    "in a `ColumnTransformer`",
    "preprocessing.LabelEncoder": "`LabelEncoder`",
    "preprocessing.MinMaxScaler": "`MinMaxScaler`",
    "preprocessing.OneHotEncoder": "`OneHotEncoder`",
    "preprocessing.OrdinalEncoder": "`OrdinalEncoder`, for the columns of text in a "
    "`ColumnTransformer`",
    "preprocessing.PolynomialFeatures": "`PolynomialFeatures`",
    "preprocessing.QuantileTransformer": "`QuantileTransformer`",
    "preprocessing.RobustScaler": "`RobustScaler`",
    "preprocessing.StandardScaler": "`StandardScaler`",
    "wrappers.Incremental": "`Incremental`",
    "wrappers.ParallelPostFit": "`ParallelPostFit`",
    "xgboost": "none: xgboost itself takes dask collections (`xgboost.dask`)",
}


class Data:
    """Small collections of the kinds that the jobs need."""

    def __init__(self) -> None:
        import dask.array as da
        import dask.dataframe as dd
        import pandas as pd

        rng = np.random.default_rng(0)
        rows = rng.normal(size=(1_000, 4))
        self.rows, self.labels = rows, (rows[:, 0] + rows[:, 1] > 0).astype(int)
        self.X = da.from_array(rows, chunks=(250, 4))
        self.y = da.from_array(self.labels, chunks=250)
        self.value = da.from_array(rows @ np.arange(4.0), chunks=250)
        self.count = da.from_array(rng.poisson(np.exp(rows[:, 0] / 4)), chunks=250)
        table = pd.DataFrame({"city": rng.choice(["Rome", "Oslo"], 1_000), "size": rows[:, 0]})
        self.table = dd.from_pandas(table, npartitions=4)
        self.cities = self.table[["city"]]
        self.known = dd.from_pandas(table.astype({"city": "category"}), npartitions=4)[["city"]]


def fitted(data: Data, make: Callable[[], Any], *args: Any, then: str = "", **kwargs: Any) -> None:
    """Fit an estimator, and compute what a method returns for the same rows."""
    import dask

    model = make().fit(*args, **kwargs)
    if then:
        dask.compute(getattr(model, then)(args[0]))


def searched(data: Data, cls: Any) -> None:
    """Search the penalty of a linear model."""
    from sklearn.linear_model import SGDClassifier

    at_once = "Grid" in cls.__name__ or "Random" in cls.__name__
    search = cls(SGDClassifier(random_state=0), {"alpha": [1e-5, 1e-4, 1e-3, 1e-2]})
    search.fit(data.X, data.y, **({} if at_once else {"classes": [0, 1]}))


def job(name: str, thing: Any, data: Data) -> None:
    """Do a small job with a name of dask-ml."""
    import dask
    from sklearn.linear_model import SGDClassifier
    from sklearn.preprocessing import StandardScaler as Theirs

    X, y = data.X, data.y
    group, _, last = name.rpartition(".")
    if name == "model_selection.GridSearchCV" or last.endswith("SearchCV"):
        searched(data, thing)
    elif group == "metrics":
        if last in ("euclidean_distances", "pairwise_distances", "pairwise_distances_argmin_min"):
            dask.compute(thing(X, data.rows[:3]))
        elif last == "check_scoring":
            thing(SGDClassifier(), "accuracy")
        elif last == "get_scorer":
            thing("accuracy")(SGDClassifier().fit(data.rows, data.labels), X, y)
        elif last == "log_loss":
            thing(y, X[:, 0] ** 2 / (1 + X[:, 0] ** 2))
        elif last == "accuracy_score":
            thing(y, y)
        else:
            thing(abs(data.value) + 1, abs(data.value) + 2)
    elif group == "datasets":
        made = thing(n_samples=1_000, chunks=250)
        dask.compute(made)
    elif group == "ensemble":
        from sklearn.linear_model import SGDRegressor

        if "Class" in last:
            fitted(data, lambda: thing(SGDClassifier(), classes=[0, 1]), X, y, then="predict")
        else:
            fitted(data, lambda: thing(SGDRegressor()), X, data.value, then="predict")
    elif group == "compose":
        made = (
            thing([("city", Theirs(), ["size"])])
            if last == "ColumnTransformer"
            else thing((Theirs(), ["size"]))
        )
        dask.compute(made.fit_transform(data.table))
    elif group == "feature_extraction.text":
        import dask.bag as db

        if last == "FeatureHasher":
            bag = db.from_sequence([{"a": 1}, {"b": 2}] * 50, npartitions=4)
        else:
            bag = db.from_sequence(["a bird sings", "a cat sleeps"] * 50, npartitions=4)
        dask.compute(thing().fit_transform(bag))
    elif last in ("train_test_split",):
        dask.compute(thing(X, y, shuffle=True))
    elif last in ("KFold", "ShuffleSplit"):
        list(thing(n_splits=2).split(X))
    elif last == "check_cv":
        thing(3)
    elif last == "compute_n_splits":
        from sklearn.model_selection import KFold

        thing(KFold(3), X, y)
    elif last == "Incremental":
        fitted(data, lambda: thing(SGDClassifier()), X, y, then="predict", classes=[0, 1])
    elif last == "ParallelPostFit":
        fitted(data, lambda: thing(SGDClassifier()), data.rows, data.labels)
        dask.compute(thing(SGDClassifier()).fit(data.rows, data.labels).predict(X))
    elif last in ("LogisticRegression", "GaussianNB"):
        fitted(data, thing, X, y, then="predict")
    elif last == "LinearRegression":
        fitted(data, thing, X, data.value, then="predict")
    elif last == "PoissonRegression":
        fitted(data, thing, X, data.count, then="predict")
    elif last == "Categorizer":
        fitted(data, thing, data.cities, then="transform")
    elif last in ("DummyEncoder", "OrdinalEncoder") or last == "OneHotEncoder":
        fitted(data, thing, data.known, then="transform")
    elif last == "LabelEncoder":
        fitted(data, thing, y, then="transform")
    elif last == "BlockTransformer":
        fitted(data, lambda: thing(np.abs), X, then="transform")
    elif group == "cluster":
        made = (lambda: thing(n_clusters=2)) if last == "KMeans" else (lambda: thing(2))
        fitted(data, made, X, then="predict" if last == "KMeans" else "")
    elif group == "decomposition":
        fitted(data, lambda: thing(n_components=2), X, then="transform")
    else:
        fitted(data, thing, X, then="transform")


def outcome(name: str, data: Data) -> str:
    """Return "runs", or the error as it came."""
    module, _, last = f"dask_ml.{name}".rpartition(".")
    try:
        unit = importlib.import_module(module)
        if not hasattr(unit, last):
            importlib.import_module(f"{module}.{last}")
        job(name, getattr(unit, last), data)
    except Exception as error:
        first = re.sub(r"\s+", " ", str(error)).strip()[:110].replace("|", "\\|")
        return f"{type(error).__name__}: {first}"
    return "runs"


def main() -> None:
    """Print the table."""
    import dask
    import dask_ml
    import sklearn
    from dask.distributed import Client

    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    data = Data()
    found = {}
    for name in REPLACED:
        if name.endswith("SearchCV") and "Grid" not in name and "Random" not in name:
            with Client(n_workers=1, threads_per_worker=2, dashboard_address=":0"):
                found[name] = outcome(name, data)
        else:
            found[name] = outcome(name, data)
    runs = sum(said == "runs" for said in found.values())
    print(
        f"dask-ml {dask_ml.__version__}, dask {dask.__version__}, scikit-learn "
        f"{sklearn.__version__}: {runs} of {len(found)} names run.\n"
    )
    print("| dask-ml | today | here |\n|---|---|---|")
    for name, said in found.items():
        here = REPLACED[name].replace("|", "\\|")
        print(f"| `dask_ml.{name}` | {said} | {here} |")


if __name__ == "__main__":
    main()
