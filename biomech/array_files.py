"""What lies in a file of arrays, as nested dictionaries and lists of arrays; nothing in it is ever executed.

.npz and .npy without objects, .pt and .pth as torch's weights-only reader takes them, .json. A pickle names functions
that reading it calls: it is read only where the user allows it, and then by a reader that knows arrays, tensors and
Python's plain values and refuses every other name; joblib's files, compressed or not, are such pickles too.
"""

import bz2
import contextlib
import gzip
import io
import json
import lzma
import pickle
import zipfile
import zlib
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from biomech.errors import BioposeError, plainly
from biomech.files import check_file, read_json
from biomech.names import ARRAY_SUFFIXES as SUFFIXES

MOST_BYTES = 8_000_000_000
DEEPEST = 40
PICKLES = (".pkl", ".pickle", ".joblib")
OPENERS: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ": lzma.decompress,
    b"\x78": zlib.decompress,
}
TORCH_BEFORE_ZIP = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # how torch's files of before 1.6 begin
ALLOW = (
    "Give `allow_pickle` if you trust where the file comes from; only arrays, tensors and plain values are then read."
)


def load(path: Path, *, allow_pickle: bool = False) -> Any:
    """The content of a file: dictionaries, lists, texts, numbers and numpy arrays.

    Args:
        path: one of ``SUFFIXES``.
        allow_pickle: whether a pickle is looked into, by the reader that knows arrays alone.

    Returns:
        Nested; tensors have become arrays.

    Raises:
        BioposeError: no such file, another kind of file, a damaged one, or one that holds what is not allowed.
    """
    path = check_file(path, missing="no such file", mend="Check the path.")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise BioposeError(f"'{suffix}' is no file of arrays", where=str(path), mend=f"Read are {', '.join(SUFFIXES)}.")
    if path.stat().st_size > MOST_BYTES:
        raise BioposeError(f"{path.stat().st_size / 1e9:.1f} GB; at most 8 are read", where=str(path))
    try:
        return plain(_read(path, suffix, allow_pickle))
    except BioposeError as error:
        raise BioposeError(error.what, where=str(path), mend=error.mend) from error
    except (MemoryError, RecursionError) as error:
        raise BioposeError("too large, or nested too deeply", where=str(path)) from error
    except Exception as error:  # what damaged files make their readers raise has no end
        raise BioposeError(f"it cannot be read ({plainly(error)})", where=str(path), mend="Make it again.") from error


def _read(path: Path, suffix: str, allow_pickle: bool) -> Any:
    if suffix == ".json":
        return read_json(path, what="a file of arrays")
    if suffix in (".npz", ".npy"):
        return _numpy(path, allow_pickle)
    if suffix in (".pt", ".pth"):
        with open(path, "rb") as file:
            old = file.read(len(TORCH_BEFORE_ZIP)) == TORCH_BEFORE_ZIP
        if old or zipfile.is_zipfile(path):
            return _torch(path)
    if not allow_pickle:
        raise BioposeError("a pickle, which can run code when it is read, is not read unasked", mend=ALLOW)
    return unpickled(_opened(path.read_bytes()))


def _numpy(path: Path, allow_pickle: bool) -> Any:
    """Arrays; those of objects are pickles."""

    def one(data: bytes, name: str) -> Any:
        file = io.BytesIO(data)
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        kind = read(file)[2]
        if not kind.hasobject:
            file.seek(0)
            return np.lib.format.read_array(file, allow_pickle=False)
        if not allow_pickle:
            raise BioposeError(f"{name} is an array of objects, which is a pickle", mend=ALLOW)
        return unpickled(file.read())

    if path.suffix.lower() == ".npy":
        return one(path.read_bytes(), "it")
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".npy")]
        if sum(archive.getinfo(name).file_size for name in names) > MOST_BYTES:
            raise BioposeError("over 8 GB when unpacked")
        return {name.removesuffix(".npy"): one(archive.read(name), name.removesuffix(".npy")) for name in names}


def _torch(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, AttributeError) as error:
        raise BioposeError(
            "it holds more than tensors and plain values, or is damaged",
            mend="Save tensors alone: torch.save({'pose': pose, …}, FILE).",
        ) from error


