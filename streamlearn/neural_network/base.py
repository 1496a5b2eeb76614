"""The base class of the nets: from parameters to a fit, and from there to attributes."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from streamlearn import blocks as engine
from streamlearn._arrays import to_numpy
from streamlearn._estimator.callbacks import watched
from streamlearn._estimator.estimator import Estimator
from streamlearn._estimator.inputs import (
    CheckedInputs,
    check_inputs,
    check_parameters,
    unchanged_on_error,
)
from streamlearn._estimator.outputs import rows_out
from streamlearn._training.ahead import hand_back
from streamlearn._training.block_learner import BlockLearner
from streamlearn._training.epochs import Progress, Publish, train
from streamlearn._training.fit_settings import First, FitSettings, HeldOut, Learned, Shuffle, Target
from streamlearn._training.parallel import n_side_by_side, why_unsigned
from streamlearn._training.prepare import PreparedBlock, taken
from streamlearn._training.stopping import Best, NoImprovementOfNet, mean_objective
from streamlearn._validation.reader import same_place_or_raise
from streamlearn.core import mlp
from streamlearn.neural_network import draws
from streamlearn.neural_network.lbfgs import minimize
from streamlearn.neural_network.outputs import Outputs
from streamlearn.neural_network.parameters import Parameters
from streamlearn.neural_network.targets import Goal, batch_of
from streamlearn.neural_network.training import (
    Lines,
    mean_objective_of_block,
    weights_finite_or_raise,
)


class Remembered(NamedTuple):
    """Values that predictions and the next fit need in addition to the public attributes.

    Attributes
    ----------
    activation : str
        The activation function of the last fit.
    moving : NamedTuple of arrays
        The state of the optimizer.
    best : Best
        The best result so far, for the stopping rule.
    """

    activation: str
    moving: Any
    best: Best


class Pace(NamedTuple):
    """A stand-in for scikit-learn's ``_optimizer``, of which user code reads the learning rate."""

    learning_rate: float


