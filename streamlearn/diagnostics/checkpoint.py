"""A callback that keeps a fit in a file, from which another process goes on: `FitCheckpoint`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral
from pathlib import Path
from typing import Any, NamedTuple

from sklearn.utils import check_random_state

from streamlearn import __version__, _files
from streamlearn._estimator.callbacks import FitWatcher
from streamlearn._files.tree import Encoder
from streamlearn.blocks import journal
from streamlearn.blocks.fingerprint import fingerprint

KIND = "checkpoint"

WITHOUT_EFFECT = ("verbose", "n_jobs")
"""Parameters that do not change what is learned."""


class Saved(NamedTuple):
    """What a checkpoint holds.

    Attributes
    ----------
    about : dict of str to str
        The version, the class and the parameters.
    draws : dict or None
        NumPy's global random state at the start of the fit, if the fit draws from it.
    entries : list of Entry
        The passes of the fit.
    ended : bool
        Whether the fit has ended without an error.
    """

    about: dict[str, str]
    draws: dict[str, Any] | None
    entries: list[journal.Entry]
    ended: bool = False


class FitCheckpoint(FitWatcher):
    """A callback that keeps a fit in a file, so that it can go on after a crash.

    If the process is killed, the next one goes on from the file and ends with the same bits as a
    fit that was not interrupted. It loses at most what was learned since the last time the file was
    written. The file is read without pickle, and no code of it runs.

    Parameters
    ----------
    path : str or path-like
        The file, for one call of ``fit`` or ``partial_fit``. Its folder must exist.
    every : int, default=1
        How often the file is written: at the end of each ``every``-th segment of blocks, and of
        each pass.
    resume : bool, default=False
        Whether the fit goes on from the file. If there is no file, the fit begins. So a script may
        always pass True.

    Notes
    -----
    A segment has 64 blocks, or ``dask.config.set({"streamlearn.segment": n})`` of them. In memory
    an epoch is one segment. Passes that only merge statistics are kept after every 64 blocks, too,
    and so are those of ``refine``. The passes of a fit that are finished are not read again, except
    for the first and the last block of each. A source of blocks is read from its start, and what
    was learned from is skipped. If its pass is finished, only its first row is read and compared.

    The checkpoint knows the version and the parameters. It knows the shapes, chunks, dtypes and
    names of the data, and the functions of lazily transformed rows. It also has checksums of the
    first and the last block that were learned from. If one of them differs, `fit` raises an error
    that names it. A checksum covers at most 256 rows of a block, at equal distances, so a change in
    other rows is not seen.

    The file holds what `streamlearn.save` can hold. If a fit learns something else, such as an
    estimator of the user's own class in `Incremental`, `fit` raises a TypeError. If
    ``random_state`` is None, the file also holds NumPy's global random state at the start of the
    fit, and a fit that goes on sets it.

    SIGTERM ends a process as SIGKILL does. After Ctrl-C the estimator is fitted with what it had
    learned, as without a checkpoint, and the file keeps the fit, which may go on.
    ``solver="lbfgs"`` has no passes, and begins again.

    Examples
    --------
    >>> import tempfile
    >>> import dask.array as da
    >>> from streamlearn.diagnostics import FitCheckpoint
    >>> from streamlearn.linear_model import SGDRegressor
    >>> path = tempfile.mkdtemp() + "/fit.checkpoint"
    >>> X = da.random.default_rng(0).normal(size=(10_000, 3), chunks=(1_000, 3))
    >>> model = SGDRegressor(random_state=0)
    >>> model.set_callbacks(FitCheckpoint(path, resume=True)).fit(X, X[:, 0]).n_iter_
    1
    """

    def __init__(self, path: Any, *, every: int = 1, resume: bool = False) -> None:
        if not isinstance(every, Integral) or isinstance(every, bool) or every < 1:
            raise ValueError(f"every must be a whole number of at least 1, got {every!r}.")
        self.path: Any = path
        self.every: int = int(every)
        self.resume: bool = resume
        self._saved: Saved | None = None
        self._before: journal.Journal | None = None
        self._handled: BaseException | None = None

    def setup(self, estimator: Any, context: Any) -> None:
        """Begin a fit, or go on with the one in the file.

        Raises
        ------
        ValueError
            If the file is of another fit, or cannot be read. If it is of a fit that has not ended,
            and ``resume`` is False.
        OSError
            If the file cannot be written.
        """
        parameters = {
            name: value
            for name, value in estimator.get_params().items()
            if name.rpartition("__")[2] not in WITHOUT_EFFECT
        }
        about = {"streamlearn": __version__, "class": type(estimator).__name__}
        about |= fingerprint(parameters)
        drawn = [v for name, v in parameters.items() if name.endswith("random_state")]
        draws = check_random_state(None).get_state(legacy=False) if None in drawn else None
        saved = self._read()
        if saved is None:
            saved = Saved(about, draws, [])
        else:
            journal.same_or_raise(self._name, saved.about, about)
            if saved.draws is not None:
                check_random_state(None).set_state(saved.draws)
        self._saved, self._before = saved, journal.current()
        self._handled = sys.exc_info()[1]
        self._write(saved.entries)  # if the file cannot be written, the user learns it now
        how = self._write, self.every, self._check
        journal.use(journal.Journal(self._name, saved.entries, *how))

    def teardown(self, estimator: Any, context: Any) -> None:
        """End the fit. It has ended well unless it raises an error, or the user has ended it."""
        if self._saved is None:
            return  # it has not begun
        journal.use(self._before)
        # A fit in an ``except`` clause begins with an error that is not its own.
        well = sys.exc_info()[1] is self._handled
        if well and all(entry.finished for entry in self._saved.entries):
            self._write(self._saved.entries, ended=True)
        self._saved = self._before = self._handled = None

    @property
    def _name(self) -> str:
        return f"The checkpoint {str(self.path)!r}"

    def _read(self) -> Saved | None:
        """Return what the file holds, or None if a fit begins."""
        _files.remove_parts(self.path)
        if not Path(self.path).exists():
            return None
        saved: Saved = _files.read(self.path, KIND)
        if self.resume:
            return saved
        if saved.ended:
            return None
        raise ValueError(
            f"{self._name} is of a fit that has not ended. FitCheckpoint(path, resume=True) goes "
            "on with it. To begin again, delete the file."
        )

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """Let errors in the body say what a file cannot hold, and what to do."""
        try:
            yield
        except TypeError as error:
            place, _, what = str(error).partition(", and ")[0].partition(" is ")
            what = f"{place.rpartition('.')[2]} is {what}" if what else place
            raise TypeError(
                f"{self._name} cannot keep this fit: {what}. It keeps numbers, text, arrays, "
                "frames, functions of NumPy, and estimators of streamlearn and of scikit-learn "
                "that hold nothing else. Replace it by one of them, or fit without "
                "FitCheckpoint. A pipeline with schedule='per-step' may have a "
                "FunctionTransformer of any function."
            ) from error

    def _check(self, state: Any) -> None:
        """Check that a file can hold the state at the start of a pass."""
        with self._kept():
            Encoder().encoded(state)

    def _write(self, entries: list[journal.Entry], *, ended: bool = False) -> None:
        assert self._saved is not None
        self._saved = self._saved._replace(entries=entries, ended=ended)
        with self._kept():
            _files.write(self.path, KIND, self._saved)
