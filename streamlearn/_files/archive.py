"""The file: a zip of one JSON document and of arrays in NumPy's format, none of it compressed.

Nothing is compressed, so a small file cannot become large. Nothing
is unpacked to the disk, so the names in the file have no power. A file is written under another
name first, and renamed when it is complete.
"""

from __future__ import annotations

import glob
import json
import math
import os
import re
import secrets
import shutil
import struct
import zipfile
import zlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from streamlearn import __version__
from streamlearn._files.tree import EMPTY, Decoder, Encoder, dtype_of

FORMAT = 1
"""The version of the format. A reader refuses files of a newer one."""

DOCUMENT = "document.json"
DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError),
    *(NotImplementedError, OverflowError, IndexError, UnicodeError),
)
"""Errors of ``zipfile`` about a damaged file."""

HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(?P<length>..)\{'descr': '(?P<dtype>[^']{1,30})', "
    rb"'fortran_order': (?P<fortran>True|False), "
    rb"'shape': \((?P<shape>(\d{1,19}, ?)*(\d{1,19})?)\), \} *\n",
    re.DOTALL,
)
"""The header of NumPy's format 1.0. NumPy reads it as Python, which can end in many errors. Its
length is a multiple of 64 bytes, so that the values are aligned."""

DIGITS = 8
"""How many digits are in the name of a file that is not complete, such as ``.fit.01234567.part``.
The number is fixed, so that it is not taken for a part of another file, such as ``fit.b``."""


def write(path: Any, kind: str, value: Any) -> None:
    """Write a value to a file, which replaces an older one only when it is complete.

    A file that is replaced keeps its mode, and a link stays a link.

    Parameters
    ----------
    path : str or path-like
    kind : str
        What the file holds.
    value : object

    Raises
    ------
    TypeError
        If the value, or a value in it, can only be saved by pickle. The message says where it is.
    """
    encoder = Encoder()
    document = {
        "format": FORMAT,
        "streamlearn": __version__,
        "kind": kind,
        "value": encoder.encoded(value),
    }
    text = json.dumps(document, allow_nan=False).encode()
    place = _place(path)
    part = place.with_name(f".{place.name}.{secrets.token_hex(DIGITS // 2)}.part")
    try:
        with part.open("xb") as file:
            if place.exists():
                shutil.copymode(place, part)
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                archive.writestr(DOCUMENT, text)
                for number, array in enumerate(encoder.arrays):
                    with archive.open(f"{number}.npy", "w", force_zip64=True) as member:
                        np.lib.format.write_array(member, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, place)
    except BaseException:
        part.unlink(missing_ok=True)  # it is missing if the error came after its last line
        raise
    if hasattr(os, "O_DIRECTORY"):  # the folder of some systems cannot be opened
        folder = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _place(path: Any) -> Path:
    """Return the file of a path, which may be a link."""
    return Path(os.path.realpath(path))


def remove_parts(path: Any) -> None:
    """Remove what processes have left that ended while they wrote to ``path``."""
    place = _place(path)
    for part in place.parent.glob(f".{glob.escape(place.name)}.{'[0-9a-f]' * DIGITS}.part"):
        part.unlink(missing_ok=True)


def read(path: Any, kind: str) -> Any:
    """Return the value in a file.

    Parameters
    ----------
    path : str or path-like
    kind : str
        What the file must hold.

    Raises
    ------
    ValueError
        If the file is damaged, of a newer format, of another kind, or not of this library, or if it
        asks for a class or a function that files may not ask for. If another version wrote it, the
        message says which to install.
    ImportError
        If it holds arrays of a library that is not installed.
    """

    def refuse(why: str, cause: BaseException | None = None) -> NoReturn:
        raise ValueError(f"{os.fspath(path)!r} cannot be read: {why}") from cause

    with open(path, "rb") as file:
        try:
            archive = zipfile.ZipFile(file)
            members = archive.infolist()
            if sum(member.file_size for member in members) > os.fstat(file.fileno()).st_size:
                refuse("its parts are larger than the file, so it is damaged or made to do harm.")
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                refuse("its parts are compressed, and streamlearn compresses nothing.")
            found = {member.filename: _content(archive, member) for member in members}
        except DAMAGED as error:
            refuse(f"it is not a file of streamlearn, or it is damaged ({error!r}).", error)
    try:
        document = json.loads(bytes(found[DOCUMENT]))
        form, version = int(document["format"]), str(document["streamlearn"])
        holds, tree = str(document["kind"]), document["value"]
    except Exception as error:
        refuse(f"it is not a file of streamlearn, or it is damaged ({error!r}).", error)
    if form > FORMAT:
        refuse(
            f"it has format {form}, which streamlearn {version} wrote, and this is streamlearn "
            f"{__version__}, which reads format {FORMAT}. Install version {version} of "
            "dask-streamlearn."
        )
    if holds != kind:
        refuse(f"it holds a {holds}, expected a {kind}.")
    try:
        return Decoder(_numbered(found)).decoded(tree)
    except (ImportError, Warning):  # a library is missing, or the user wants errors for warnings
        raise
    except Exception as error:  # a hostile tree can end in any
        why = str(error) if isinstance(error, ValueError) else f"it is damaged ({error!r})."
        if version != __version__:
            why += (
                f" streamlearn {version} wrote it, and this is streamlearn {__version__}, whose "
                f"classes may differ. If you trust the file, install version {version} of "
                "dask-streamlearn."
            )
        refuse(why, error)


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> memoryview:
    """Return the bytes of a part of the file, which arrays may share and change."""
    content = BytesIO()
    with archive.open(member) as file:
        shutil.copyfileobj(file, content)
    return content.getbuffer()


def _numbered(found: dict[str, memoryview]) -> Sequence[np.ndarray]:
    """Return the arrays of a file in their order."""
    arrays = []
    for number in range(len(found) - 1):
        data = found.get(f"{number}.npy")
        if data is None:
            raise ValueError(f"the array {number} of {len(found) - 1} is missing.")
        arrays.append(_array(data, number))
    return arrays


def _array(data: memoryview, number: int) -> np.ndarray:
    """Return an array in the bytes of NumPy's format, whose header must fit them."""
    header = HEADER.match(data)
    start = header.end() if header else 0
    if not header or start % 64 or start != 10 + int.from_bytes(header["length"], "little"):
        raise ValueError(f"the header of array {number} is damaged.")
    dtype = dtype_of(header["dtype"].decode())
    shape = tuple(int(length) for length in header["shape"].split(b",") if length.strip())
    values = data[start:]
    count = math.prod(shape)
    if count * dtype.itemsize != len(values) or (dtype.itemsize == 0 and count > EMPTY):
        raise ValueError(
            f"array {number} has {len(values)} bytes, and its header says {dtype} of shape {shape}."
        )
    order: Any = "F" if header["fortran"] == b"True" else "C"
    return np.ndarray(shape, dtype, buffer=values, order=order)
