"""Files without pickle: values come back bit for bit, and a hostile file ends in an error."""

from __future__ import annotations

import io
import json
import math
import os
import pickle
import stat
import subprocess
import sys
import tracemalloc
import warnings
import zipfile
from functools import partial

import array_api_strict
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import linear_model as theirs
from sklearn import preprocessing, tree
from sklearn.exceptions import InconsistentVersionWarning

import streamlearn
from streamlearn import _files
from streamlearn._files import archive
from streamlearn._files.tree import EMPTY, Encoder
from streamlearn.cluster import MiniBatchKMeans
from streamlearn.core.statistics.moments import Moments
from streamlearn.linear_model import SGDClassifier
from streamlearn.preprocessing import FunctionTransformer, StandardScaler
from tests.backends import selected


def back(value, tmp_path):
    _files.write(tmp_path / "x", "value", value)
    return _files.read(tmp_path / "x", "value")


def same(a, b):
    """Compare types, structure and bits."""
    assert type(a) is type(b)
    if isinstance(a, np.ma.MaskedArray):
        same(np.ma.getmaskarray(a), np.ma.getmaskarray(b))
        same(np.ma.getdata(a), np.ma.getdata(b))
    elif isinstance(a, np.ndarray | np.generic) and np.asarray(a).dtype != object:
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert a.tobytes() == b.tobytes()
    elif isinstance(a, np.ndarray):
        assert a.shape == b.shape
        same(a.tolist(), b.tolist())
    elif isinstance(a, dict):
        same(list(a.items()), list(b.items()))
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            same(one, other)
    elif isinstance(a, float):
        assert (math.isnan(a) and math.isnan(b)) or (a == b and str(a) == str(b))
    else:
        assert a == b


ARRAYS = [
    *(np.asarray([0, 1, 2], kind) for kind in "bBhHiIlLqQ"),
    *(np.asarray([0, -0.0, np.nan, -np.inf], kind) for kind in "efdg"),
    *(np.asarray([1j, complex(np.nan, -0.0)], kind) for kind in "FDG"),
    np.asarray([True, False]),
    np.asarray(["a", "ångström", ""]),
    np.asarray([b"a", b"bc"]),
    np.asarray(["2020-01-01", "NaT"], "M8[s]"),
    np.asarray([1, 2], "m8[ns]"),
    np.zeros((0, 3)),
    np.zeros(()),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(6.0).reshape(2, 3)[:, ::-1],
    np.asarray(["a", None, np.nan, 3, 2.5, True], object),
    np.asarray([["a", None], [1, 2]], object),
    np.asarray([1, 2], ">i4"),
]
VALUES = [
    *(None, True, 0, -(2**80), 1.5, -0.0, math.nan, math.inf, -math.inf, 1 + 2j, "", "é\n\0"),
    *((), (1, (2, [3])), [], {}, {"a": 1, 2: "b", (1, 2): None, None: 0.5}, {1, 2}),
    *(frozenset("ab"), slice(None, 3, -1), range(2, 9, 3), np.dtype("<f4"), np.dtype("M8[ms]")),
    *(
        np.float32(0.1),
        np.int8(-3),
        np.str_("x"),
        np.str_(""),
        np.datetime64("2020-02-02"),
        np.bool_(True),
    ),
    *(np.float64, np.log1p, float, object, theirs.SGDClassifier, Moments),
    Moments(*range(len(Moments._fields))),
    np.ma.MaskedArray([1.0, 2.0], mask=[True, False]),
    *ARRAYS,
]


@pytest.mark.complete
@pytest.mark.parametrize("value", VALUES, ids=lambda v: type(v).__name__)
def test_values_come_back(value, tmp_path):
    same(back(value, tmp_path), value)


def test_memory_order_stays(tmp_path):
    columns = np.asfortranarray(np.ones((4, 3)))
    assert back(columns, tmp_path).flags.f_contiguous
    assert back(columns, tmp_path).flags.writeable
    part = np.asfortranarray(np.ones((4, 3)))[:2]
    assert back(part, tmp_path).flags.f_contiguous


def test_an_array_that_is_shared_is_stored_once_and_shared_again(tmp_path):
    a = np.arange(100_000.0)
    one, two = back((a, [a]), tmp_path)
    assert one is two[0]
    assert (tmp_path / "x").stat().st_size < 1.2 * a.nbytes