def _opened(data: bytes) -> bytes:
    """Without the compression that joblib may have put around it."""
    for magic, opener in OPENERS.items():
        if data.startswith(magic):
            with contextlib.suppress(OSError, zlib.error, lzma.LZMAError, EOFError):
                return opener(data)
    return data


class _Sparse:
    """What is left of a scipy matrix in a body model's file: its parts. No code of scipy's runs."""

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(state if isinstance(state, dict) else {})

    def dense(self) -> np.ndarray:
        found = vars(self)
        shape: tuple[int, int] = found["_shape" if "_shape" in found else "shape"]
        matrix = np.zeros(shape)
        by_column = len(found["indptr"]) == shape[1] + 1
        for line in range(len(found["indptr"]) - 1):
            part = slice(found["indptr"][line], found["indptr"][line + 1])
            if by_column:
                matrix[found["indices"][part], line] = found["data"][part]
            else:
                matrix[line, found["indices"][part]] = found["data"][part]
        return matrix


class _Chumpy:
    """What is left of a chumpy array in a body model's file: its numbers. No code of chumpy's runs."""

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(state if isinstance(state, dict) else {})

    def numbers(self) -> np.ndarray:
        return np.asarray(vars(self).get("x", np.nan))


class _JoblibArray:
    """joblib writes an array's bytes beside its description, right after it in the stream."""

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(state)

    def array(self, stream: io.BytesIO) -> np.ndarray:
        found = vars(self)
        kind = np.dtype(found["dtype"])
        if kind.hasobject:
            raise BioposeError("it holds an array of objects within joblib's own form", mend="Save it with pickle.")
        if found.get("numpy_array_alignment_bytes") is not None:
            stream.read(int.from_bytes(stream.read(1), "little"))
        count = int(np.prod(found["shape"], dtype=np.int64))
        data = stream.read(count * kind.itemsize)
        return np.frombuffer(data, kind, count).reshape(found["shape"], order=found["order"]).copy()


def _rebuilt(storage: Any, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> np.ndarray:
    """A tensor as torch describes it, from the numbers of its storage."""
    if min((*size, *stride, offset, 0)) < 0:
        raise BioposeError("a tensor of a negative size")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) if all(size) else 0
    if last >= max(len(storage), 1):
        raise BioposeError("a tensor reaches beyond its numbers")
    steps = tuple(step * storage.itemsize for step in stride)
    return np.lib.stride_tricks.as_strided(storage[offset:], size, steps, writeable=False).copy()


def _from_bytes(data: bytes) -> np.ndarray:
    """A tensor's storage, which torch pickles as a small file of its own kind."""
    storage = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    return torch.tensor([], dtype=storage.dtype).set_(storage).numpy()


def _parameter(data: np.ndarray, *_: Any) -> np.ndarray:
    return data


def _bare(kind: Any, base: Any, state: Any) -> Any:
    """An object of ours before its state is set, as the oldest pickles make one."""
    if kind not in (_Sparse, _Chumpy, _JoblibArray) or base is not object or state is not None:
        raise BioposeError("the pickle makes an object that is no array")
    return kind()


_ALLOWED: dict[tuple[str, str], Any] = {
    ("copyreg", "_reconstructor"): _bare,
    ("builtins", "object"): object,
    ("builtins", "dict"): dict,
    ("builtins", "list"): list,
    ("builtins", "tuple"): tuple,
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("builtins", "int"): int,
    ("builtins", "float"): float,
    ("builtins", "complex"): complex,
    ("builtins", "bool"): bool,
    ("builtins", "str"): str,
    ("builtins", "bytes"): bytes,
    ("builtins", "bytearray"): bytearray,
    ("builtins", "slice"): slice,
    ("builtins", "range"): range,
    ("_codecs", "encode"): lambda text, coding="latin1": text.encode("latin1"),
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "defaultdict"): defaultdict,
    ("collections", "deque"): deque,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("torch._utils", "_rebuild_tensor"): _rebuilt,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuilt,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch.storage", "_load_from_bytes"): _from_bytes,
    ("torch", "Size"): tuple,
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): _JoblibArray,
    **{("chumpy.ch", "Ch"): _Chumpy, ("chumpy.reordering", "Select"): _Chumpy},
    **{
        (f"scipy.sparse.{module}", f"{kind}_{what}"): _Sparse
        for kind in ("csc", "csr")
        for module in (kind, f"_{kind}")
        for what in ("matrix", "array")
    },
}
for _core in ("numpy.core", "numpy._core"):
    _ALLOWED[f"{_core}.multiarray", "_reconstruct"] = np._core.multiarray._reconstruct  # type: ignore[attr-defined]
    _ALLOWED[f"{_core}.multiarray", "scalar"] = np._core.multiarray.scalar  # type: ignore[attr-defined]
    _ALLOWED[f"{_core}.numeric", "_frombuffer"] = np._core.numeric._frombuffer  # type: ignore[attr-defined]


