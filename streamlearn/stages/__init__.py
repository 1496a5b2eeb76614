"""Transformers that learn while blocks flow through them: the steps of a one-pass pipeline.

There are these kinds of `stage`:

- `Mergeable` and `OfTable`: our own transformers, whose statistics of blocks merge in any order.
- `BehindFills`: one of our own transformers behind an imputer, whose fills move.
- `Prefitted`: one of our own transformers that was fitted beforehand.
- `Foreign`: any estimator with ``partial_fit``.
- `Stateless`: an estimator that learns nothing from rows.
- `Branches` and `OfColumns`: a FeatureUnion or ColumnTransformer. Each of its branches is a `Chain`
  of stages.
"""

from streamlearn.stages.behind_fills import behind_fills
from streamlearn.stages.branches import (
    branches_of,
    is_branched,
    leaves,
    leaves_within,
    nested,
    rebuilt,
)
from streamlearn.stages.chain import Chain
from streamlearn.stages.flow import Flow
from streamlearn.stages.framed import framed_if_asked
from streamlearn.stages.of_columns import layout_of
from streamlearn.stages.rowless import learns_nothing
from streamlearn.stages.shared_chain import Shared, SharedChain
from streamlearn.stages.stage import (
    Foreign,
    Mergeable,
    Prefitted,
    StagedBlock,
    Stateless,
    may_be_refused,
    statistic_of,
)
from streamlearn.stages.steps import (
    OURS,
    adopt,
    is_ours,
    learn_in_blocks_or_raise,
    set_features,
    stage_of,
)

__all__ = [
    "OURS",
    "Chain",
    "Flow",
    "Foreign",
    "Mergeable",
    "Prefitted",
    "Shared",
    "SharedChain",
    "StagedBlock",
    "Stateless",
    "adopt",
    "behind_fills",
    "branches_of",
    "framed_if_asked",
    "is_branched",
    "is_ours",
    "layout_of",
    "learn_in_blocks_or_raise",
    "learns_nothing",
    "leaves",
    "leaves_within",
    "may_be_refused",
    "nested",
    "rebuilt",
    "set_features",
    "stage_of",
    "statistic_of",
]