def test_reading_needs_little_more_memory_than_the_file(tmp_path):
    _files.write(tmp_path / "x", "value", [np.ones(1 << 20), np.ones(1 << 19)])
    tracemalloc.start()
    try:
        again = _files.read(tmp_path / "x", "value")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 1.4 * (tmp_path / "x").stat().st_size
    assert all(a.flags.writeable and a.flags.aligned for a in again)


MISSING = {
    "float64": [1.5, np.nan],
    "int64": [1, 2],
    "object": ["a", None],
    "str": ["a", None],
    "string": ["a", None],
    "Int16": [1, None],
    "boolean": [True, None],
    "Float32": [1.5, None],
    "category": ["a", None],
    "datetime64[us]": ["2020-01-01", None],
    "datetime64[ns, Europe/Rome]": ["2020-01-01", None],
    "timedelta64[s]": [1, None],
}
ARROW = {
    "string": ["a", None],
    "double": [1.5, None],
    "bool": [True, None],
    "timestamp[us, tz=UTC]": ["2020-01-01", None],
    "date32[day]": ["2020-01-01", None],
}
INDICES = {
    "range": pd.RangeIndex(2, 6, 2, name="n"),
    "text": pd.Index(["p", "q"], name="k"),
    "times": pd.DatetimeIndex(["2020", "2021"]),
    "levels": pd.MultiIndex.from_tuples([(1, "a"), (2, "b")], names=["u", None]),
}


@pytest.mark.parametrize("dtypes", ["pandas", "pyarrow"])
@pytest.mark.parametrize("index", INDICES)
def test_frames_of_pandas_come_back(dtypes, index, tmp_path):
    made = {name: pd.Series(values, dtype=name) for name, values in MISSING.items()}
    if dtypes == "pyarrow":
        pa = pytest.importorskip("pyarrow")
        codes = pa.dictionary(pa.int8(), pa.large_string(), ordered=True)
        types = (pa.string(), pa.float64(), pa.bool_(), pa.timestamp("us", "UTC"), pa.date32())
        made = {
            name: pd.Series(pd.to_datetime(v) if "[" in name else v).astype(pd.ArrowDtype(kind))
            for (name, v), kind in zip(ARROW.items(), types, strict=True)
        }
        made["codes"] = pd.Series(pa.array(["a", None]).cast(codes), dtype=pd.ArrowDtype(codes))
    frame = pd.DataFrame(made).set_index(INDICES[index])
    for some in (frame, frame[:0], frame.iloc[:, :0]):
        again = back(some, tmp_path)
        pd.testing.assert_frame_equal(again, some, check_exact=True, check_freq=False)
        assert [*again.dtypes] == [*some.dtypes]
    names = pd.MultiIndex.from_tuples([("a", i) for i in range(frame.shape[1])])
    assert back(frame.set_axis(names, axis=1), tmp_path).columns.equals(names)
    twice = frame.set_axis(["x"] * frame.shape[1], axis=1)
    assert back(twice, tmp_path).dtypes.equals(twice.dtypes)


def test_frames_of_polars_come_back(tmp_path):
    pl = pytest.importorskip("polars")
    text, time = pl.Series("s", ["a", None]), pl.Series("t", [0, None], pl.Datetime("us"))
    frame = pl.DataFrame(
        [
            *(pl.Series(str(kind), [1, None], kind) for kind in (pl.Int8, pl.UInt64, pl.Float32)),
            pl.Series("float", [1.5, np.nan]),
            pl.Series("bool", [True, None]),
            pl.Series("nothing", [None, None]),
            *(
                text,
                text.cast(pl.Categorical).alias("c"),
                text.cast(pl.Enum(["b", "a"])).alias("e"),
            ),
            *(time, time.dt.date().alias("d"), time.dt.time().alias("clock")),
            *(time.dt.replace_time_zone("Europe/Rome").alias("z"), (time - time).alias("between")),
        ]
    )
    for some in (frame, frame[:0], frame.select([])):
        again = back(some, tmp_path)
        assert again.schema == some.schema
        assert again.equals(some)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_that_files_do_not_hold_are_named(library, tmp_path):
    frame = pd.DataFrame({"months": pd.period_range("2020", periods=2, freq="M")})
    if library == "polars":
        frame = pytest.importorskip("polars").DataFrame({"months": [[1], [2]]})
    with pytest.raises(TypeError, match=r"column 'months' has the dtype .*astype"):
        back((frame,), tmp_path)


