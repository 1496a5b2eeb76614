"""Estimators in files that are read without pickle (`streamlearn._files`)."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator

from streamlearn import _files

KIND = "estimator"


def save(estimator: Any, path: Any) -> None:
    """Save an estimator in a file that is read without pickle.

    The file holds arrays and JSON. It is written under another name and renamed when it is
    complete, so a crash leaves the old file or the new one.

    Parameters
    ----------
    estimator : estimator
        An estimator of streamlearn, fitted or not, or a public one of scikit-learn whose fitted
        attributes are numbers, text and arrays. Estimators inside it are saved too. Its callbacks
        are not.
    path : str or path-like
        The file.

    Raises
    ------
    TypeError
        If the estimator holds what only pickle can save, such as a tree of scikit-learn or a
        function of the user. The message names the attribute and the type.
    OSError
        If the file cannot be written.

    See Also
    --------
    load : Reads the file.
    to_namespace : Moves an estimator to NumPy, if the reader has no GPU.

    Examples
    --------
    >>> import tempfile
    >>> import streamlearn
    >>> from streamlearn.preprocessing import StandardScaler
    >>> path = tempfile.mkdtemp() + "/scaler.streamlearn"
    >>> streamlearn.save(StandardScaler().fit([[1.0], [3.0]]), path)
    >>> streamlearn.load(path).mean_
    array([2.])
    """
    if not isinstance(estimator, BaseEstimator):
        raise TypeError(
            f"save takes an estimator, got a {type(estimator).__name__}. Save one estimator in "
            "each file. Save other objects with pickle, if only people whom you trust can write "
            "the file."
        )
    _files.write(path, KIND, estimator)


def load(path: Any) -> Any:
    """Read an estimator from a file that `save` has written. No code of the file runs.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    estimator
        The estimator. It predicts the same bits, and learns further with the same bits. Arrays of
        other libraries than NumPy are on the device where they were.

    Raises
    ------
    ValueError
        If the file is damaged, was not written by `save`, has a newer format, or asks for anything
        that such files may not hold. Also if the device of an array is not here.
    ImportError
        If it holds arrays of a library that is not installed.
    OSError
        If the file cannot be read.

    Warns
    -----
    InconsistentVersionWarning
        If another version of streamlearn or scikit-learn has saved it.

    See Also
    --------
    save : Writes the file.
    """
    estimator = _files.read(path, KIND)
    if not isinstance(estimator, BaseEstimator):
        raise ValueError(f"{path!r} holds a {type(estimator).__name__}, expected an estimator.")
    return estimator