class MLP(Parameters, Estimator):
    """A multi-layer perceptron, the base class of `MLPClassifier` and `MLPRegressor`."""

    _takes_collections = True
    _takes_flow = True  # X may be a `streamlearn.stages.Flow`
    _dense = None  # rows may be sparse

    t_: int
    best_loss_: float | None
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    _target: str  # the ``target`` of `check_inputs`
    _learned: Remembered
    _seed: int  # blocks draw from it
    _epoch: int  # the number of the next epoch

    def _goal(
        self, given: CheckedInputs, y: Any, classes: Any, *, restarts: bool, further: bool
    ) -> Goal:
        raise NotImplementedError

    @watched
    def _fit(
        self, X: Any, y: Any, sample_weight: Any, classes: Any = None, *, further: bool
    ) -> None:
        """Fit, or learn ``further``, and set the fitted attributes."""
        check_parameters(self, again=not further)
        hidden = self._sizes()
        if further and self.early_stopping:
            raise ValueError(
                "partial_fit does not support early_stopping=True. Set early_stopping=False, or "
                "use fit."
            )
        restarts = not hasattr(self, "coefs_") or not (self.warm_start or further)
        with unchanged_on_error(self):
            X, y, sample_weight = engine.taken_apart(X, y, sample_weight)
            given = check_inputs(
                self,
                X,
                y,
                sample_weight,
                reset=restarts,
                target=self._target,
                lazy_rows=True,
                multi_output=True,
            )
            goal = self._goal(given, y, classes, restarts=restarts, further=further)
            if not restarts:
                former = tuple(b.shape[0] for b in self.intercepts_[:-1])
                if hidden != former:
                    raise ValueError(
                        f"hidden_layer_sizes={self.hidden_layer_sizes!r} are not those of the "
                        f"fitted net, {former}. Set them to these, or begin a new estimator "
                        "(fit with warm_start=False)."
                    )
                if self.intercepts_[-1].shape[0] != goal.n_outputs:
                    raise ValueError(
                        f"y makes {goal.n_outputs} outputs, and the fit before made "
                        f"{self.intercepts_[-1].shape[0]}. Set warm_start=False to forget it."
                    )
            params = self._params(hidden, goal.output)
            random_state = check_random_state(self.random_state)
            if given.whole is not None:
                self._fit_in_memory(given, goal, params, random_state, restarts, further)
            else:
                self._fit_blocks(given, goal, params, random_state, restarts, further)

    def _former(self, params: mlp.Params, further: bool) -> mlp.State:
        """Return the net of the fit before. Only ``partial_fit`` keeps its optimizer's state."""
        net = mlp.start(params, tuple(self.coefs_), tuple(self.intercepts_))
        moving = self._learned.moving if hasattr(self, "_learned") else None
        goes_on = further and isinstance(moving, type(net.moving))
        return net._replace(moving=moving) if goes_on else net

    def _fit_in_memory(
        self,
        given: CheckedInputs,
        goal: Goal,
        params: mlp.Params,
        random_state: np.random.RandomState,
        restarts: bool,
        further: bool,
    ) -> None:
        """Fit to rows in memory, with scikit-learn's draws in their order."""
        assert given.whole is not None
        rows = batch_of(given.whole, goal)
        X, n_rows = rows.X, rows.X.shape[0]
        if restarts:
            net = draws.start(random_state, params, X.shape[1], goal.n_outputs, like=X)
        else:
            method = "partial_fit" if further else "fit"
            same_place_or_raise(X, self.coefs_[0], type(self).__name__, method)
            net = self._former(params, further)
        if self.solver == "lbfgs":
            net, self.loss_, self.n_iter_ = minimize(
                params,
                net,
                rows,
                max_iter=self._max_iter(one_pass=False),
                max_fun=self.max_fun,
                tol=self.tol,
                verbose=bool(self.verbose),
            )
            self.__dict__.update(self._of_net(net, Best(), goal))
            self.t_ = 0 if restarts else getattr(self, "t_", 0)
            return
        held_out = None
        if self.early_stopping:
            # scikit-learn stratifies only targets of one column, which two classes are.
            labels = None
            if goal.classes is not None and goal.n_outputs == 1:
                labels = goal.classes[to_numpy(rows.target)]
            to_learn, to_score = draws.train_and_held_out(
                random_state, n_rows, self.validation_fraction, labels
            )
            held_out, rows, n_rows = taken(rows, to_score), taken(rows, to_learn), len(to_learn)
        if self.batch_size != "auto" and self.batch_size > n_rows:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be "
                "clipped",
                UserWarning,
                stacklevel=5,
            )
        settings = FitSettings(
            mlp.learner(params),
            goal.n_outputs,
            given.reader,
            batch_size=min(self._batch_size(), n_rows),
            shuffle=Shuffle(order=draws.Order(random_state, n_rows) if self.shuffle else None),
            held_out=self._held_out(goal),
            weighted="sample_weight" in given.blocks.names,
        )
        at_hand = PreparedBlock(rows.X, rows.target, rows.weight, held_out=held_out)
        learned = Learned(net, 0 if restarts else getattr(self, "t_", 0))
        learner = BlockLearner(settings, mean_objective_of_block, at_hand)
        self._train(
            learner, given, goal, learned, one_pass=False, restarts=restarts, further=further
        )

    def _held_out(self, goal: Goal, share: float = 0.0) -> HeldOut | None:
        """Return how held-out rows are scored."""
        return HeldOut(goal.metric, goal.predicted, share) if self.early_stopping else None

    def _fit_blocks(
        self,
        given: CheckedInputs,
        goal: Goal,
        params: mlp.Params,
        random_state: np.random.RandomState,
        restarts: bool,
        further: bool,
    ) -> None:
        """Fit to blocks, or to the flow of a pipeline."""
        if self.solver == "lbfgs":
            raise NotImplementedError(
                "solver='lbfgs' needs all rows at once, and so neither learns from a dask "
                "collection nor in one pass of a pipeline. Use 'adam' or 'sgd', or give an array "
                'in memory (in a pipeline with schedule="per-step").'
            )
        # The weights take scikit-learn's first draws. A task draws them, because with stages ahead
        # only a task knows the number of features.
        first_draws = copy.deepcopy(random_state)
        seed, epoch = int(random_state.randint(np.iinfo(np.int32).max)), 0
        if further and hasattr(self, "_seed"):
            seed, epoch = self._seed, self._epoch
        lazy, shuffle = not given.blocks.in_memory, None
        if self.shuffle:
            shuffle = "batches" if lazy and self.shuffle != "rows" else "rows"
        n_parallel = n_side_by_side(self.n_parallel, given.blocks)
        learner = mlp.learner(params)._replace(init=partial(draws.start_in_task, first_draws))
        settings = FitSettings(
            learner,
            goal.n_outputs,
            given.reader,
            target=Target(goal.classes, goal.valid),
            batch_size=self._batch_size(),
            shuffle=Shuffle(shuffle, seed),
            held_out=self._held_out(goal, float(self.validation_fraction)),
            first=First(epoch),
            ahead=None if given.flow is None else given.flow.chain,
            weighted="sample_weight" in given.blocks.names,
            unsigned=why_unsigned(n_parallel),
            n_parallel=n_parallel,
        )
        learned = Learned()
        if not restarts:
            learned = Learned(self._former(params, further), getattr(self, "t_", 0))
        if given.flow is not None:
            learned = learned._replace(ahead=given.flow.states)
        outcome = self._train(
            BlockLearner(settings, mean_objective_of_block),
            given,
            goal,
            learned,
            one_pass=lazy,
            restarts=restarts,
            further=further,
            epoch=epoch,
        )
        if given.flow is not None:
            hand_back(given.flow, self, outcome.learned, self.coefs_[0].shape[0])
        self._seed, self._epoch = seed, outcome.epoch

    def _train(
        self,
        learner: BlockLearner,
        given: CheckedInputs,
        goal: Goal,
        learned: Learned,
        *,
        one_pass: bool,
        restarts: bool,
        further: bool,
        epoch: int = 0,
    ) -> Progress:
        """Train, and set the fitted attributes."""
        max_iter = 1 if further else self._max_iter(one_pass=one_pass)
        best = Best()
        if not restarts and hasattr(self, "_learned"):  # weights that were set by hand lack it
            best = self._learned.best
        if learned.state is not None and best.net is None:
            best = best._replace(net=learned.state[:2])
        held_out = learner.settings.held_out
        rule = NoImprovementOfNet(
            self.tol,
            self.n_iter_no_change,
            best,
            weights_finite_or_raise,
            score=None if held_out is None else held_out.mean_score,
            adaptive=self.solver == "sgd" and self.learning_rate == "adaptive",
        )
        losses = [] if restarts else getattr(self, "loss_curve_", [])
        scores = [] if restarts else getattr(self, "validation_scores_", None) or []

        def attributes(progress: Progress) -> dict[str, Any] | None:
            net, best = progress.learned.state, progress.rule
            if net is None or not progress.rows:
                return None
            scored = self.early_stopping
            return {
                **self._of_net(net, best, goal),
                "t_": progress.learned.rows,
                "n_iter_": progress.n_iter,
                "loss_": mean_objective(progress),
                "loss_curve_": [*losses, *progress.losses],
                "validation_scores_": [*scores, *progress.scores] if scored else None,
                "best_validation_score_": best.score if scored else None,
                "best_loss_": None if scored else best.loss,
            }

        outcome = train(
            learner,
            given.blocks,
            Progress(learned, epoch),
            rule,
            max_iter=max_iter,
            watched_by=(Lines(),) if self.verbose else (),
            publish=Publish(self, attributes, given.flow),
        )
        weights_finite_or_raise(outcome.learned.state)
        self.__dict__.update(attributes(outcome) or {})
        read_once = further or (one_pass and self.max_iter == "auto")
        if not (read_once or outcome.stopped) and outcome.n_iter == max_iter:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({max_iter}) reached and the "
                "optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=6,
            )
        return outcome

    def _of_net(self, net: mlp.State, best: Best, goal: Goal) -> dict[str, Any]:
        """Return the fitted attributes that hold a net."""
        moved = hasattr(net.moving, "eta")  # "adam" keeps its step size
        eta = float(to_numpy(net.moving.eta)) if moved else float(self.learning_rate_init)
        return {
            "coefs_": list(net.weights),
            "intercepts_": list(net.biases),
            "n_layers_": len(net.weights) + 1,
            "n_outputs_": goal.n_outputs,
            "out_activation_": goal.output,
            "n_features_in_": net.weights[0].shape[0],
            "_learned": Remembered(self.activation, net.moving, best),
            # scikit-learn has these two only under private names, and so user code reads them.
            "_no_improvement_count": best.stale,
            "_optimizer": Pace(eta),
        }

    def _out(self, method: str, X: Any, of_output: Callable[..., Any]) -> Any:
        """Apply a function of the output (m, K) to the rows of X; see `rows_out`."""
        check_is_fitted(self)
        hidden = tuple(b.shape[0] for b in self.intercepts_[:-1])
        known = hasattr(self, "_learned")  # weights that were set by hand lack it
        activation = self._learned.activation if known else self.activation
        params = mlp.Params(hidden, activation, self.out_activation_)
        net = mlp.State(tuple(self.coefs_), tuple(self.intercepts_), None)
        function = Outputs(params, net, of_output)
        return rows_out(self, method, X, function, fitted=self.coefs_[0])

    def __sklearn_tags__(self) -> Any:
        """Return the tags of the estimator."""
        tags = super().__sklearn_tags__()
        tags.array_api_support = True
        tags.input_tags.sparse = True
        return tags