@pytest.mark.parametrize("kind", ["csr_array", "csc_array", "coo_array", "csr_matrix"])
def test_sparse_arrays_come_back(kind, tmp_path):
    made = getattr(sp, kind)(np.asarray([[0, 1.5], [0, 0], [2, 0]]))
    again = back(made, tmp_path)
    assert type(again) is type(made)
    np.testing.assert_array_equal(again.toarray(), made.toarray())


BITS = [getattr(np.random, name) for name in ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")]


@pytest.mark.complete
@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("kind", [np.random.RandomState, np.random.Generator])
def test_random_streams_go_on(kind, bits, tmp_path):
    made = kind(bits(3))
    made.normal(size=7)
    made.bytes(4)
    again = back(made, tmp_path)
    np.testing.assert_array_equal(again.normal(size=9), made.normal(size=9))
    np.testing.assert_array_equal(again.permutation(9), made.permutation(9))


def test_partials_of_functions_of_the_core_come_back(tmp_path):
    from streamlearn.core.linear.links import above

    again = back(partial(above, 1, k=np.add), tmp_path)
    assert (again.func, again.args, again.keywords) == (above, (1,), {"k": np.add})


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
@pytest.mark.parametrize("device", ["CPU_DEVICE", "device1"])
def test_arrays_of_strict_come_back_to_their_device(dtype, device, tmp_path):
    device = array_api_strict.Device(device)
    made = array_api_strict.asarray(
        np.asarray([0, 1, 1]), dtype=getattr(array_api_strict, dtype), device=device
    )
    again = back(made, tmp_path)
    assert (again.dtype, again.device) == (made.dtype, device)
    assert streamlearn._arrays.to_numpy(again).tolist() == [0, 1, 1]


@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int32", "bool"])
def test_arrays_of_torch_come_back(dtype, tmp_path):
    torch = pytest.importorskip("torch")
    made = torch.asarray([0.0, 1.0, 3.14159265]).to(getattr(torch, dtype))
    again = back(made, tmp_path)
    assert again.dtype == made.dtype
    assert bool((again == made).all())


@pytest.mark.backends
@pytest.mark.parametrize("backend", selected(), indirect=True)
def test_arrays_of_every_library_come_back(backend, tmp_path):
    made = backend.asarray(np.asarray([[0.5, 1.0], [2.0, 3.0]], "f"))
    again = back({"a": made}, tmp_path)["a"]
    backend.check(again)
    np.testing.assert_array_equal(backend.to_numpy(again), backend.to_numpy(made))


def test_a_library_that_is_missing_is_named(tmp_path):
    write_document(tmp_path, {"elsewhere": ["jax", "cpu", "float32", 0]}, [np.zeros(3, "f")])
    missing = {"jax": None, "jax.numpy": None}
    with pytest.MonkeyPatch.context() as patch:
        for name in missing:
            patch.setitem(sys.modules, name, None)
        with pytest.raises(ImportError, match=r"are of jax.*Install it, or use streamlearn\.to_na"):
            _files.read(tmp_path / "x", "value")


class Own:
    pass


class OwnEstimator(StandardScaler):
    pass


def own_function(x):
    return x


@pytest.mark.complete
@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"a": [Own()]}, r"\['a'\]\[0\] is a .*Own, .*skops"),
        (own_function, "own_function.*skops"),
        (lambda x: x, "lambda"),
        (os.system, "system"),
        (Own, "Own"),
        (OwnEstimator(), "OwnEstimator"),
        (np.zeros(2, [("a", "f4")]), "dtype"),
        (b"bytes", "bytes"),
        (np.asarray([Own()], object), r"\[0\] is a .*Own"),
        (FunctionTransformer(own_function), r"FunctionTransformer\.func is .*own_function"),
        (
            tree.DecisionTreeClassifier().fit([[0], [1]], [0, 1]),
            r"DecisionTreeClassifier\.tree_ is a sklearn\.tree\._tree\.Tree",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_files_do_not_hold_is_named(value, says, tmp_path):
    (tmp_path / "x").write_text("old")
    with pytest.raises(TypeError, match=says):
        _files.write(tmp_path / "x", "value", value)
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_text() == "old"


def test_a_value_that_holds_itself_is_an_error(tmp_path):
    loop = []
    loop.append(loop)
    with pytest.raises(TypeError, match="more than 100 values inside each other"):
        _files.write(tmp_path / "x", "value", loop)


leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | hnp.arrays(hnp.scalar_dtypes(), hnp.array_shapes(min_dims=0, min_side=0))
)
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(), inner)
    ),
)