class _ArraysOnly(pickle._Unpickler):  # type: ignore[name-defined, misc]  # Python's own: joblib's arrays lie between
    """Reads a pickle that calls nothing but what makes arrays and plain values."""

    stack: list[Any]  # Python's own reader has it
    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)  # type: ignore[attr-defined]

    def __init__(self, stream: io.BytesIO):
        super().__init__(stream, encoding="latin1")
        self.stream = stream

    def find_class(self, module: str, name: str) -> Any:
        """What a name in the pickle stands for.

        Raises:
            BioposeError: it is none of those that make arrays and plain values.
        """
        module = {"__builtin__": "builtins", "copy_reg": "copyreg"}.get(module, module)
        found = _ALLOWED.get((module, name))
        if found is None:
            raise BioposeError(
                f"the pickle names {module}.{name}, which is no array, tensor or plain value; it was not read further",
                mend="Save the arrays alone, as .npz, from the program that wrote it.",
            )
        return found

    def persistent_load(self, pid: Any) -> Any:
        """Refused: a pickle alone has nothing beside it.

        Raises:
            BioposeError: always.
        """
        raise BioposeError("the pickle refers to something outside it")

    def _build(self) -> None:
        """As Python's, then joblib's array is read from where the stream stands."""
        held = self.stack[-2]
        if isinstance(held, np.dtype | np.ndarray) or type(held).__name__ in _OWN:
            pickle._Unpickler.load_build(self)  # type: ignore[attr-defined]
        else:
            raise BioposeError(f"the pickle changes a {type(held).__name__}, which is no array")
        if isinstance(self.stack[-1], _JoblibArray):
            self.stack.append(self.stack.pop().array(self.stream))

    dispatch[pickle.BUILD[0]] = _build


_OWN = {"_Sparse", "_Chumpy", "_JoblibArray", "OrderedDict"}


def unpickled(data: bytes) -> Any:
    """What a pickle holds, of arrays, tensors and plain values.

    Args:
        data: the whole pickle.

    Returns:
        Nested; tensors are arrays.

    Raises:
        BioposeError: it names anything else.
    """
    return _ArraysOnly(io.BytesIO(data)).load()


def plain(value: Any, depth: int = 0) -> Any:
    """Tensors and what stands for arrays, as numpy arrays; the rest as it is.

    Args:
        value: nested.
        depth: how deep in the whole it lies.

    Returns:
        The same, tuples as lists.

    Raises:
        BioposeError: it is nested too deeply.
    """
    if depth > DEEPEST:
        raise BioposeError("it is nested too deeply")
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy()
    if isinstance(value, _Sparse):
        return value.dense()
    if isinstance(value, _Chumpy):
        return value.numbers()
    if isinstance(value, dict):
        return {key: plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | deque):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, np.ndarray) and value.dtype.hasobject:
        if value.ndim == 0:
            return plain(value.item(), depth + 1)
        return [plain(item, depth + 1) for item in value]
    return value


def as_json(value: Any) -> str:
    """A short look at what lies in a file, for messages."""
    if isinstance(value, dict):
        return ", ".join(str(key) for key in list(value)[:12]) + (" …" if len(value) > 12 else "")
    if isinstance(value, np.ndarray):
        return f"an array {' × '.join(map(str, value.shape))}"
    return json.dumps(type(value).__name__)
