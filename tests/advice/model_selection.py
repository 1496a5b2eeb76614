"""What errors of splits, scores over splits and searches advise."""

from __future__ import annotations

from typing import Any

import dask.array as da
import dask.dataframe as dd
import numpy as np
from scipy.stats import loguniform
from sklearn import config_context, linear_model
from sklearn import model_selection as theirs
from sklearn.base import BaseEstimator, ClassifierMixin

from streamlearn import model_selection as ours
from streamlearn.blocks import from_blocks
from streamlearn.cluster import MiniBatchKMeans
from streamlearn.linear_model import LogisticRegression, SGDRegressor
from streamlearn.pipeline import make_pipeline
from streamlearn.preprocessing import StandardScaler
from tests.advice.table import CHUNKS, DX, DY, FRAME, SEED, UNKNOWN, X, Y, advice, sgd
from tests.containers import dask_array

PARTS = dd.from_pandas(FRAME[["a", "b", "c"]], npartitions=2)
LABELS = dd.from_pandas(FRAME["y"], npartitions=2)
GRID = {"alpha": [1e-4, 1.0]}
KMEANS = MiniBatchKMeans(random_state=0)
DRAWN = {"alpha": loguniform(1e-4, 1.0)}
BLOCKS = [(X[i : i + 15], Y[i : i + 15]) for i in range(0, 120, 15)]
BX, BY = (dask_array(x, [15] * 8) for x in (X, Y))

FEW = [dask_array(x, (60, 60, 0), known=False) for x in (X, Y)]


def unknown() -> Any:
    """Return a new array of blocks of unknown lengths: the advice changes it in place."""
    return dask_array(X, CHUNKS, known=False)


def cross(how: Any = ours.cross_validate, **more: Any) -> Any:
    return how(sgd(classes=[0, 1]), DX, DY, **{"cv": 3, **more})


def search(grid: Any = None, **how: Any) -> Any:
    return ours.StreamSearchCV(sgd(), grid or GRID, **SEED | how)


def halving(*data: Any, **how: Any) -> Any:
    search = ours.SuccessiveHalvingSearchCV(sgd(), {"alpha": [1e-4, 1e-2, 1.0]}, **SEED | how)
    return search.fit(*data, classes=[0, 1])


def hyperband(*data: Any, **how: Any) -> Any:
    return ours.HyperbandSearchCV(sgd(), DRAWN, **SEED | how).fit(*data, classes=[0, 1])


def source() -> Any:
    """Return a source of 8 blocks that does not say how many there are."""
    return from_blocks(BLOCKS)


def _weighted(X: Any, y: Any, w: Any) -> Any:
    pipe = make_pipeline(StandardScaler(), sgd())
    return ours.cross_val_score(pipe, X, y, params={"sgdclassifier__sample_weight": w}, cv=2)


def fitted(**how: Any) -> Any:
    return search(**how).fit(BX, BY)