@settings(max_examples=60, deadline=None)
@given(value=trees)
def test_any_nest_of_values_comes_back(value, tmp_path_factory):
    same(back(value, tmp_path_factory.mktemp("nest")), value)


# Hostile and damaged files.


def write_document(tmp_path, tree, arrays=(), **changed):
    document = {"format": 1, "streamlearn": "0.1.0", "kind": "value", "value": tree, **changed}
    with zipfile.ZipFile(tmp_path / "x", "w") as file:
        file.writestr("document.json", json.dumps(document))
        for i, a in enumerate(arrays):
            with file.open(f"{i}.npy", "w") as member:
                np.save(member, a) if isinstance(a, np.ndarray) else member.write(a)


def npy(array, **changed):
    file = io.BytesIO()
    header = np.lib.format.header_data_from_array_1_0(array) | changed
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + array.tobytes()


def headed(text):
    data = text.encode() + b"\n"
    return b"\x93NUMPY\x01\0" + len(data).to_bytes(2, "little") + data


def framed(column):
    """Return the tree of a frame with one column and two rows."""
    index = {"list": ["range", 0, 2, 1, None]}
    return {
        "frame": ["pandas", {"list": ["range", 0, 1, 1, None]}, index, {"list": [{"list": column}]}]
    }


ARRAY = {"array": 0}
SYSTEM = {"name": "os:system"}
PICKLED = io.BytesIO()
np.save(PICKLED, np.asarray([{}], object), allow_pickle=True)
HOSTILE = {
    "a function of the system": (SYSTEM, [], "names 'os:system'"),
    "through posix": ({"name": "posix:system"}, [], "names"),
    "through a module of ours": ({"name": "streamlearn._files.archive:os.system"}, [], "names"),
    "what a module of ours imports": ({"name": "streamlearn._files.archive:json"}, [], "names"),
    "a function that writes": ({"name": "streamlearn._files.archive:write"}, [], "names"),
    "a function of ours that unpickles": (
        {"name": "streamlearn.blocks.shuffles:_opened"},
        [],
        "names",
    ),
    "a dunder": ({"name": "streamlearn.core.rows:__builtins__"}, [], "names"),
    "a class of a class": ({"name": "streamlearn.pipeline:Pipeline.__class__"}, [], "names"),
    "eval": ({"name": "builtins:eval"}, [], "names"),
    "numpy's load": ({"name": "numpy:load"}, [], "names"),
    "numpy's vectorize": ({"name": "numpy:vectorize"}, [], "names"),
    "a private module": ({"name": "sklearn.tree._tree:Tree"}, [], "names"),
    "a function of sklearn": ({"name": "sklearn.datasets:load_svmlight_file"}, [], "names"),
    "a path for a module": ({"name": "../../evil:f"}, [], "names"),
    "a relative module": ({"name": "streamlearn..evil:f"}, [], "names"),
    "a partial of a value": ({"partial": [3, {"list": []}, {"dict": []}]}, [], "calls a int"),
    "a partial of eval": ({"partial": [{"name": "builtins:eval"}, {"list": []}, 0]}, [], "names"),
    "an object of the system": ({"object": ["subprocess:Popen", {}]}, [], "names"),
    "an object of a type": ({"object": ["builtins:int", {}]}, [], "not a class"),
    "an object of a ufunc": ({"object": ["numpy:add", {}]}, [], "not a class"),
    "an object with a constructor": (
        {"object": ["streamlearn.blocks.streams:Stream", {}]},
        [],
        "not a class whose objects hold only attributes",
    ),
    "fields of an estimator": (
        {"fields": ["sklearn.linear_model:SGDClassifier", {}]},
        [],
        "no Nam",
    ),
    "unknown fields": (
        {"fields": ["streamlearn.core.statistics.moments:Moments", {"evil": 1}]},
        [],
        "no fields",
    ),
    "missing fields": (
        {"fields": ["streamlearn.core.statistics.moments:Moments", {}]},
        [],
        "damaged",
    ),
    "a loss that is none": ({"loss": ["sklearn.linear_model:SGDClassifier", []]}, [], "not a loss"),
    "an unknown kind": ({"exec": "1"}, [], "damaged"),
    "two kinds": ({"list": [], "tuple": []}, [], "unpack"),
    "a bare list": ([1, 2], [], "damaged"),
    "an unhashable key": ({"dict": [[{"list": []}, 1]]}, [], "damaged"),
    "an array that is not there": ({"array": 3}, [np.zeros(2)], "damaged"),
    "an array from the end": ({"array": -1}, [np.zeros(2)], "damaged"),
    "a pickled array": (ARRAY, [PICKLED.getvalue()], "not a dtype"),
    "a shape that is too large": (ARRAY, [npy(np.zeros(2), shape=(1 << 60,))], "16 bytes"),
    "a shape that is too small": (ARRAY, [npy(np.zeros(2), shape=(1,))], "16 bytes"),
    "a negative shape": (ARRAY, [npy(np.zeros(2), shape=(-1, -2))], "header"),
    "objects": (ARRAY, [npy(np.zeros(1), descr="|O")], "'|O' is not a dtype"),
    "a header with an open bracket": (ARRAY, [headed("{(")], "header"),
    "a header of many signs": (ARRAY, [headed("-" * 9000 + "1")], "header"),
    "a header of many brackets": (ARRAY, [headed("[" * 9000)], "header"),
    "a header of another length": (ARRAY, [npy(np.zeros(2)).replace(b"v\0", b"v\1")], "header"),
    "values that are not aligned": (
        ARRAY,
        [headed("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }") + bytes(8)],
        "header",
    ),
    "a dtype that is no number": (ARRAY, [npy(np.zeros(2), descr="<f3")], "damaged.*<f3"),
    "a dtype of no bytes": (
        ARRAY,
        [npy(np.zeros(0), descr="|S0", shape=(10**12,))],
        r"0 bytes, and its header says \|S0 of shape \(1000000000000,\)",
    ),
    "a name of a dtype that is code": ({"dtype": "(1,f4"}, [], "not a dtype"),
    "no array": (ARRAY, [b"\x93NUMPY"], "header"),
    "an object array of a wrong shape": ({"objects": [[5], [1]]}, [], "reshape"),
    "sparse indices outside": (
        {"sparse": ["csr_array", [1, 1], ARRAY, {"array": 1}, {"array": 2}]},
        [np.ones(1), np.asarray([99]), np.asarray([0, 1])],
        "ind",
    ),
    "sparse of another class": ({"sparse": ["evil", [1, 1], ARRAY]}, [np.ones(1)], "damaged"),
    "a generator of another module": (
        {"random": ["Generator", {"dict": [["bit_generator", "seed"]]}]},
        [],
        "no generator",
    ),
    "the base of all generators": (
        {"random": ["Generator", {"dict": [["bit_generator", "BitGenerator"]]}]},
        [],
        "no generator",
    ),
    "a library that is none": ({"elsewhere": ["os", "cpu", "f", 0]}, [np.ones(1)], "library"),
    "a device that is not here": (
        {"elsewhere": ["array_api_strict", "moon", "float64", 0]},
        [np.ones(1)],
        "moon.*to_namespace",
    ),
    "a dtype that is none": (
        {"elsewhere": ["array_api_strict", "CPU_DEVICE", "evil", 0]},
        [np.ones(1)],
        "evil",
    ),
    "a dtype of objects": ({"dtype": "|O"}, [], "dtype"),
    "frames of a library that is none": ({"frame": ["os", {"list": []}]}, [], "no frames"),
    "a column of another kind": (framed(["evil", 1]), [], "not a column"),
    "a column that is a scalar": (framed(["numpy", 1.5]), [], "damaged"),
    "a column of another length": (framed(["numpy", ARRAY]), [np.ones(3)], "different lengths"),
    "codes outside of the categories": (
        framed(["categories", ARRAY, False, {"list": ["numpy", {"array": 1}]}]),
        [np.asarray([0, 7]), np.arange(2.0)],
        "codes",
    ),
    "a time zone that is a path": (
        framed(["zone", ARRAY, "s", "dateutil//etc/passwd"]),
        [np.zeros(2, "M8[s]")],
        "not a column",
    ),
    "a type of pyarrow that is none": (
        framed(["arrow", "evil", {"list": [1, 2]}]),
        [],
        "not a col",
    ),
    "a masked dtype that is none": (
        framed(["masked", "evil", {"list": [1, 2]}]),
        [],
        "not a column",
    ),
    "codes of a type that is none": (
        framed(["codes", "evil", "string", False, {"list": ["a", "b"]}]),
        [],
        "not a column",
    ),
    "a storage of text that is none": (
        framed(["text", "evil", True, {"list": ["a", "b"]}]),
        [],
        "[Ss]torage",
    ),
    "a dtype of polars that is none": (
        {"frame": ["polars", {"list": [{"list": ["a", "scan_csv", {"list": []}, {"list": []}]}]}]},
        [],
        "not a dtype of polars",
    ),
    "a number that overflows": ({"range": [{"float": "inf"}, 1, 1]}, [], "damaged"),
    "an integer for a float": ({"float": 10**400}, [], "damaged.*Overflow"),
}


