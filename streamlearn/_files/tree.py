"""Values as a tree of JSON and a list of arrays.

``None``, bools, whole numbers, text and finite floats are themselves. All else is an object with
one key, which says what it is: ``{"tuple": [1, 2]}``, ``{"array": 0}``.
"""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from types import FunctionType
from typing import Any

import numpy as np
from scipy import sparse

from streamlearn._arrays.elsewhere import is_elsewhere, place_names, remade, to_numpy_exactly
from streamlearn._files import frames
from streamlearn._files.names import NotAllowedError, made_of_attributes, name_of, named
from streamlearn._sklearn import LOSSES

SPARSE = {
    cls.__name__: cls
    for cls in (
        *(sparse.csr_array, sparse.csc_array, sparse.coo_array),
        *(sparse.csr_matrix, sparse.csc_matrix, sparse.coo_matrix),
    )
}
DEEPEST = 100
"""Values inside values, at most. A value that holds itself has no end."""

CALLBACKS = "_skl_callbacks"
"""The attribute of an estimator that holds its callbacks, which are not saved."""

DTYPE = re.compile(r"[<>|][biufcSUmM]\d*(\[\w+\])?", re.ASCII)
"""The names of dtypes of numbers, bools, text and times. NumPy reads others as Python."""

EMPTY = 1 << 20
"""How many values an array may have whose values need no bytes. Its file has any size."""

COLLECTIONS = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}

BITS: dict[str, Callable[[int], Any]] = {
    bits.__name__: bits
    for bits in (
        *(np.random.MT19937, np.random.PCG64, np.random.PCG64DXSM),
        *(np.random.Philox, np.random.SFC64),
    )
}
"""The generators of random bits."""

LARGEST = {"pos": 624, "buffer_pos": 4, "has_uint32": 1, "has_gauss": 1, "uinteger": 2**32 - 1}
"""The largest values of whole numbers in states of these generators. Others have 128 bits. NumPy
checks none of them, and a position outside of the buffer reads other memory."""


class Encoder:
    """Turns values into trees. An array that occurs twice is stored once.

    Attributes
    ----------
    arrays : list of ndarray
        The arrays to which the trees refer.
    """

    def __init__(self) -> None:
        self.arrays: list[np.ndarray] = []
        self._places: dict[int, int] = {}
        self._kept: list[Any] = []  # no other array gets the id of one of them

    def encoded(self, x: Any, path: tuple[str, ...] = ()) -> Any:
        """Return the tree of a value.

        Raises
        ------
        TypeError
            If files hold no such value. The message says where it is.
        """
        if x is None or type(x) in (bool, int, str) or (type(x) is float and math.isfinite(x)):
            return x
        if len(path) > DEEPEST:
            raise TypeError(
                f"{where(path[:8])}... holds more than {DEEPEST} values inside each other."
            )
        return self._tagged(x, path)

    def _tagged(self, x: Any, path: tuple[str, ...]) -> Any:
        kind = type(x)
        if kind is float:
            return {"float": repr(x)}
        if kind is complex:
            return {"complex": self._all((x.real, x.imag), path)}
        if kind in COLLECTIONS.values():
            return {kind.__name__: self._all(x, path)}
        if kind is dict:
            return {"dict": [self._pair(k, v, path) for k, v in x.items()]}
        if kind in (slice, range):
            return {kind.__name__: self._all((x.start, x.stop, x.step), path)}
        if kind.__name__ == "NAType" and kind.__module__.startswith("pandas."):
            return {"missing": "pandas"}
        if isinstance(x, np.dtype):
            return {"dtype": _plain_dtype(x, path).str}
        if isinstance(x, np.generic):
            _plain_dtype(x.dtype, path)
            return {"scalar": self._place(np.asarray(x))}
        if kind is np.ma.MaskedArray:
            return {"masked": self._all((np.ma.getdata(x), np.ma.getmaskarray(x)), path)}
        if kind in (np.ndarray, np.memmap):
            if x.dtype == object:
                return {"objects": [list(x.shape), self._all(x.ravel().tolist(), path)]}
            _plain_dtype(x.dtype, path)
            if x.dtype.itemsize == 0 and x.size > EMPTY:
                raise TypeError(f"{where(path)} has more than {EMPTY} values of {x.dtype}.")
            return {"array": self._place(x)}
        if sparse.issparse(x) and kind.__name__ in SPARSE:
            parts = ("row", "col") if x.format == "coo" else ("indices", "indptr")
            arrays = [self.encoded(getattr(x, name), path) for name in ("data", *parts)]
            return {"sparse": [kind.__name__, list(x.shape), *arrays]}
        if frames.is_pandas_or_polars(x):
            return {"frame": self._all(frames.parts(x, where(path)), path)}
        if is_elsewhere(x):
            return {"elsewhere": [*place_names(x), self._place(to_numpy_exactly(x), of=x)]}
        if isinstance(x, np.random.RandomState | np.random.Generator):
            return {"random": [kind.__name__, self.encoded(_state(x), path)]}
        if kind is partial:
            return {"partial": [self.encoded(a, path) for a in (x.func, list(x.args), x.keywords)]}
        if isinstance(x, type | FunctionType | np.ufunc):
            name = name_of(x)
            if name is None:
                raise _refused(x, path)
            return {"name": name}
        return self._object(x, path)

    def _object(self, x: Any, path: tuple[str, ...]) -> Any:
        kind = type(x)
        name = name_of(kind)
        own = path or (kind.__name__,)
        if name is not None and isinstance(x, tuple):
            fields = zip(kind._fields, x, strict=True)
            return {"fields": [name, {k: self.encoded(v, (*own, k)) for k, v in fields}]}
        if kind in LOSSES:
            return {"loss": [name, self._all(x.__reduce__()[1], path)]}
        if name is None or not made_of_attributes(kind):
            raise _refused(x, path)
        state = {k: v for k, v in (x.__getstate__() or {}).items() if k != CALLBACKS}
        state = {key: self.encoded(v, (*own, key)) for key, v in state.items()}
        return {"object": [name, state]}

    def _pair(self, key: Any, value: Any, path: tuple[str, ...]) -> list[Any]:
        return [self.encoded(key, path), self.encoded(value, (*path, f"[{key!r}]"))]

    def _all(self, values: Iterable[Any], path: tuple[str, ...]) -> list[Any]:
        return [self.encoded(x, (*path, f"[{i}]")) for i, x in enumerate(values)]

    def _place(self, array: np.ndarray, of: Any = None) -> int:
        """Return the place of an array among all, ``of`` an array of another library."""
        of = array if of is None else of
        if id(of) not in self._places:
            self._places[id(of)] = len(self.arrays)
            self._kept.append(of)
            # The order of rows and columns in memory stays: products round in it.
            self.arrays.append(array if array.flags.forc else array.copy(order="K"))
        return self._places[id(of)]