class Offset(ClassifierMixin, BaseEstimator):
    """A classifier with a further argument for each row."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def partial_fit(self, X: Any, y: Any, classes: Any = None, offset: Any = None) -> Any:
        self.classes_ = np.arange(2)
        return self

    def predict(self, X: Any) -> Any:
        return np.zeros(len(X), int)


def over_pipeline(last: Any) -> Any:
    """Return a search for parameters of the last step."""
    name = "alpha" if hasattr(last, "alpha") else "C"
    grid = {f"{type(last).__name__.lower()}__{name}": [0.1, 1.0]}
    return ours.StreamSearchCV(make_pipeline(StandardScaler(), last), grid, **SEED).fit(BX, BY)


def routed(call: Any) -> Any:
    with config_context(enable_metadata_routing=True):
        return call()


def by_fold(cv: Any, **how: Any) -> Any:
    """Return probabilities for labels that differ between the blocks."""
    y = dask_array(np.r_[np.arange(80) % 2, np.arange(40) % 3], CHUNKS)
    model = sgd(loss="log_loss", **how)
    return ours.cross_val_predict(model, DX, y, cv=cv, method="predict_proba").compute()


MODEL_SELECTION = [
    # Collections
    advice(
        lambda: ours.train_test_split(DX, Y),
        r"compute arrays\[0\] first\. dask\.array\.from_array\(numpy\.asarray\(arrays\[1\]\), "
        r"chunks=\{0: arrays\[0\]\.chunks\[0\]\}\) makes such a collection",
        lambda: ours.train_test_split(DX, da.from_array(np.asarray(Y), chunks={0: DX.chunks[0]})),
        lambda: ours.train_test_split(
            DX, da.from_array(np.asarray(FRAME), chunks={0: DX.chunks[0]})
        ),
        lambda: ours.train_test_split(DX.compute(), Y),
    ),
    advice(
        lambda: ours.train_test_split(UNKNOWN, Y),
        r"That needs their lengths, which arrays\[0\]\.compute_chunk_sizes\(\) finds",
        lambda: ours.train_test_split(
            unknown().compute_chunk_sizes(), da.from_array(Y, chunks={0: CHUNKS})
        ),
    ),
    advice(
        lambda: ours.train_test_split(PARTS, Y),
        r"or compute arrays\[0\] first\. A column has the blocks of its frame",
        lambda: ours.train_test_split(PARTS, PARTS["a"]),
        lambda: ours.train_test_split(PARTS.compute(), Y),
    ),
    advice(
        lambda: ours.train_test_split(DX, None),
        r"arrays\[1\] is None\. Leave it out",
        lambda: ours.train_test_split(DX),
    ),
    advice(
        lambda: [*ours.KFold(2).split_collections(X, Y)],
        "Use split for rows in memory",
        lambda: [*ours.KFold(2).split(X, Y)],
    ),
    advice(
        lambda: ours.train_test_split(lambda: BLOCKS),
        r"Separate them: X, y = .*from_blocks\(source\), then train_test_split\(X, y\)",
        lambda: ours.train_test_split(*from_blocks(lambda: BLOCKS)),
    ),
    # Sources of blocks
    advice(
        lambda: ours.cross_val_score(sgd(), lambda: [*BLOCKS, (X, None)], cv=2),
        "Block 8 has no y, and the first block has. Give all blocks the same parts",
        lambda: ours.cross_val_score(sgd(), lambda: [*BLOCKS, (X, Y)], cv=2),
    ),
    advice(
        lambda: ours.train_test_split(*source(), shuffle=False),
        "Give shuffle=True, .*, or a dask collection",
        lambda: ours.train_test_split(*source(), shuffle=True),
        lambda: ours.train_test_split(BX, BY, shuffle=False),
    ),
    advice(
        lambda: ours.train_test_split(*source(), test_size=30),
        r"Give a share between 0 and 1\.$",
        lambda: ours.train_test_split(*source(), test_size=0.25),
    ),
    advice(
        lambda: [*ours.KFold(2).split(source()[0])],
        r"Use KFold\.split_collections, .* or streamlearn\.model_selection\.cross_validate",
        lambda: [*ours.KFold(2).split_collections(*source())],
        lambda: ours.cross_validate(sgd(classes=[0, 1]), *source(), cv=ours.KFold(2)),
    ),
    advice(
        lambda: ours.cross_val_score(sgd(), *source(), cv=ours.TimeSeriesSplit(2)),
        "Give KFold, StratifiedKFold or ShuffleSplit, or a dask collection",
        *(
            lambda cv=cv: ours.cross_val_score(sgd(), *source(), cv=cv)
            for cv in (ours.KFold(2), ours.StratifiedKFold(2), ours.ShuffleSplit(2))
        ),
        lambda: ours.cross_val_score(sgd(), BX, BY, cv=ours.TimeSeriesSplit(2)),
    ),
    advice(
        lambda: ours.cross_val_predict(sgd(), *source()),
        r"Give cv=KFold\(n\)",
        lambda: ours.cross_val_predict(sgd(), *source(), cv=ours.KFold(5)),
    ),
    advice(
        lambda: ours.cross_val_score(sgd(), *source(), cv=ours.KFold(9)),
        "has 8 with rows. Give fewer folds, smaller blocks, or ShuffleSplit",
        lambda: ours.cross_val_score(sgd(), *source(), cv=ours.KFold(4)),
        lambda: ours.cross_val_score(
            sgd(),
            *from_blocks([(X[i : i + 9], Y[i : i + 9]) for i in range(0, 120, 9)]),
            cv=ours.KFold(9),
        ),
        lambda: ours.cross_val_score(sgd(), *source(), cv=ours.ShuffleSplit(2)),
    ),
    advice(
        lambda: ours.cross_val_score(
            make_pipeline(StandardScaler(), sgd()), lambda: [(*b, np.ones(15)) for b in BLOCKS]
        ),
        "give w in params by the name that fit knows, such as step__sample_weight",
        lambda: _weighted(*from_blocks([(*b, np.ones(15)) for b in BLOCKS])),
    ),
    # Sizes of parts
    advice(
        lambda: ours.train_test_split(UNKNOWN, test_size=30),
        r"Give a share .* find the lengths first: arrays\[0\]\.compute_chunk_sizes\(\)",
        lambda: ours.train_test_split(UNKNOWN, test_size=0.25),
        lambda: ours.train_test_split(unknown().compute_chunk_sizes(), test_size=30),
        lambda: ours.train_test_split(PARTS.to_dask_array().compute_chunk_sizes(), test_size=30),
    ),
    advice(
        lambda: ours.train_test_split(UNKNOWN, test_size=0.6, train_size=0.6),
        "Give smaller shares",
        lambda: ours.train_test_split(UNKNOWN, test_size=0.4, train_size=0.6),
    ),
    advice(
        lambda: [*ours.KFold(2).split(UNKNOWN)],
        r"Use KFold\.split_collections.* or streamlearn\.model_selection\.cross_validate; or find "
        r"the lengths first: X\.compute_chunk_sizes\(\)",
        lambda: [*ours.KFold(2).split_collections(UNKNOWN)],
        lambda: ours.cross_validate(SGDRegressor(), UNKNOWN, UNKNOWN[:, 0], cv=2),
        lambda: [*ours.KFold(2).split(unknown().compute_chunk_sizes())],
        lambda: [*ours.KFold(2).split(PARTS.to_dask_array().compute_chunk_sizes())],
    ),
    advice(
        lambda: [*ours.TimeSeriesSplit(2, gap=1).split_collections(UNKNOWN)],
        r"Leave them out, or find the lengths first: arrays\[0\]\.compute_chunk_sizes\(\)",
        lambda: [*ours.TimeSeriesSplit(2).split_collections(UNKNOWN)],
        lambda: [
            *ours.TimeSeriesSplit(2, gap=1).split_collections(unknown().compute_chunk_sizes())
        ],
    ),
    # Scores over splits
    advice(
        lambda: cross(cv=theirs.GroupKFold(3)),
        "Give a number of folds, or KFold, StratifiedKFold, ShuffleSplit or TimeSeriesSplit",
        lambda: cross(cv=3),
        *(
            lambda splitter=splitter: cross(cv=splitter(2))
            for splitter in (
                *(ours.KFold, ours.StratifiedKFold, ours.ShuffleSplit, ours.TimeSeriesSplit),
            )
        ),
    ),
    advice(lambda: cross(n_jobs=2), "Leave n_jobs out", cross),
    advice(lambda: cross(pre_dispatch=4), "pre_dispatch=4 needs rows in memory. Leave it", cross),
    advice(lambda: cross(groups=DY), "no splitter of collections has groups. Leave it out", cross),
    advice(
        lambda: cross(params=[np.ones(120)]),
        r"Give the further arguments of fit by name, such as \{'sample_weight': weights\}",
        lambda: cross(params={"sample_weight": dask_array(np.ones(120), CHUNKS)}),
    ),
    advice(
        lambda: ours.cross_validate(type(sgd()), DX, DY),
        r"is not an estimator instance with a method fit. Give one, such as SGDClassifier\(\)",
        lambda: ours.cross_validate(type(sgd())(), DX, DY),
    ),
    advice(
        lambda: ours.cross_validate(StandardScaler(), DX, DY),
        "StandardScaler.. does not. Give scoring",
        lambda: ours.cross_validate(StandardScaler(), DX, DY, scoring=lambda *_: 1.0),
    ),
    advice(
        lambda: cross(scoring="acuracy"),
        r"Did you mean 'accuracy'\? sklearn.metrics.get_scorer_names\(\) lists all names",
        lambda: cross(scoring="accuracy"),
    ),
    advice(
        lambda: cross(scoring=3),
        r"Give the name of one, a function \(estimator, X, y\), a list or dict of several, or None",
        lambda: cross(scoring="accuracy"),
        lambda: cross(scoring=lambda model, X, y: 1.0),
        lambda: cross(scoring=["accuracy"]),
        lambda: cross(scoring={"share": "accuracy"}),
        lambda: cross(scoring=None),
    ),
    advice(
        lambda: cross(scoring=lambda model, X, y: "good"),
        "The scorer 'score' returned it. Return a float",
        lambda: cross(scoring=lambda model, X, y: 0.5),
    ),
    advice(
        lambda: cross(scoring="neg_log_loss"),
        "Give another score, or an estimator that has the method, such as SGDClassifier.loss=",
        lambda: cross(scoring="accuracy"),
        lambda: ours.cross_validate(
            sgd(loss="log_loss", classes=[0, 1]), DX, DY, cv=3, scoring="neg_log_loss"
        ),
    ),
    advice(
        lambda: cross(ours.cross_val_predict, method="predict_prob"),
        "Give one of predict, decision_function, or an estimator that has it",
        lambda: cross(ours.cross_val_predict, method="predict").compute(),
        lambda: cross(ours.cross_val_predict, method="decision_function").compute(),
    ),
    advice(
        lambda: cross(ours.learning_curve, train_sizes=[]),
        "Give at least one share in .0, 1.",
        lambda: cross(ours.learning_curve, train_sizes=[1.0]),
    ),
    advice(
        lambda: cross(ours.validation_curve, param_name="alpha", param_range=3),
        r"param_range=3 is not a list of values. Give one, such as \[3\]",
        lambda: cross(ours.validation_curve, param_name="alpha", param_range=[3]),
    ),
    advice(
        lambda: cross(ours.validation_curve, param_name="alpha", param_range=[]),
        "param_range has no values. Give at least one",
        lambda: cross(ours.validation_curve, param_name="alpha", param_range=[3]),
    ),
    advice(
        lambda: [*ours.StratifiedKFold(2).split_collections(DX)],
        "labels y, which are None. Give them, or use KFold",
        lambda: [*ours.StratifiedKFold(2).split_collections(DX, DY)],
        lambda: [*ours.KFold(2).split_collections(DX)],
    ),
    advice(
        lambda: cross(verbose=1),
        "Set verbose of the estimator instead",
        lambda: ours.cross_validate(sgd(classes=[0, 1], verbose=1), DX, DY, cv=3),
    ),
    advice(
        lambda: cross(ours.learning_curve, exploit_incremental_learning=True),
        "exploit_incremental_learning=True needs rows in memory. Leave it out",
        lambda: cross(ours.learning_curve, train_sizes=[0.5]),
    ),
    advice(
        lambda: routed(cross),
        r"Disable it: sklearn\.set_config\(enable_metadata_routing=False\)",
        cross,
    ),
    advice(
        lambda: cross(ours.cross_val_score, scoring=["accuracy"]),
        "Give one, or use cross_validate for several",
        lambda: cross(ours.cross_val_score, scoring="accuracy"),
        lambda: cross(scoring=["accuracy"]),
    ),
    advice(
        lambda: cross(scoring=[]),
        "Give at least one, or None",
        lambda: cross(scoring=["accuracy"]),
        lambda: cross(scoring=None),
    ),
    advice(
        lambda: cross(ours.cross_val_predict, cv=ours.TimeSeriesSplit(2)),
        "Give KFold or StratifiedKFold",
        lambda: cross(ours.cross_val_predict, cv=ours.KFold(2)).compute(),
        lambda: cross(ours.cross_val_predict, cv=ours.StratifiedKFold(2)).compute(),
    ),
    advice(
        lambda: by_fold(cv=ours.KFold(3)),
        r"List all labels in classes of the estimator, or give cv=StratifiedKFold\(\.\.\.\)",
        lambda: by_fold(cv=ours.KFold(3), classes=[0, 1, 2]),
        lambda: by_fold(cv=ours.StratifiedKFold(3)),
    ),
    # Searches
    advice(
        lambda: search(cv=3).fit(*FEW),
        "Give fewer folds, more blocks with rows, or cv='progressive'",
        lambda: search(cv=2).fit(*FEW),
        lambda: search(cv=3).fit(BX, BY),
        lambda: search().fit(*FEW),
    ),
    advice(
        lambda: search(DRAWN).fit(BX, BY),
        "Give n_iter, the number of candidates to draw",
        lambda: search(DRAWN, n_iter=2).fit(BX, BY),
    ),
    advice(
        lambda: ours.StreamSearchCV(sgd(), []).fit(BX, BY),
        r"Give a dict of names and lists of values, such as \{'alpha': \[0.01, 0.1\]\}",
        lambda: search({"alpha": [0.01, 0.1]}).fit(BX, BY),
    ),
    advice(
        lambda: ours.StreamSearchCV(sgd(), [1]).fit(BX, BY),
        "parameters contains 1, which is not a dict. Give a dict of names and lists",
        lambda: ours.StreamSearchCV(sgd(), [GRID]).fit(BX, BY),
    ),
    advice(
        lambda: search(refit="f1").fit(BX, BY),
        "Give refit=True, scoring='f1', or a list of several scores",
        lambda: search(refit=True).fit(BX, BY),
        lambda: search(refit="f1", scoring="f1").fit(BX, BY),
        lambda: search(refit="f1", scoring=["accuracy", "f1"]).fit(BX, BY),
    ),
    advice(
        lambda: search(refit=lambda table: 7).fit(BX, BY),
        "Return an int from 0 to 1",
        lambda: search(refit=lambda table: 1).fit(BX, BY),
    ),
    advice(
        lambda: search(scoring="neg_log_loss").fit(BX, BY),
        "Give another score, or an estimator that has the method",
        lambda: search(scoring="accuracy").fit(BX, BY),
        lambda: ours.StreamSearchCV(sgd(loss="log_loss"), GRID, scoring="neg_log_loss").fit(BX, BY),
    ),
    advice(
        lambda: ours.StreamSearchCV(KMEANS, {"n_clusters": [2, 3]}, scoring="rand_score").fit(BX),
        "Give y, or scoring=None",
        lambda: ours.StreamSearchCV(KMEANS, {"n_clusters": [2, 3]}, scoring="rand_score").fit(
            BX, BY
        ),
        lambda: ours.StreamSearchCV(KMEANS, {"n_clusters": [2, 3]}).fit(BX),
    ),
    advice(
        lambda: over_pipeline(linear_model.LogisticRegression()),
        "an estimator that has it. Or use validation_curve with a pipeline of schedule=.per-step",
        lambda: over_pipeline(sgd()),
        lambda: ours.validation_curve(
            make_pipeline(StandardScaler(), linear_model.LogisticRegression(), schedule="per-step"),
            *(BX, BY),
            param_name="logisticregression__C",
            param_range=[0.1, 1.0],
        ),
    ),
    advice(
        lambda: over_pipeline(LogisticRegression()),
        "an estimator that has it. Or use validation_curve, which compares the values",
        lambda: over_pipeline(sgd()),
        lambda: ours.validation_curve(
            make_pipeline(StandardScaler(), LogisticRegression()),
            *(BX, BY),
            param_name="logisticregression__C",
            param_range=[0.1, 1.0],
        ),
    ),
    advice(
        lambda: ours.StreamSearchCV(LogisticRegression(), {"C": [1.0]}).fit(BX, BY),
        "validation_curve compares the values of one parameter of any estimator",
        lambda: ours.validation_curve(
            LogisticRegression(), BX, BY, param_name="C", param_range=[0.1, 1.0]
        ),
    ),
    advice(
        lambda: fitted().fit(BX, BY, groups=BY),
        "and no search has folds by groups. Leave it out",
        lambda: fitted().fit(BX, BY),
    ),
    advice(
        lambda: search().fit(DX.rechunk({0: 120}), DY.rechunk({0: 120})),
        "Give X and y in more blocks, by rechunk of an array or repartition of a frame",
        lambda: search().fit(DX.rechunk({0: 12}), DY.rechunk({0: 12})),
        lambda: search().fit(PARTS.repartition(npartitions=4), LABELS.repartition(npartitions=4)),
    ),
    advice(
        lambda: search().fit(BX, BY, sample_weight=0 * BY),
        "Leave sample_weight out, or give some rows a weight",
        lambda: search().fit(BX, BY),
        lambda: search().fit(BX, BY, sample_weight=1 + BY),
    ),
    advice(
        lambda: hyperband(BX, BY, n_blocks=100),
        "Leave n_blocks out",
        lambda: hyperband(BX, BY),
    ),
    advice(
        lambda: search(n_jobs=0).fit(BX, BY),
        "Give a number of threads, or None for all",
        lambda: search(n_jobs=1).fit(BX, BY),
        lambda: search(n_jobs=None).fit(BX, BY),
    ),
    advice(
        lambda: search(scoring=["accuracy", "f1"]).fit(BX, BY),
        "Give the name of the one that chooses the best candidate, or refit=False",
        lambda: search(scoring=["accuracy", "f1"], refit="f1").fit(BX, BY),
        lambda: search(scoring=["accuracy", "f1"], refit=False).fit(BX, BY),
    ),
    advice(
        lambda: fitted(refit=False).predict(X),
        "Fit it with refit=True, or with the name of one of several scores",
        lambda: fitted(refit=True).predict(X),
        lambda: fitted(scoring=["accuracy", "f1"], refit="f1").predict(X),
    ),
    advice(
        lambda: ours.StreamSearchCV(Offset(), GRID).fit(X, Y, offset=X[:, 0]),
        "Give X as a dask array",
        lambda: ours.StreamSearchCV(Offset(), GRID).fit(DX, Y, offset=X[:, 0]),
    ),
    advice(
        lambda: search(cv=4).fit(DX, DY),
        "Give data in more blocks, fewer folds, or cv='progressive'",
        lambda: search(cv=4).fit(BX, BY),
        lambda: search(cv=3).fit(DX, DY),
        lambda: search(cv="progressive").fit(DX, DY),
    ),
    advice(
        lambda: search(cv=ours.KFold(4)).fit(*source(), classes=[0, 1]),
        "Give cv=4, which deals the blocks to the folds in turn",
        lambda: search(cv=4, shuffle=False).fit(*source(), classes=[0, 1]),
    ),
    advice(
        lambda: halving(*source()),
        "Give min_resources: the number of blocks before candidates first drop out",
        lambda: halving(*source(), min_resources=2, shuffle=False),
    ),
    advice(
        lambda: halving(DX, DY, min_resources=4),
        "Give data in more blocks, or min_resources, which may be at most the number of blocks",
        lambda: halving(BX, BY, min_resources=4),
        lambda: halving(DX, DY, min_resources=3),
    ),
    advice(
        lambda: hyperband(*source()),
        "Give n_blocks",
        lambda: hyperband(*source(), n_blocks=8, shuffle=False),
    ),
    advice(
        lambda: hyperband(DX, DY, min_resources=4),
        "Give data in more blocks, or a smaller min_resources",
        lambda: hyperband(BX, BY, min_resources=4),
        lambda: hyperband(DX, DY, min_resources=3),
    ),
]