@pytest.mark.complete
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_in_an_error(name, tmp_path):
    tree, arrays, says = HOSTILE[name]
    write_document(tmp_path, tree, arrays)
    with pytest.raises(ValueError, match=says) as error:
        _files.read(tmp_path / "x", "value")
    assert "cannot be read: " in str(error.value)


def changed_state(kind, bits, changed):
    """Return the tree and the arrays of a generator whose state has other values."""
    encoder = Encoder()
    made = kind(bits(0))
    state = (
        made.bit_generator.state if kind is np.random.Generator else made.get_state(legacy=False)
    )
    for key, value in changed.items():
        inner = key not in state and key in state["state"]
        (state["state"] if inner else state)[key] = value
    return {"random": [kind.__name__, encoder.encoded(state)]}, encoder.arrays


@pytest.mark.complete
@pytest.mark.parametrize(
    ("bits", "changed"),
    [
        ("MT19937", {"pos": 2_000_000_000}),
        ("MT19937", {"pos": 625}),
        ("MT19937", {"pos": -1}),
        ("MT19937", {"pos": 3.0}),
        ("MT19937", {"key": np.zeros(625, "u4")}),
        ("MT19937", {"key": np.zeros(624)}),
        ("MT19937", {"state": 3}),
        ("Philox", {"buffer_pos": -200_000_000}),
        ("Philox", {"buffer_pos": 5}),
        ("Philox", {"buffer": np.zeros(3, "u8")}),
        ("Philox", {"counter": np.zeros(4)}),
        ("Philox", {"key": [0, 0, 0]}),
        ("PCG64", {"state": {"state": 1 << 128, "inc": 1}}),
        ("PCG64", {"uinteger": 1 << 32}),
        ("PCG64", {"has_uint32": 2}),
        ("PCG64DXSM", {"inc": -1}),
        ("SFC64", {"state": {"state": np.zeros((4, 4), "u8")}}),
        ("SFC64", {"more": 1}),
    ],
)
@pytest.mark.parametrize("kind", [np.random.RandomState, np.random.Generator])
def test_a_state_outside_of_a_random_generator_is_refused(kind, bits, changed, tmp_path):
    if kind is np.random.RandomState and "more" in changed:
        changed = {"has_gauss": 2}
    write_document(tmp_path, *changed_state(kind, getattr(np.random, bits), changed))
    with pytest.raises(ValueError, match="of a random generator is not what NumPy writes"):
        _files.read(tmp_path / "x", "value")
    tree, arrays = changed_state(kind, getattr(np.random, bits), changed)
    write_document(tmp_path, {"list": [tree["random"][1]]}, arrays)  # a later fit continues it
    with pytest.raises(ValueError, match="of a random generator is not what NumPy writes"):
        _files.read(tmp_path / "x", "value")


