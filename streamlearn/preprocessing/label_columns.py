"""Functions of a block that turn labels into columns, and columns into labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array
from sklearn import preprocessing as theirs

from streamlearn import blocks as engine
from streamlearn._arrays import (
    argmax,
    default_int,
    device,
    is_array,
    namespace,
    to_numpy,
    widest_float,
)
from streamlearn._arrays.plain import plain
from streamlearn._arrays.sparse import csr, is_sparse
from streamlearn._estimator.inputs import is_foreign
from streamlearn._sklearn import _align_api_if_sparse
from streamlearn._validation.arrays import as_array
from streamlearn._validation.categories import Lookup
from streamlearn._validation.columns import is_column, numpy_of
from streamlearn._validation.finite import finite_or_raise
from streamlearn._validation.label_codes import decode
from streamlearn._validation.reader import indicator_or_raise
from streamlearn.preprocessing.label_encoder import LabelFunction

INDICATOR = "multilabel-indicator"


class Indicator(NamedTuple):
    """The facts about a block of a target with several labels a row.

    Attributes
    ----------
    width : int
    sparse : bool
    """

    width: int
    sparse: bool


def indicator_of_block(block: engine.Block) -> Indicator:
    """Return the facts about a block."""
    y = plain(block.y)
    sparse = is_sparse(y)
    y = csr(y) if sparse else as_array(y, "y")
    # Numbers that are not stored are 0. So one stored number that is not 1 is enough to look at.
    other = y.data[y.data != 1][:1] if sparse else None
    seen = y if other is None else np.broadcast_to(other[:, None], (len(other), y.shape[1]))
    indicator_or_raise(seen, block.named)
    return Indicator(y.shape[1], sparse)


def wider(a: Indicator, b: Indicator) -> Indicator:
    """Return the facts about both blocks, which must have the same columns."""
    if a.width != b.width:
        raise ValueError(f"y has {a.width} columns in one block and {b.width} in another.")
    return Indicator(a.width, a.sparse or b.sparse)


@dataclass(frozen=True, eq=False)
class Binarized:
    """A function that turns the labels of a block into columns.

    Attributes
    ----------
    lookup : Lookup
    y_type : str
        The type of the target of fit.
    marks : tuple of int
        ``neg_label`` and ``pos_label``.
    sparse : bool
        Return sparse rows.
    """

    lookup: Lookup
    y_type: str
    marks: tuple[int, int]
    sparse: bool

    whole = True

    def __call__(self, y: Any) -> Any:
        """Return the columns, in the library of an array."""
        y = plain(y)
        y = np.asarray(y) if isinstance(y, list) else y
        y = y if is_foreign(y) or is_column(y) else target_in_numpy(y)
        if not is_column(y) and y.ndim == 2 and y.shape[1] > 1:
            return self._of_indicator(y)
        return self._of_labels(y)

    def _of_labels(self, y: Any) -> Any:
        y = y if is_foreign(y) else numpy_of(y)
        y = y[:, 0] if y.ndim == 2 else y
        xp = namespace(y) if is_foreign(y) else np
        if xp is not np or y.dtype.kind == "f":
            finite_or_raise(y, "y", None)
            if xp.isdtype(y.dtype, "real floating") and bool(xp.any(y != xp.trunc(y))):
                raise ValueError(
                    "continuous target data is not supported with label binarization. Give labels: "
                    "whole numbers or text."
                )
        codes = LabelFunction(self.lookup, strict=False)(y)
        n = len(self.lookup.categories)
        neg, pos = self.marks
        dtype = y.dtype if xp.isdtype(y.dtype, "signed integer") else default_int(codes)
        if xp is np:
            at = np.flatnonzero((codes >= 0) if n > 2 else (codes == 1))
            columns = codes[at] if n > 2 else np.zeros(len(at), dtype=np.intp)
            shape = (len(codes), n if n > 2 else 1)
            if self.sparse:
                return _align_api_if_sparse(
                    csr_array((np.full(len(at), pos), (at, columns)), shape)
                )
            out = np.full(shape, neg, dtype=dtype)
            out[at, columns] = pos
            return out
        every = xp.arange(n, device=device(codes))
        every = every if n > 2 else xp.ones_like(every)[:1]
        hit = codes[:, None] == every[None, :]
        return xp.where(hit, *_scalars(codes, dtype, pos, neg))

    def _of_indicator(self, y: Any) -> Any:
        if self.y_type != INDICATOR:
            raise ValueError(
                "The object was not fitted with multilabel input. Give one column of labels."
            )
        neg, pos = self.marks
        classes = self.lookup.categories
        if is_foreign(y):
            indicator_or_raise(y, None)
            return namespace(y).where(y != 0, *_scalars(y, default_int(y), pos, neg))
        if not y.shape[0]:
            nothing = np.empty((0, len(classes)), dtype=np.int64)
            return _align_api_if_sparse(csr_array(nothing)) if self.sparse else nothing
        return theirs.label_binarize(
            y, classes=classes, neg_label=neg, pos_label=pos, sparse_output=self.sparse
        )


@dataclass(frozen=True, eq=False)
class Labelled:
    """A function that turns the columns of a block into labels.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
    y_type : str
        The type of the target of fit.
    threshold : float
    sparse : bool
        Whether fit was given sparse rows.
    """

    classes: np.ndarray
    y_type: str
    threshold: float
    sparse: bool

    whole = True

    def __call__(self, Y: Any) -> Any:
        """Return the labels, in the library of an array."""
        Y = plain(Y)
        if not is_foreign(Y):
            known = theirs.LabelBinarizer()
            known.classes_, known.y_type_ = self.classes, self.y_type
            known.sparse_input_ = self.sparse
            Y = Y if is_sparse(Y) else as_array(Y, "Y")
            if not Y.shape[0] and self.y_type == "multiclass":
                return self.classes[:0]
            return known.inverse_transform(Y, self.threshold)
        Y, xp = as_float(Y), namespace(Y)
        n = 1 if Y.ndim == 1 else Y.shape[1]
        if self.y_type == "multiclass":
            return decode(self.classes, xp.clip(argmax(Y, axis=1), 0, len(self.classes) - 1))
        above = xp.astype(self.threshold < Y, default_int(Y))
        if self.y_type == INDICATOR:
            if n != len(self.classes):
                raise ValueError(
                    "The number of class is not equal to the number of dimension of y: "
                    f"{len(self.classes)} and {n}."
                )
            return above
        if n > 2:
            raise ValueError(f"output_type='binary', but y.shape = {tuple(Y.shape)}")
        above = above[:, -1] if Y.ndim == 2 else above
        return decode(self.classes, above if len(self.classes) > 1 else xp.zeros_like(above))


def as_float(x: Any) -> Any:
    """Return an array of floats as it is, and other numbers as the widest floats."""
    xp = namespace(x)
    return x if xp.isdtype(x.dtype, "real floating") else xp.astype(x, widest_float(x))


def _scalars(like: Any, dtype: Any, *numbers: int) -> list[Any]:
    xp = namespace(like)
    return [xp.asarray(number, dtype=dtype, device=device(like)) for number in numbers]


def target_in_numpy(y: Any) -> Any:
    """Return a target in memory as an array of NumPy or as sparse rows. A list stays a list."""
    if is_sparse(y) or isinstance(y, list):
        return y
    if is_column(y):
        return numpy_of(y)
    return to_numpy(y) if is_array(y) else as_array(y, "y")
