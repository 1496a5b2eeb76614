"""The base class of the linear models: from parameters to a fit, and from there to attributes."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from streamlearn._arrays import Array, to_numpy
from streamlearn._estimator.estimator import Estimator
from streamlearn._estimator.inputs import CheckedInputs, check_inputs, is_foreign
from streamlearn._thirdparty import row_loop
from streamlearn._training.ahead import hand_back
from streamlearn._training.block_learner import BlockLearner
from streamlearn._training.epochs import Progress, Publish, train
from streamlearn._training.fit_settings import First, FitSettings, HeldOut, Learned, Shuffle, Target
from streamlearn._training.parallel import n_side_by_side, why_unsigned
from streamlearn._training.refining import refined
from streamlearn._training.stopping import Never, NoImprovement
from streamlearn._validation.arrays import as_vector
from streamlearn._validation.label_codes import labels_like
from streamlearn._validation.messages import diverged
from streamlearn.blocks import is_collection
from streamlearn.core.learner import Learner, an_array
from streamlearn.core.linear import links, newton, rowwise, sgd
from streamlearn.core.linear.local_steps import LOCAL_STEPS
from streamlearn.core.linear.losses import LOSSES, SKLEARN_LOSSES
from streamlearn.core.linear.row_step import PASSIVE
from streamlearn.core.scores import EACH_ACCURACY, Score
from streamlearn.linear_model import draws, scheduled
from streamlearn.linear_model.linear_scores import LinearScores
from streamlearn.linear_model.overflow import block_is_named
from streamlearn.linear_model.parameters import Parameters
from streamlearn.linear_model.per_class_order import in_orders
from streamlearn.linear_model.refine import matrix_or_raise
from streamlearn.linear_model.sklearn_names import SklearnAttributes
from streamlearn.linear_model.sparse_coef import SparseCoef
from streamlearn.linear_model.start import from_coefficients, from_former, in_numpy
from streamlearn.linear_model.training import (
    DIVERGENCE_ADVICE,
    Lines,
    after_one_call,
    mean_loss,
    warn_of_steps,
)

WHY_UNSIGNED = "learning_rate='auto' takes none. Use another schedule."
"""What the error about a negative weight says."""


class SGD(Parameters, LinearScores, SparseCoef, SklearnAttributes, Estimator):
    """A linear model that learns by stochastic gradient steps."""

    _takes_collections = True
    _dense = None  # rows may be sparse
    _takes_flow = True  # X may be a `streamlearn.stages.Flow`

    _metric: Score  # it compares the targets of held-out rows with `_predicted` of their scores
    _learned: Learned  # `partial_fit` continues from it, and draws from the seed and the epoch
    _seed: int
    _epoch: int

    def _predicted(self) -> Callable[[Array], Array]:
        """Return the function from scores to what ``_metric`` compares with targets."""
        raise NotImplementedError

    def _valid(self) -> Callable[[Array, int | None], None] | None:
        """Return the check of targets, or None if it takes all that were read."""
        return None

    def _check_inputs(
        self, X: Any, y: Any, sample_weight: Any, *, reset: bool, target: str
    ) -> CheckedInputs:
        """Check the arguments of ``fit`` or ``partial_fit``."""
        # The default rule and scikit-learn's loop find NaN and infinity in the rows that they learn
        # from. Held-out rows are not among these.
        in_memory = not (is_foreign(X) or any(map(is_collection, (X, y, sample_weight))))
        checks = self._rate() == "auto" or (in_memory and self.batch_size in (1, "auto"))
        checks = checks and not self.early_stopping
        return check_inputs(
            self, X, y, sample_weight, reset=reset, target=target, lazy_rows=True, finite=not checks
        )

    def _algorithm(self, given: CheckedInputs, state: Any = None) -> Any:
        """Return the module that learns from the rows. ``state`` is what was learned before."""
        if self._rate() == "auto":
            return newton
        if self._loss() in SKLEARN_LOSSES and (self.batch_size == 1 or self._rate() in PASSIVE):
            return rowwise
        if self.batch_size != "auto" or not self._may_loop(given):
            return sgd
        if given.blocks.whole is not None:
            return rowwise if in_numpy(given.blocks) else sgd
        if state is None:
            return scheduled
        return rowwise if row_loop.takes_rows(an_array(state)) else sgd

    def _may_loop(self, given: CheckedInputs) -> bool:
        """Return whether scikit-learn's loop may learn from rows of NumPy and scipy.

        With an L1 penalty all rows and epochs of a call have to be one run of the loop. It does not
        know all losses.
        """
        if self._loss() not in SKLEARN_LOSSES:
            return False
        return self.penalty not in ("l1", "elasticnet") or self._is_one_call(given)

    def _learner(
        self, given: CheckedInputs, params: sgd.Params, coef_init: Any, intercept_init: Any
    ) -> Learner:
        """Return the learner for ``fit``. It starts from given or former coefficients, or 0."""
        algorithm = self._algorithm(given)
        if self.warm_start and hasattr(self, "coef_"):
            coef_init = self._dense_coef() if coef_init is None else coef_init
            intercept_init = self.intercept_ if intercept_init is None else intercept_init
        return from_coefficients(
            algorithm.learner(params), algorithm.start, coef_init, intercept_init
        )

    def _former(self, given: CheckedInputs, params: sgd.Params) -> Learned:
        """Return the state from which ``partial_fit`` continues, which is empty at first."""
        learned = self._learned if hasattr(self, "_learned") else Learned()
        return from_former(self._algorithm(given, learned.state), params, learned)

    def _learn(
        self,
        given: CheckedInputs,
        learner: Learner,
        learned: Learned,
        n_outputs: int,
        classes: np.ndarray | None = None,
        *,
        partial_fit: bool,
    ) -> None:
        """Run the fit and set the fitted attributes."""
        former = learned.state
        algorithm = self._algorithm(given, former)
        row_by_row = algorithm is rowwise
        one_call = row_by_row and self._is_one_call(given)
        one_pass = partial_fit or (self.max_iter == "auto" and not given.blocks.in_memory)
        max_iter = 1 if one_pass else 1000 if self.max_iter == "auto" else int(self.max_iter)
        epoch = self._epoch if partial_fit and former is not None else 0
        drawn = self._draws(given, n_outputs, epoch, classes is not None, row_by_row)
        settings = self._fit_settings(
            given,
            algorithm,
            learner,
            n_outputs,
            classes,
            First(epoch, learned.rows),
            drawn,
            max_iter=None if partial_fit else max_iter,
        )
        if given.flow is not None:
            learned = learned._replace(ahead=given.flow.states)
        answer = partial(algorithm.answer, settings.learner.params)
        block_learner = BlockLearner(settings, mean_loss)
        known = self.n_features_in_ if given.flow is None else None

        def attributes(progress: Progress) -> dict[str, Any] | None:
            learned = progress.learned
            if learned.state is None:
                return None
            coef, intercept = answer(learned.state)
            if drawn.held_rows is not None:
                # scikit-learn counts held-out rows too, and its schedules continue from that count.
                learned = learned._replace(
                    rows=learned.rows + progress.n_iter * len(drawn.held_rows)
                )
            return {
                **self._coefficients(coef, intercept),
                **({} if classes is None else {"classes_": labels_like(classes, coef)}),
                "n_features_in_": coef.shape[1] if known is None else known,
                "n_iter_": progress.n_iter,
                "t_": 1.0 + learned.rows,
                "loss_curve_": list(progress.losses),
                "_learned": learned._replace(ahead=None, names=None),
                "_seed": drawn.seed,
                "_epoch": progress.epoch,
            }

        with block_is_named(block_learner, given.blocks, epoch):
            outcome = train(
                block_learner,
                given.blocks,
                Progress(learned, epoch),
                Never() if partial_fit else self._stopping(settings),
                max_iter=1 if one_call else max_iter,
                watched_by=() if one_call or not self.verbose else [Lines(answer)],
                publish=None if one_call else Publish(self, attributes, given.flow),
            )
            if one_call:
                outcome = after_one_call(outcome, max_iter)
            if self.refine and not (partial_fit or outcome.interrupted):
                matrix_or_raise(settings.learner, outcome.learned.state, self.refine)
                further = refined(block_learner, given.blocks, outcome, self.refine)
                outcome = outcome._replace(learned=further)
            coef, intercept = answer(outcome.learned.state)
            if not all(np.isfinite(to_numpy(a)).all() for a in (coef, intercept)):
                raise diverged(f"at epoch #{outcome.n_iter}", advice=DIVERGENCE_ADVICE)
        if given.flow is not None:
            hand_back(given.flow, self, outcome.learned, coef.shape[1])
        self.__dict__.update(attributes(outcome) or {})
        warn_of_steps(former, outcome.learned.state)
        if self.tol is not None and not one_pass and not outcome.stopped:
            warnings.warn(
                "Maximum number of iteration reached before convergence. Consider increasing "
                "max_iter to improve the fit.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _fit_settings(
        self,
        given: CheckedInputs,
        algorithm: Any,
        learner: Learner,
        n_outputs: int,
        classes: np.ndarray | None,
        first: First,
        drawn: draws.FitDraws,
        *,
        max_iter: int | None,
    ) -> FitSettings:
        """Return the settings of a fit. ``max_iter`` is None for a call of ``partial_fit``."""
        n_parallel = n_side_by_side(self.n_parallel, given.blocks)
        row_by_row = algorithm is rowwise
        by, order = None, None
        if self.shuffle:
            of_rows = given.blocks.in_memory or self.shuffle == "rows" or row_by_row
            by = "rows" if of_rows else "batches"
        batch_size = None if row_by_row or self.batch_size == "auto" else int(self.batch_size)
        if algorithm is not newton:
            learner = learner._replace(local_steps=LOCAL_STEPS)
        if row_by_row:
            learner, batch_size, order = self._row_by_row(
                learner, given, first, max_iter, drawn.order_seeds, drawn.held_rows
            )
            by = by if batch_size is None else None
        return FitSettings(
            learner,
            n_outputs,
            given.reader,
            target=Target(classes, self._valid(), columns=1),
            batch_size=batch_size,
            shuffle=Shuffle(by, drawn.seed, order),
            held_out=self._held_out(drawn.held_rows, of_classes=classes is not None),
            first=first,
            ahead=None if given.flow is None else given.flow.chain,
            weighted="sample_weight" in given.blocks.names,
            unsigned=WHY_UNSIGNED if algorithm is newton else why_unsigned(n_parallel),
            n_parallel=n_parallel,
        )

    def _is_one_call(self, given: CheckedInputs) -> bool:
        """Return whether scikit-learn's loop can learn from all rows in one call."""
        return in_numpy(given.blocks) and not self.early_stopping

    def _row_by_row(
        self,
        learner: Learner,
        given: CheckedInputs,
        first: First,
        max_iter: int | None,
        seeds: tuple[int, ...],
        held_rows: np.ndarray | None,
    ) -> tuple[Learner, int | None, draws.Order | None]:
        """Return how a fit learns row by row.

        ``max_iter`` is None for a call of ``partial_fit``.

        Returns
        -------
        learner : Learner
        batch_size : int or None
            The number of rows of a batch, if the learner puts these in order itself.
        order : Order or None
            The order of the rows, if it does not.
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
            call = row_loop.OneCall(
                seeds, rule, bool(self.shuffle), int(self.verbose), DIVERGENCE_ADVICE
            )
            return learner._replace(update=call), sys.maxsize, None
        if held_rows is not None:
            learner = learner._replace(apply=_scores_without_mean)
        if not (self.shuffle and seeds):
            return learner, None, None
        (n,) = given.blocks.rows
        assert n is not None
        return in_orders(learner, seeds, n, held_rows, first)

    def _held_out(self, rows: np.ndarray | None, *, of_classes: bool) -> HeldOut | None:
        """Return how rows are held out and scored.

        Each class has its score in memory, unless all classes have one loss.
        """
        if not self.early_stopping:
            return None
        if rows is not None and of_classes and not LOSSES[self._loss()].joint:
            return HeldOut(EACH_ACCURACY, links.above, rows=rows)
        share = float(self.validation_fraction) if rows is None else 0.0
        return HeldOut(self._metric, self._predicted(), share, rows)

    def _stopping(self, settings: FitSettings) -> NoImprovement:
        """Return the stopping rule."""
        held_out, cause = settings.held_out, ""
        if held_out is not None:
            cause = f"validation_fraction={held_out.share!r} of each block's rows holds out"
            if held_out.rows is not None:
                cause = f"validation_fraction holds out {len(held_out.rows)} of the rows:"
        return NoImprovement(
            settings.n_outputs,
            -np.inf if self.tol is None else self.tol,
            self.n_iter_no_change,
            score=None if held_out is None else held_out.score,
            held_out=cause,
            adaptive=self._rate() == "adaptive",
        )

    def _draws(
        self, given: CheckedInputs, n_outputs: int, epoch: int, of_classes: bool, row_by_row: bool
    ) -> draws.FitDraws:
        """Return what a fit draws before its first epoch: for rows in memory as scikit-learn."""
        whole = given.blocks.whole
        if whole is None or not (row_by_row or self.early_stopping):
            # One seed serves all passes: a block draws from the seed, the epoch and its number.
            if epoch:
                return draws.FitDraws(self._seed)
            return draws.FitDraws(int(check_random_state(self.random_state).randint(draws.SEED)))
        y, weight = (
            to_numpy(as_vector(whole.parts[name], name)) if name in whole.parts else None
            for name in ("y", "sample_weight")
        )
        assert y is not None
        part = float(self.validation_fraction) if self.early_stopping else 0.0
        seeds, held_rows = draws.sklearn_draws(
            self.random_state, y, weight, n_outputs, classes=of_classes, part=part
        )
        order_seeds = () if not row_by_row else seeds[:1] if self.shuffle == "rows" else seeds
        return draws.FitDraws(seeds[0], tuple(order_seeds), held_rows)

    def _coefficients(self, coef: Array, intercept: Array) -> dict[str, Any]:
        """Return the fitted attributes of the coefficients."""
        return {"coef_": coef, "intercept_": intercept}

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the estimator."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.array_api_support = True
        return tags


def _scores_without_mean(params: sgd.Params, state: rowwise.State, X: Array) -> Array:
    """Return the scores of rows by the last models, because scikit-learn stops by these."""
    last = state._replace(mean_coef=state.coef, mean_intercept=state.intercept)
    return rowwise.apply(params, last, X)