class Decoder:
    """Turns trees into values.

    Parameters
    ----------
    arrays : sequence of ndarray
        The arrays to which the trees refer.
    """

    def __init__(self, arrays: Sequence[np.ndarray]) -> None:
        self.arrays = arrays
        self._elsewhere: dict[int, Any] = {}
        self._kinds: dict[str, Callable[[Any], Any]] = {
            **{name: partial(self._collection, made) for name, made in COLLECTIONS.items()},
            "float": float,
            "complex": lambda parts: complex(*self._all(parts)),
            "dict": self._dict,
            "slice": lambda parts: slice(*self._all(parts)),
            "range": lambda parts: range(*self._all(parts)),
            "missing": lambda library: importlib.import_module("pandas").NA,
            "dtype": dtype_of,
            "scalar": lambda place: self._array(place)[()],
            "array": self._array,
            "objects": self._objects,
            "masked": lambda parts: np.ma.MaskedArray(*self._all(parts)),
            "sparse": self._sparse,
            "frame": lambda parts: frames.made(self._all(parts)),
            "elsewhere": self._foreign,
            "random": self._random,
            "partial": self._partial,
            "name": named,
            "fields": self._fields,
            "object": self._object,
            "loss": self._loss,
        }

    def decoded(self, tree: Any) -> Any:
        """Return the value of a tree.

        Raises
        ------
        Exception
            It may be of any class if the tree is damaged. It is a ValueError if the tree names what
            files may not name.
        ImportError
            If it holds arrays of a library that is not installed.
        """
        if tree is None or isinstance(tree, bool | int | float | str):
            return tree
        ((kind, content),) = tree.items()
        return self._kinds[kind](content)

    def _all(self, trees: Iterable[Any]) -> list[Any]:
        return [self.decoded(tree) for tree in trees]

    def _collection(self, made: Callable[[Any], Any], trees: Iterable[Any]) -> Any:
        return made(self._all(trees))

    def _dict(self, pairs: Any) -> dict[Any, Any]:
        made = {self.decoded(k): self.decoded(v) for k, v in pairs}
        bits = made.get("bit_generator")
        if isinstance(bits, str) and bits in BITS:  # a later fit gives it to NumPy
            like = np.random.RandomState(BITS[bits](0)).get_state(legacy=False)
            _checked(made, like if "has_gauss" in made else BITS[bits](0).state)
        return made

    def _array(self, place: int) -> np.ndarray:
        if place < 0:
            raise IndexError(place)
        return self.arrays[place]

    def _objects(self, content: Any) -> np.ndarray:
        shape, values = content
        flat = np.empty(len(values), dtype=object)
        flat[:] = self._all(values)
        return flat.reshape([int(n) for n in shape])

    def _sparse(self, content: Any) -> Any:
        name, shape, *parts = content
        cls, (data, *places) = SPARSE[name], self._all(parts)
        shape = tuple(int(n) for n in shape)
        if "coo" in name:
            return cls((data, tuple(places)), shape=shape)
        made = cls((data, *places), shape=shape)
        made.check_format(full_check=True)  # an index outside of the shape reads other memory
        return made

    def _foreign(self, content: Any) -> Any:
        library, device, dtype, place = content
        if place not in self._elsewhere:
            self._elsewhere[place] = remade(self._array(place), library, device, dtype)
        return self._elsewhere[place]

    def _random(self, content: Any) -> Any:
        name, state = content[0], self.decoded(content[1])
        if state["bit_generator"] not in BITS:
            raise NotAllowedError(f"it names {state['bit_generator']!r}, no generator of NumPy.")
        bits = BITS[state["bit_generator"]](0)
        if name == "Generator":
            bits.state = state
            return np.random.Generator(bits)
        old = np.random.RandomState(bits)
        old.set_state(state)
        return old

    def _partial(self, content: Any) -> Any:
        function, args, keywords = self._all(content)
        if not isinstance(function, type | FunctionType | np.ufunc | partial):
            raise NotAllowedError(f"it calls a {type(function).__name__}.")
        return partial(function, *args, **keywords)

    def _fields(self, content: Any) -> Any:
        name, fields = content
        cls = named(name)
        if not (isinstance(cls, type) and issubclass(cls, tuple) and hasattr(cls, "_fields")):
            raise NotAllowedError(f"{name} is no NamedTuple.")
        if unknown := set(fields) - set(cls._fields):
            raise ValueError(f"{name} has no fields {sorted(unknown)} in this version.")
        return cls(**{key: self.decoded(tree) for key, tree in fields.items()})

    def _loss(self, content: Any) -> Any:
        cls = named(content[0])
        if cls not in LOSSES:
            raise NotAllowedError(f"{content[0]} is not a loss of scikit-learn.")
        return cls(*map(float, self._all(content[1])))

    def _object(self, content: Any) -> Any:
        name, trees = content
        cls = named(name)
        if not made_of_attributes(cls):
            raise NotAllowedError(f"{name} is not a class whose objects hold only attributes.")
        made = cls.__new__(cls)
        state = {str(key): self.decoded(tree) for key, tree in trees.items()}
        if hasattr(made, "__setstate__"):
            made.__setstate__(state)
        else:
            made.__dict__.update(state)
        return made