def test_an_estimator_that_goes_on_with_draws_comes_back(tmp_path):
    X = np.random.default_rng(0).normal(size=(60, 2))
    model = MiniBatchKMeans(3, random_state=0, reassignment_ratio=0.5).partial_fit(X)
    streamlearn.save(model, tmp_path / "x")
    again = streamlearn.load(tmp_path / "x")
    for _ in range(3):
        same(again.partial_fit(X).cluster_centers_, model.partial_fit(X).cluster_centers_)


@pytest.mark.parametrize(
    "tree",
    [
        {"name": "streamlearn.core.statistics.moments:OldMoments"},
        {"fields": ["streamlearn.core.statistics.moments:Moments", {"old": 1}]},
        {"fields": ["streamlearn.core.statistics.moments:Moments", {}]},
    ],
)
def test_a_file_of_another_version_names_the_version_to_install(tree, tmp_path):
    write_document(tmp_path, tree, streamlearn="0.0.3")
    with pytest.raises(ValueError, match=r"0\.0\.3 wrote it.*install version 0\.0\.3 of dask"):
        _files.read(tmp_path / "x", "value")
    write_document(tmp_path, tree, streamlearn=streamlearn.__version__)
    with pytest.raises(ValueError, match=r"names|damaged|no fields") as error:
        _files.read(tmp_path / "x", "value")
    assert "install version" not in str(error.value)


