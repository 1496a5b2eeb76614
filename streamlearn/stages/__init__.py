"""Transformers that learn while blocks flow through them: the steps of a one-pass pipeline.

There are four kinds of `stage`: ours, which are summed up in any order (`Mergeable`), anything with
``partial_fit`` (`Foreign`), what has nothing to learn (`Stateless`), and FeatureUnion and
ColumnTransformer (`Branches`), each branch of which is a `Chain` of stages again.
"""

from streamlearn.stages.branches import branches_of, columns_of, leaves, leaves_within, nested
from streamlearn.stages.chain import Chain
from streamlearn.stages.flow import Flow
from streamlearn.stages.rowless import learns_nothing
from streamlearn.stages.stage import Mergeable, StagedBlock, head
from streamlearn.stages.steps import OURS, able_or_raise, adopt, is_ours, stage_of

__all__ = [
    "OURS",
    "Chain",
    "Flow",
    "Mergeable",
    "StagedBlock",
    "able_or_raise",
    "adopt",
    "branches_of",
    "columns_of",
    "head",
    "is_ours",
    "learns_nothing",
    "leaves",
    "leaves_within",
    "nested",
    "stage_of",
]
