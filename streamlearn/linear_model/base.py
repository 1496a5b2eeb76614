"""The base class of the linear models: from parameters to a fit, and from there to attributes."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from streamlearn._arrays import (
    Array,
    asarray,
    batch_rows,
    by_columns,
    cast,
    device,
    float_dtype,
    is_array,
    is_sparse,
    linear_predictor,
    namespace,
    sparse,
    to_numpy,
)
from streamlearn._estimator.inputs import Given, check_inputs, check_parameters, is_foreign
from streamlearn._estimator.moving import Movable
from streamlearn._estimator.outputs import rows_out
from streamlearn._estimator.versions import Versioned
from streamlearn._sklearn import Interval, StrOptions
from streamlearn._thirdparty import row_loop
from streamlearn._training.ahead import hand_back
from streamlearn._training.block_learner import BlockLearner
from streamlearn._training.course import Course, First, HeldOut, Learned, Shuffle, Target
from streamlearn._training.epochs import Progress, train
from streamlearn._training.stopping import NoImprovement
from streamlearn._validation.messages import diverged
from streamlearn._validation.reader import as_numbers, as_vector, finite_or_raise, sum_is_finite
from streamlearn.blocks import is_collection
from streamlearn.core.affine_map import AffineMap
from streamlearn.core.batches import cut
from streamlearn.core.learner import Info, Learner, an_array
from streamlearn.core.linear import links, newton, newton_state, rowwise, sgd
from streamlearn.core.linear.losses import LOSSES, MARGIN_LOSSES
from streamlearn.core.linear.rates import RATES
from streamlearn.core.linear.row_step import PASSIVE
from streamlearn.core.scores import EACH_ACCURACY, Score
from streamlearn.linear_model import draws, per_class_order, scheduled
from streamlearn.linear_model.sklearn_names import Familiar
from streamlearn.linear_model.sparse_coef import SparseCoef

SMALLER = (
    "So might a smaller step where the learning rate is not 'auto', and dividing y by its largest "
    "value where that is too large to be squared."
)
"""Further advice in the error of a linear model that has diverged."""

RULES = (sgd, newton, rowwise)
"""The core modules that learn linear models."""


class SGD(SparseCoef, Familiar, Movable, Versioned, BaseEstimator):
    """A linear model that learns by stochastic gradient steps."""

    _takes_collections = True
    _dense = None  # rows may be sparse
    _takes_flow = True  # X may be a `streamlearn.stages.Flow`

    _kind: str  # the ``kind`` of `streamlearn.core.linear.sgd.Params`
    _row_by_row_rate: str  # scikit-learn's default of ``learning_rate``
    _metric: Score  # it compares the targets of held-out rows with `_predicted` of their scores
    _predicted: Callable[[Array], Array]
    _learned: Learned  # `partial_fit` goes on from it, and draws from the seed and the epoch
    _seed: int
    _epoch: int

    _parameter_constraints: dict[str, Any] = {
        "loss": [StrOptions(set(LOSSES) - set(MARGIN_LOSSES))],
        "penalty": [StrOptions({"l2", "l1", "elasticnet"}), None],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both"), None],
        "fit_intercept": ["boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "tol": [Interval(Real, 0, None, closed="left"), None],
        "shuffle": ["boolean", StrOptions({"rows"})],
        "verbose": ["verbose"],
        "epsilon": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "learning_rate": [StrOptions({"auto", *RATES, *PASSIVE})],
        "eta0": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, None, None, closed="neither")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "average": [Interval(Integral, 0, None, closed="neither"), "boolean"],
        "batch_size": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
    }

    def _check(self, *, partial_fit: bool) -> None:
        """Check each parameter, and then the parameters together."""
        check_parameters(self, again=not partial_fit)
        rate = self._rate()
        if self.early_stopping and partial_fit:
            raise ValueError("early_stopping should be False with partial_fit")
        if rate == "optimal" and self.alpha == 0:
            raise ValueError(
                "alpha must be > 0 since learning_rate is 'optimal'. alpha is used to compute the "
                "optimal learning rate."
            )
        if rate in PASSIVE:
            loss = "hinge" if self._kind == "classes" else "epsilon_insensitive"
            if self._loss() != loss:
                raise ValueError(f"Learning rate '{rate}' only works with loss '{loss}'.")
            if self.batch_size not in (1, "auto"):
                raise ValueError(
                    f"learning_rate={rate!r} is defined row by row: batch_size must be 1 or "
                    f"'auto', which means 1 then; got {self.batch_size!r}."
                )
        if self.penalty == "elasticnet" and self.l1_ratio is None:
            raise ValueError("l1_ratio must be set when penalty is 'elasticnet'")
        if self.power_t < 0:
            warnings.warn(
                "Negative values for `power_t` are deprecated, as in scikit-learn 1.8, and will "
                "raise an error. Use 0 or more.",
                FutureWarning,
                stacklevel=3,
            )

    def _check_inputs(
        self, X: Any, y: Any, sample_weight: Any, *, reset: bool, target: str
    ) -> Given:
        """Check the arguments of ``fit`` or ``partial_fit``."""
        # These find NaN and infinity in the rows that they score: all but held-out rows.
        newton_steps, in_memory = self._rate() == "auto", not is_foreign(X)
        in_memory = in_memory and not any(map(is_collection, (X, y, sample_weight)))
        found = newton_steps or (in_memory and self.batch_size in (1, "auto"))
        found = found and not self.early_stopping
        return check_inputs(
            self, X, y, sample_weight, reset=reset, target=target, lazy_rows=True, finite=not found
        )

    def _loss(self) -> str:
        return self.loss

    def _rate(self) -> str:
        """Return the learning rate. Row by row "auto" is scikit-learn's default."""
        if self.learning_rate == "auto" and self.batch_size == 1:
            return self._row_by_row_rate
        return self.learning_rate

    def _rule(self, given: Given, state: Any = None) -> Any:
        """Return the module whose rule learns from the rows, after the rows that made ``state``."""
        if self._rate() == "auto":
            return newton
        if self.batch_size == 1 or self._rate() in PASSIVE:
            return rowwise
        if self.batch_size != "auto" or not self._may_loop(given):
            return sgd
        if given.blocks.whole is not None:
            return rowwise if _in_numpy(given) else sgd
        if state is None:
            return scheduled
        return rowwise if row_loop.takes(an_array(state)) else sgd

    def _may_loop(self, given: Given) -> bool:
        """Return whether scikit-learn's loop may learn from the rows, if it takes them.

        Under an L1 penalty all rows and epochs of a call have to be one run of the loop.
        """
        return self.penalty not in ("l1", "elasticnet") or self._is_one_call(given)

    def _params(self, positive: Any = 1.0, negative: Any = 1.0) -> sgd.Params:
        return sgd.Params(
            loss=self._loss(),
            kind=self._kind,
            penalty=self.penalty,
            alpha=float(self.alpha),
            l1_ratio=0.0 if self.l1_ratio is None else float(self.l1_ratio),
            epsilon=float(self.epsilon),
            learning_rate=self._rate(),
            eta0=float(self.eta0),
            power_t=float(self.power_t),
            average=int(self.average),
            fit_intercept=bool(self.fit_intercept),
            positive_weight=positive,
            negative_weight=negative,
        )

    def _learner(
        self, given: Given, params: sgd.Params, coef_init: Any, intercept_init: Any
    ) -> Learner:
        """Return the learner for ``fit``, which starts from given or former coefficients, or 0."""
        rule = self._rule(given)
        learner = rule.learner(params)
        if self.warm_start and hasattr(self, "coef_"):
            coef_init = self._dense_coef() if coef_init is None else coef_init
            intercept_init = self.intercept_ if intercept_init is None else intercept_init
        if coef_init is None and intercept_init is None:
            return learner
        coef = _in_host(coef_init, "coef_init")
        intercept = _in_host(intercept_init, "intercept_init")
        return learner._replace(init=partial(_start_from, rule.start, coef, intercept))

    def _former(self, given: Given, params: sgd.Params) -> Learned:
        """Return what ``partial_fit`` goes on from, which is empty before the first call."""
        learned = self._learned if hasattr(self, "_learned") else Learned()
        if learned.state is None:
            return learned
        rule = self._rule(given, learned.state)
        if isinstance(learned.state, rule.State):
            if rule is not rowwise:
                return learned
            return learned._replace(state=rowwise.resume(params, learned.state))
        # The parameters ask for another algorithm than before, which starts from the former model.
        # Newton steps start from no rows, because their state counts the rows it has seen.
        former = next(known for known in RULES if isinstance(learned.state, known.State))
        state = rule.start(params, *former.answer(params, learned.state))
        return Learned(state, 0 if rule is newton else learned.rows)

    def _learn(
        self,
        given: Given,
        learner: Learner,
        learned: Learned,
        n_outputs: int,
        classes: np.ndarray | None = None,
        *,
        partial_fit: bool,
    ) -> None:
        """Run the fit and set the fitted attributes."""
        lazy, former = not given.blocks.in_memory, learned.state
        rule = self._rule(given, former)
        exact = rule is rowwise
        one_call = exact and self._is_one_call(given)
        one_pass = partial_fit or (self.max_iter == "auto" and lazy)
        max_iter = 1 if one_pass else 1000 if self.max_iter == "auto" else int(self.max_iter)
        epoch = self._epoch if partial_fit and former is not None else 0
        seed, seeds, held_rows = self._draws(given, n_outputs, epoch, classes is not None, exact)
        by, order = None, None
        if self.shuffle:
            by = "rows" if not lazy or self.shuffle == "rows" or exact else "batches"
        batch_size = None if exact or self.batch_size == "auto" else int(self.batch_size)
        first = First(epoch, learned.rows)
        if exact:
            epochs = None if partial_fit else max_iter
            learner, batch_size, order = self._row_by_row(
                learner, given, first, epochs, seeds, held_rows
            )
            by = by if batch_size is None else None
        course = Course(
            learner,
            n_outputs,
            given.reader,
            target=Target(classes),
            batch_size=batch_size,
            shuffle=Shuffle(by, seed, order),
            held_out=self._held_out(held_rows, of_classes=classes is not None),
            first=first,
            ahead=None if given.flow is None else given.flow.chain,
            weighted="sample_weight" in given.blocks.names,
            signed_weights=rule is not newton,
        )
        if given.flow is not None:
            learned = learned._replace(ahead=given.flow.states)
        answer = partial(rule.answer, learner.params)
        outcome = train(
            BlockLearner(course, mean_loss),
            given.blocks,
            Progress(learned, epoch),
            self._stopping(course),
            max_iter=1 if one_call else max_iter,
            observers=() if one_call or not self.verbose else [Lines(answer)],
        )
        learned, n_iter, stopped = outcome.learned, outcome.n_iter, outcome.stopped
        if one_call:
            state, n_iter = learned.state
            stopped = n_iter < max_iter
            learned = learned._replace(state=state, rows=learned.rows + (n_iter - 1) * outcome.rows)
        coef, intercept = answer(learned.state)
        if not all(np.isfinite(to_numpy(a)).all() for a in (coef, intercept)):
            raise diverged(f"at epoch #{n_iter}", advice=SMALLER)
        if held_rows is not None:
            # scikit-learn counts held-out rows too, and its schedules go on from that count.
            learned = learned._replace(rows=learned.rows + n_iter * len(held_rows))
        if given.flow is not None:
            learned = hand_back(given.flow, self, learned, coef.shape[1])
        self._seed, self._learned, self._epoch = seed, learned, epoch + n_iter
        self._publish(coef, intercept)
        self.n_iter_ = n_iter
        self.t_ = 1.0 + learned.rows
        self.loss_curve_ = list(outcome.losses)
        self._warn_of_steps(former, learned.state)
        if self.tol is not None and not one_pass and not stopped:
            warnings.warn(
                "Maximum number of iteration reached before convergence. Consider increasing "
                "max_iter to improve the fit.",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _is_one_call(self, given: Given) -> bool:
        """Return whether scikit-learn's loop learns row by row from all rows in one call."""
        return _in_numpy(given) and not self.early_stopping

    def _row_by_row(
        self,
        learner: Learner,
        given: Given,
        first: First,
        max_iter: int | None,
        seeds: tuple[int, ...],
        held_rows: np.ndarray | None,
    ) -> tuple[Learner, int | None, draws.Order | None]:
        """Return the learner, the rows of a batch if it orders them itself, or else their order.

        ``max_iter`` is None for a call of ``partial_fit``.
        """
        if self._may_loop(given):
            learner = row_loop.looped(learner)
        if self._is_one_call(given):
            rule = None
            if max_iter is not None:
                rule = {
                    "max_iter": max_iter,
                    "tol": self.tol,
                    "n_iter_no_change": int(self.n_iter_no_change),
                }
            call = row_loop.OneCall(seeds, rule, bool(self.shuffle), int(self.verbose), SMALLER)
            return learner._replace(update=call), sys.maxsize, None
        if held_rows is not None:
            learner = learner._replace(apply=_scores_without_mean)
        if not (self.shuffle and seeds):
            return learner, None, None
        (n,), some = given.blocks.rows, seeds if given.flow is None else seeds[:1]
        assert n is not None
        orders = tuple(draws.Order(draws.permutation(seed, n), first.epoch) for seed in some)
        if len(orders) == 1:
            return learner, None, orders[0]
        kept = np.arange(n) if held_rows is None else np.delete(np.arange(n), held_rows)
        update = per_class_order.InOwnOrders(learner, orders, kept, first.rows)
        return learner._replace(update=update), n, None

    def _warn_of_steps(self, former: Any, state: Any) -> None:
        """Warn if many of the steps between two states made the loss worse."""
        if not isinstance(state, newton_state.State):
            return
        steps, back = (to_numpy(a) for a in (state.trust.steps, state.trust.back))
        if max(back.tolist()) < 5:
            return
        if isinstance(former, newton_state.State):
            steps = steps - to_numpy(former.trust.steps)
            back = back - to_numpy(former.trust.back)
        if np.any((back >= 5) & (back > 0.05 * steps)):
            warnings.warn(
                f"{int(back.max())} of {int(steps.max())} steps made the loss of the next rows "
                "clearly worse and were taken back: those rows are of another kind than the rows "
                "before. Put the rows in random order before they are stored or given, or give "
                "larger blocks.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _held_out(self, rows: np.ndarray | None, *, of_classes: bool) -> HeldOut | None:
        """Return how rows are held out and scored. Each class has its score in memory."""
        if not self.early_stopping:
            return None
        if rows is not None and of_classes:
            return HeldOut(EACH_ACCURACY, links.above, rows=rows)
        share = float(self.validation_fraction) if rows is None else 0.0
        return HeldOut(self._metric, self._predicted, share, rows)

    def _stopping(self, course: Course) -> NoImprovement:
        """Return the stopping rule."""
        held_out, cause = course.held_out, ""
        if held_out is not None:
            cause = f"validation_fraction={held_out.share!r} of each block's rows holds out"
            if held_out.rows is not None:
                cause = f"validation_fraction holds out {len(held_out.rows)} of the rows:"
        return NoImprovement(
            course.n_outputs,
            -np.inf if self.tol is None else self.tol,
            self.n_iter_no_change,
            score=None if held_out is None else held_out.score,
            held_out=cause,
            adaptive=self._rate() == "adaptive",
        )

    def _draws(
        self, given: Given, n_outputs: int, epoch: int, of_classes: bool, exact: bool
    ) -> tuple[int, tuple[int, ...], np.ndarray | None]:
        """Return the seed and, for rows in memory, scikit-learn's draws.

        These are the seeds of the orders of the rows, if these are ``exact``, and the held-out
        rows.
        """
        whole = given.blocks.whole
        if whole is None or not (exact or self.early_stopping):
            # One seed serves all passes: a block draws from the seed, the epoch and its number.
            if epoch:
                return self._seed, (), None
            return int(check_random_state(self.random_state).randint(draws.SEED)), (), None
        y, weight = (
            to_numpy(as_vector(whole.parts[name], name)) if name in whole.parts else None
            for name in ("y", "sample_weight")
        )
        assert y is not None
        part = float(self.validation_fraction) if self.early_stopping else 0.0
        seeds, held_rows = draws.drawn(
            self.random_state, y, weight, n_outputs, classes=of_classes, part=part
        )
        of_orders = () if not exact else seeds[:1] if self.shuffle == "rows" else seeds
        return seeds[0], tuple(of_orders), held_rows

    def _publish(self, coef: Array, intercept: Array) -> None:
        self.coef_, self.intercept_ = coef, intercept

    def _out(self, method: str, X: Any, of_scores: Callable[..., Any]) -> Any:
        """Apply a function of the scores (m, K) to the rows of X; see `rows_out`."""
        check_is_fitted(self)
        coef = self._dense_coef()
        function = Scores(coef, self.intercept_, of_scores)
        return rows_out(self, method, X, function, fitted=coef, finite=False)

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the estimator."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.array_api_support = True
        return tags


def _in_numpy(given: Given) -> bool:
    """Return whether all rows are in memory, and are or become rows of scikit-learn's loop."""
    if given.blocks.whole is None:
        return False
    X = given.blocks.whole.X
    return row_loop.takes(X) or not (is_array(X) or is_sparse(X))


def _scores_without_mean(params: sgd.Params, state: rowwise.State, X: Array) -> Array:
    """Return the scores of rows by the last models, because scikit-learn stops by these."""
    last = state._replace(mean_coef=state.coef, mean_intercept=state.intercept)
    return rowwise.apply(params, last, X)


def one_column(p: Array) -> Array:
    """Return scores (m, 1) as (m,), and scores of several columns as they are."""
    return p[:, 0] if p.shape[1] == 1 else p


@dataclass(frozen=True, eq=False)
class Scores:
    """A function of the scores (m, K) of rows.

    Attributes
    ----------
    coef : array of shape (K, d)
        The coefficients.
    intercept : array of shape (K,)
        The intercepts.
    of_scores : callable
        It takes scores and returns an array over the same rows.
    centre : array of shape (d,), default=None
        What is subtracted from the rows first, a cache-sized batch at a time.
    centred : bool, default=False
        Whether the intercept holds a scaler's offset. Sparse rows are then an error, because a
        scaler must not shift them.
    """

    coef: Array
    intercept: Array
    of_scores: Callable[[Array], Array]
    centre: Array | None = None
    centred: bool = False

    @np.errstate(over="ignore", invalid="ignore")  # infinity in X is found in the scores
    def __call__(self, X: Array) -> Array:
        """Return ``of_scores`` of the scores of the rows of X."""
        if is_sparse(X) and (self.centred or self.centre is not None):
            raise ValueError(sparse.CENTRED)
        xp = namespace(X)
        dtype = xp.result_type(X.dtype, self.coef.dtype)
        coef, intercept = (xp.astype(a, dtype, copy=False) for a in (self.coef, self.intercept))
        if self.centre is None:
            p = linear_predictor(cast(X, dtype), coef)
        else:
            centre = xp.astype(self.centre, X.dtype, copy=False)
            p = xp.concat(
                [
                    linear_predictor(
                        xp.astype(by_columns(x, ("subtract", centre)), dtype, copy=False), coef
                    )
                    for x, *_ in cut(X, None, None, seen=0, batch_size=batch_rows(X))
                ]
                or [xp.zeros((0, coef.shape[0]), dtype=dtype, device=device(X))]
            )
        p = p + intercept
        # NaN and infinity of X reach the scores, which are fewer numbers to look at.
        if not sum_is_finite(p):
            finite_or_raise(X, "X", None)
        return self.of_scores(p)

    def after(self, before: Any) -> Scores | None:
        """Return one function for a transformation and these scores. The scale goes into ``coef``.

        It is None if the coefficients would overflow.
        """
        if not isinstance(before, AffineMap) or self.centre is not None:
            return None
        coef, xp = self.coef, namespace(self.coef)
        if before.scale is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                coef = coef / xp.astype(before.scale, coef.dtype, copy=False)
            if not sum_is_finite(coef):
                return None
        near = before.offset is not None and before.unbuilt(coef) is not None
        offset = before.whole_offset() if near else before.remainder
        intercept = self.intercept
        if offset is not None:
            intercept = intercept - coef @ xp.astype(offset, coef.dtype, copy=False)
        if near:
            return replace(self, coef=coef, intercept=intercept, centred=True)
        return replace(self, coef=coef, intercept=intercept, centre=before.offset)


def _in_host(given: Any, name: str) -> np.ndarray | None:
    return None if given is None else to_numpy(as_numbers(given, name))


def _start_from(
    start: Callable[..., Any],
    coef: np.ndarray | None,
    intercept: np.ndarray | None,
    params: sgd.Params,
    n_features: int,
    n_outputs: int,
    *,
    like: Array,
) -> Any:
    """Make a learner's first state from given models, in the place of the first block."""
    dtype, out = float_dtype(like), []
    for name, values, shape in (
        ("coef_init", coef, (n_outputs, n_features)),
        ("intercept_init", intercept, (n_outputs,)),
    ):
        values = np.zeros(shape) if values is None else values
        # The coefficients of one model may have one dimension, and its intercept none.
        if values.shape != shape and (n_outputs > 1 or values.size != np.prod(shape)):
            raise ValueError(
                f"Provided {name} does not match dataset: it has shape {values.shape}, expected "
                f"{shape}. Under warm_start the fit before provides it."
            )
        out.append(asarray(values.reshape(shape), like=like, dtype=dtype))
    return start(params, *out)


class Lines:
    """An observer that prints scikit-learn's verbose lines.

    Parameters
    ----------
    answer : callable
        ``(state) -> (coef, intercept)``.
    """

    def __init__(self, answer: Callable[..., Any]) -> None:
        self.answer, self.started = answer, time.time()

    def __call__(self, progress: Progress) -> None:
        """Print the progress."""
        took = time.time() - self.started
        if progress.at == "start":
            print(f"-- Epoch {progress.n_iter}")  # noqa: T201
        elif progress.at == "segment" and progress.losses:
            coef, intercept = map(to_numpy, self.answer(progress.learned.state))
            print(  # noqa: T201
                f"Norm: {np.linalg.norm(coef):.2f}, NNZs: {np.count_nonzero(coef)}, "
                f"Bias: {intercept[0]:.6f}, T: {progress.learned.rows}, "
                f"Avg. loss: {progress.losses[-1]:f}\nTotal training time: {took:.2f} seconds."
            )
        elif progress.at == "end" and progress.stopped:
            print(f"Convergence after {progress.n_iter} epochs took {took:.2f} seconds")  # noqa: T201


def mean_loss(sums: Info, n_rows: int, n_iter: int, block: int | None) -> float:
    """Return the mean loss of a block's rows, by weight.

    Raises
    ------
    ValueError
        If the loss overflows.
    """
    loss, weight = to_numpy(sums.loss), to_numpy(sums.weight)
    if not np.all(np.isfinite(loss)):
        where = "" if block is None else f", in block {block}"
        raise diverged(f"at epoch #{n_iter}{where}", advice=SMALLER)
    return float(loss.sum() / weight.sum()) if weight.sum() else 0.0