def test_a_warning_that_the_user_wants_as_an_error_stays_what_it_is(tmp_path):
    tree = {"object": ["sklearn.linear_model:SGDClassifier", {"_sklearn_version": "0.1"}]}
    write_document(tmp_path, tree)
    with pytest.warns(InconsistentVersionWarning):
        _files.read(tmp_path / "x", "value")
    with warnings.catch_warnings(action="error"), pytest.raises(InconsistentVersionWarning):
        _files.read(tmp_path / "x", "value")


def deep():
    return '{"list": [' * 100_000 + "]}" * 100_000


@pytest.mark.complete
@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "damaged"),
        ("[]", "damaged"),
        ("{}", "damaged"),
        ('{"format": "a", "streamlearn": "1", "kind": "value", "value": 0}', "damaged"),
        ('{"format": 1, "streamlearn": "1", "kind": "value", "value": ' + deep() + "}", "damaged"),
        ('{"format": 1, "streamlearn": "1", "kind": "other", "value": 0}', "holds a other"),
        ('{"format": 2, "streamlearn": "7.0", "kind": "value", "value": 0}', r"Install .* 7\.0"),
        (
            '{"format": 1, "streamlearn": "1", "kind": "value", "value": ' + "9" * 9999 + "}",
            "damag",
        ),
        ('{"format": Infinity, "streamlearn": "1", "kind": "value", "value": 0}', "damaged"),
    ],
    ids=range(9),
)
def test_a_damaged_document_ends_in_an_error(content, says, tmp_path):
    with zipfile.ZipFile(tmp_path / "x", "w") as file:
        file.writestr("document.json", content)
    with pytest.raises(ValueError, match=says):
        _files.read(tmp_path / "x", "value")


def test_a_file_that_is_cut_or_changed_anywhere_ends_in_an_error(tmp_path):
    path = tmp_path / "x"
    value = {"a": np.arange(40.0), "b": [1, "text", None]}
    _files.write(path, "value", value)
    whole = path.read_bytes()
    for cut in range(0, len(whole), 7):
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match="cannot be read"):
            _files.read(path, "value")
    rng = np.random.default_rng(0)
    for at in rng.integers(len(whole), size=300):
        changed = bytearray(whole)
        changed[at] ^= 1 << rng.integers(8)
        path.write_bytes(changed)
        try:  # a bit outside of what is read changes nothing
            same(_files.read(path, "value"), value)
        except ValueError as error:
            assert "cannot be read" in str(error)  # noqa: PT017


def test_an_array_of_too_many_empty_values_is_not_written(tmp_path):
    few = np.ndarray(EMPTY, "S0")
    assert back(few, tmp_path).shape == few.shape
    with pytest.raises(TypeError, match=r"\[1\] has more than 1048576 values of \|S0"):
        _files.write(tmp_path / "x", "value", [few, np.ndarray(EMPTY + 1, "S0")])


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "x", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("document.json", " " * (64 << 20))
    assert (tmp_path / "x").stat().st_size < 1 << 17
    with pytest.raises(ValueError, match="larger than the file"):
        _files.read(tmp_path / "x", "value")
    with zipfile.ZipFile(tmp_path / "x", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("document.json", os.urandom(1000))
        file.writestr("0.npy", os.urandom(4000), zipfile.ZIP_STORED)
    with pytest.raises(ValueError, match="compressed"):
        _files.read(tmp_path / "x", "value")


def test_names_in_a_file_have_no_power(tmp_path):
    inside = tmp_path / "deep" / "folder"
    inside.mkdir(parents=True)
    write_document(inside, 0)
    with zipfile.ZipFile(inside / "x", "a") as file:
        file.writestr("../../evil", "x")
        file.writestr("/tmp/evil-by-streamlearn-test", "x")
    with pytest.raises(ValueError, match="array 0 of 2 is missing"):
        _files.read(inside / "x", "value")
    assert not (tmp_path / "evil").exists()
    assert not os.path.exists("/tmp/evil-by-streamlearn-test")


def test_a_pickle_is_refused_and_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "evil"),)

    (tmp_path / "x").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ValueError, match="not a file of streamlearn"):
        streamlearn.load(tmp_path / "x")
    assert not (tmp_path / "evil").exists()