def where(path: tuple[str, ...]) -> str:
    """Return the place of a value in words, such as ``SGDClassifier._learned.state``."""
    return ".".join(path).replace(".[", "[") or "The value"


def _refused(x: Any, path: tuple[str, ...]) -> TypeError:
    kind = type(x)
    what = f"a {kind.__module__}.{kind.__qualname__}"
    if hasattr(x, "__qualname__"):
        what = f"{x.__module__}.{x.__qualname__}"
    return TypeError(
        f"{where(path)} is {what}, and files without pickle hold numbers, text, arrays and frames. "
        "They also hold streamlearn's own objects and scikit-learn's public estimators. Save it "
        "with skops (skops.io.dump), or with pickle if only people whom you trust can write the "
        "file."
    )


def _plain_dtype(dtype: np.dtype, path: tuple[str, ...]) -> np.dtype:
    """Return a dtype, if ``numpy.save`` keeps it without pickle."""
    if dtype.kind not in "biufcSUmM":
        raise TypeError(
            f"{where(path)} has the dtype {dtype}. Files hold numbers, bools, text and times."
        )
    return dtype


def dtype_of(name: str) -> np.dtype:
    """Return the dtype of a name such as ``<f8``, which is the ``str`` of one that files hold.

    Raises
    ------
    ValueError
        If it is another name.
    """
    if not DTYPE.fullmatch(name):
        raise ValueError(f"{name!r} is not a dtype of numbers, bools, text and times.")
    return np.dtype(name)


def _state(random: np.random.RandomState | np.random.Generator) -> Any:
    if isinstance(random, np.random.Generator):
        return random.bit_generator.state
    return random.get_state(legacy=False)


def _checked(state: Any, like: Any, name: str = "state") -> None:
    """Raise an error unless the state of a generator has the form and the limits of another one.

    Lists may stand for arrays.
    """
    if isinstance(like, np.ndarray):
        given = np.asarray(state, like.dtype if type(state) is list else None)
        good = given.shape == like.shape and np.can_cast(given.dtype, like.dtype, "equiv")
    elif isinstance(like, dict):
        good = type(state) is dict and state.keys() == like.keys()
    else:
        good = type(state) is type(like)
        good = good and (type(like) is not int or 0 <= state <= LARGEST.get(name, 2**128 - 1))
    if not good:
        raise ValueError(f"{name!r} of a random generator is not what NumPy writes.")
    if isinstance(like, dict):
        for key, value in like.items():
            _checked(state[key], value, key)