def test_a_file_is_written_as_other_new_files_are(tmp_path):
    _files.write(tmp_path / "x", "value", 1)
    (tmp_path / "y").write_text("")
    assert (tmp_path / "x").stat().st_mode == (tmp_path / "y").stat().st_mode


def test_the_umask_of_the_process_is_not_touched(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "umask", None)  # other threads make files at the same time
    _files.write(tmp_path / "x", "value", 1)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other modes")
def test_a_file_that_is_replaced_keeps_its_mode(tmp_path):
    _files.write(tmp_path / "x", "value", 1)
    (tmp_path / "x").chmod(0o600)
    _files.write(tmp_path / "x", "value", 2)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o600


@pytest.mark.skipif(os.name == "nt", reason="Windows makes links for administrators")
def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "x").symlink_to(tmp_path / "far" / "y")
    for value in (1, 2):
        _files.write(tmp_path / "x", "value", value)
        assert (tmp_path / "x").is_symlink()
        assert _files.read(tmp_path / "far" / "y", "value") == value
    (tmp_path / "far" / ".y.0123abcd.part").write_text("")
    archive.remove_parts(tmp_path / "x")
    assert [p.name for p in (tmp_path / "far").iterdir()] == ["y"]


def test_an_interrupt_after_the_last_line_stays_an_interrupt(tmp_path, monkeypatch):
    replace = os.replace

    def replace_and_stop(*paths):
        replace(*paths)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", replace_and_stop)
    with pytest.raises(KeyboardInterrupt):
        _files.write(tmp_path / "x", "value", 1)
    assert _files.read(tmp_path / "x", "value") == 1


@pytest.mark.parametrize("name", ["fit", "fit[1]"])
def test_parts_that_were_left_are_removed_and_other_files_are_not(name, tmp_path, monkeypatch):
    others = [name, "y.part", f".{name}.b.part", ".fit1.01234567.part"]
    for other in others:
        (tmp_path / other).write_text("")
    monkeypatch.setattr(archive.Path, "unlink", lambda *args, **kwargs: None)  # as if killed
    monkeypatch.setattr(os, "replace", lambda *paths: None)
    _files.write(tmp_path / f"{name}.b", "value", 1)
    (left,) = (p.name for p in tmp_path.iterdir() if p.name not in others)
    _files.write(tmp_path / name, "value", 1)
    assert len(list(tmp_path.iterdir())) == len(others) + 2
    monkeypatch.undo()
    archive.remove_parts(tmp_path / name)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*others, left])


def test_reading_imports_no_pickle_and_calls_no_loads():
    """`numpy.load` with pickle, and pickle itself, are not in the room that reads files."""
    for name in ("archive", "names", "tree"):
        source = (archive.Path(_files.__file__).parent / f"{name}.py").read_text()
        assert "import pickle" not in source
        assert "allow_pickle=True" not in source
        assert "eval(" not in source.replace("literal_eval(", "")


def test_the_package_stays_light():
    heavy = "[m for m in ('sklearn', 'dask', 'numpy') if m in sys.modules]"
    code = f"import sys, streamlearn; print({heavy})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        streamlearn.nothing


def test_estimators_of_another_library_are_saved_by_public_names(tmp_path):
    model = theirs.SGDClassifier(random_state=0).fit([[0.0], [1.0]], [0, 1])
    streamlearn.save(model, tmp_path / "x")
    text = zipfile.ZipFile(tmp_path / "x").read("document.json").decode()
    assert "sklearn.linear_model:SGDClassifier" in text
    assert "_stochastic_gradient" not in text
    np.testing.assert_array_equal(streamlearn.load(tmp_path / "x").coef_, model.coef_)
    encoder = preprocessing.OneHotEncoder().fit([["a"], ["b"]])
    streamlearn.save(encoder, tmp_path / "x")
    assert streamlearn.load(tmp_path / "x").transform([["b"]]).toarray().tolist() == [[0, 1]]


def test_only_estimators_are_saved(tmp_path):
    with pytest.raises(TypeError, match=r"takes an estimator, got a dict\. .* with pickle"):
        streamlearn.save({}, tmp_path / "x")
    _files.write(tmp_path / "x", "estimator", 3)
    with pytest.raises(ValueError, match="holds a int, expected an estimator"):
        streamlearn.load(tmp_path / "x")
    with pytest.raises(FileNotFoundError):
        streamlearn.load(tmp_path / "nothing")
    assert SGDClassifier  # the classes above are importable by name
