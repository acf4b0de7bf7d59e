"""Frames that carry plain values and numeric arrays between two processes, one of which is hostile.

A frame is a fixed prefix (magic, header length u32, payload length u64), a JSON header `[value, arrays]` and the
raw bytes of the arrays. A JSON list begins with a tag: `["l", ...]` a list, `["t", ...]` a tuple, `["a"]` the next
array; `arrays` holds `[kind, dtype, shape]`, and the kind "b" stands for `bytes`. Nothing is pickled; lengths are
checked before memory is taken.
"""

from __future__ import annotations

import json
import math
import struct
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

__all__ = [
    "Caps",
    "Closed",
    "Crossing",
    "Unsendable",
    "WireError",
    "frame",
    "receive",
    "receive_outline",
    "send",
]

BUFFERS_PER_CALL = 512  # the kernel takes at most IOV_MAX = 1024
PREFIX = struct.Struct("<4sIQ")
MAGIC = b"slt1"
DTYPES = {"bool", *(f"{kind}{bits}" for kind in ("int", "uint", "float") for bits in (8, 16, 32, 64))} - {
    "float8"
}
MAX_DIMENSIONS = 32  # what every numpy allows
_PLAIN_ARRAYS = (np.ndarray, np.memmap)  # others hold more than their elements, such as a mask
_PLAIN_TENSORS = (
    "torch.nn.parameter",
    "torchvision.tv_tensors",
)  # modules of tensors that are only named otherwise
_SCALARS = (bool, int, float, str, np.bool_, np.integer, np.floating)


class WireError(Exception):
    """A frame that breaks the rules, hostile or too large; the message is one sentence."""


class Closed(WireError):  # noqa: N818 -- the peer's state, not a mistake
    """The peer is gone."""


class Unsendable(WireError):  # noqa: N818 -- says what the value is
    """A value of ours that cannot cross; `what` names it with its article ("a generator").

    `cap` names the field of `Caps` that it exceeds; it is empty where no cap would let the value cross.
    """

    def __init__(self, what: str, cap: str = "") -> None:
        super().__init__(f"cannot send {what}")
        self.what = what
        self.cap = cap


@dataclass(frozen=True)
class Caps:
    """What a frame may hold, in both directions."""

    header_bytes: int = 1 << 20
    payload_bytes: int = 64 << 20
    depth: int = 32
    nodes: int = 100_000


@dataclass(frozen=True)
class Crossing:
    """What a task lets cross, by the fields of `[limits]` in its task.toml; an MB is 1024 kB."""

    argument_mb: int = 64
    return_mb: int = 64
    text_mb: int = 1
    values: int = 100_000

    @property
    def arguments(self) -> Caps:
        """Return the caps of a call."""
        return Caps(self.text_mb << 20, self.argument_mb << 20, nodes=self.values)

    @property
    def returns(self) -> Caps:
        """Return the caps of an answer."""
        return Caps(self.text_mb << 20, self.return_mb << 20, nodes=self.values)


DEFAULT_CAPS = Caps()
PROGRAM_CAPS = Caps(header_bytes=1 << 28)  # of a slot's first frame, which holds its program


def send(sock: socket.socket, value: Any, caps: Caps = DEFAULT_CAPS) -> None:
    """Send one value: None, bool, int, float, str, bytes, list, tuple, dict with text keys, numpy or torch arrays.

    Raises Unsendable where the value cannot cross (nothing is sent then) and Closed where the peer is gone.
    """
    move(sock.sendmsg, [memoryview(part) for part in _frame(value, caps)])


def frame(value: Any, caps: Caps = DEFAULT_CAPS) -> bytes:
    """Return the bytes that `send` would send.

    Raises Unsendable where the value cannot cross.
    """
    return b"".join(_frame(value, caps))


def _frame(value: Any, caps: Caps) -> list[Any]:
    encoder = _Encoder(caps)
    structure = encoder.encode(value, caps.depth)
    header = json.dumps([structure, encoder.specs], separators=(",", ":"), ensure_ascii=False).encode()
    if len(header) > caps.header_bytes:
        what = f"more than {_megabytes(caps.header_bytes)} of texts and numbers outside arrays"
        raise Unsendable(what, "header_bytes")
    return [PREFIX.pack(MAGIC, len(header), encoder.payload_bytes) + header, *encoder.buffers]


def receive(sock: socket.socket, caps: Caps = DEFAULT_CAPS) -> Any:
    """Receive one value; arrays are fresh, contiguous, writable and on the CPU.

    Raises WireError where the frame breaks the rules and Closed where the peer is gone.
    """
    structure, layouts = _receive_header(sock, caps)
    arrays = [np.empty(shape, dtype) for _, dtype, shape in layouts]
    receive_all(sock, [_bytes_of(array) for array in arrays if array.nbytes])
    return _decode(
        structure, [_finish(kind, array) for (kind, _, _), array in zip(layouts, arrays, strict=True)], caps
    )


def receive_outline(sock: socket.socket, caps: Caps = DEFAULT_CAPS) -> Any:
    """Receive one value for which only its shape counts: None stands for each array and bytes, so that torch is not needed.

    Raises WireError where the frame breaks the rules and Closed where the peer is gone.
    """
    structure, layouts = _receive_header(sock, caps)
    left = sum(math.prod(shape) * dtype.itemsize for _, dtype, shape in layouts)
    while left:
        left -= len(receive_exactly(sock, min(left, 1 << 20)))
    return _decode(structure, [None] * len(layouts), caps)


def _receive_header(sock: socket.socket, caps: Caps) -> tuple[Any, list[Any]]:
    magic, header_bytes, payload_bytes = PREFIX.unpack(receive_exactly(sock, PREFIX.size))
    if magic != MAGIC:
        raise WireError("a frame begins with the wrong bytes")
    if header_bytes > caps.header_bytes:
        raise WireError(f"a frame's header is larger than {_megabytes(caps.header_bytes)}")
    if payload_bytes > caps.payload_bytes:
        raise WireError(f"a frame's arrays and bytes are larger than {_megabytes(caps.payload_bytes)}")
    structure, specs = _parse(receive_exactly(sock, header_bytes))
    return structure, _check_layouts(specs, payload_bytes, caps)


def _decode(structure: Any, arrays: list[Any], caps: Caps) -> Any:
    finished = iter(arrays)
    value = _Decoder(caps, finished).decode(structure, caps.depth)
    if list(finished):
        raise WireError("a frame holds an array that its value does not use")
    return value


class _Encoder:
    """Walk a value once: the JSON structure is returned, arrays are collected beside it."""

    def __init__(self, caps: Caps) -> None:
        self.caps = caps
        self.nodes = 0
        self.payload_bytes = 0
        self.specs: list[list[Any]] = []
        self.buffers: list[memoryview] = []

    def encode(self, value: Any, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > self.caps.nodes:
            raise Unsendable(f"more than {self.caps.nodes} values outside arrays", "nodes")
        if value is None or isinstance(value, _SCALARS):
            return _scalar(value)
        if isinstance(value, (bytes, bytearray)):
            return self._array("b", "uint8", np.frombuffer(value, np.uint8))
        if isinstance(value, np.ndarray):
            if type(value) not in _PLAIN_ARRAYS:
                raise Unsendable(f"{_with_article(value)}, whose meaning would be lost on the way")
            return self._array("n", str(value.dtype.name), value)
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(value, torch.Tensor):
            return self._tensor(torch, value)
        return self._container(value, depth)

    def _container(self, value: Any, depth: int) -> Any:
        if not isinstance(value, (list, tuple, dict)):
            raise Unsendable(_with_article(value))
        if depth <= 0:
            raise Unsendable(f"a value nested deeper than {self.caps.depth} levels, or inside itself")
        if isinstance(value, dict):
            if not all(isinstance(key, str) for key in value):
                raise Unsendable("a dict with a key that is not a text")
            return {_scalar(key): self.encode(item, depth - 1) for key, item in value.items()}
        tag = "t" if isinstance(value, tuple) else "l"
        return [tag, *(self.encode(item, depth - 1) for item in value)]

    def _tensor(self, torch: Any, tensor: Any) -> Any:
        dtype = str(tensor.dtype).removeprefix("torch.")
        if not (type(tensor) is torch.Tensor or type(tensor).__module__.startswith(_PLAIN_TENSORS)):
            raise Unsendable(f"{_with_article(tensor)}, whose meaning would be lost on the way")
        if tensor.is_nested or tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_meta:
            raise Unsendable("a nested, sparse, quantised or empty-shelled tensor")
        if dtype not in DTYPES and dtype != "bfloat16":
            raise Unsendable(f"a tensor of dtype {dtype}")
        plain = tensor.detach().cpu().resolve_neg().contiguous()
        if dtype == "bfloat16":  # numpy has no such dtype: the same bits travel as uint16
            plain = plain.view(torch.int16)
        return self._array("t", dtype, plain.numpy())

    def _array(self, kind: str, dtype: str, array: NDArray[Any]) -> Any:
        if dtype not in DTYPES and (kind, dtype) != ("t", "bfloat16"):
            raise Unsendable(f"an array of dtype {dtype}")
        self.payload_bytes += array.nbytes
        if self.payload_bytes > self.caps.payload_bytes:
            what = f"more than {_megabytes(self.caps.payload_bytes)} of arrays and bytes"
            raise Unsendable(what, "payload_bytes")
        self.specs.append([kind, dtype, array.shape])
        if array.nbytes:
            self.buffers.append(_bytes_of(np.ascontiguousarray(array, array.dtype.newbyteorder("="))))
        return ["a"]


def _with_article(value: Any) -> str:
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeio' else 'a'} {name}"


class _Decoder:
    """Turn a hostile JSON structure into values."""

    def __init__(self, caps: Caps, arrays: Iterator[Any]) -> None:
        self.caps = caps
        self.nodes = 0
        self.arrays = arrays

    def decode(self, item: Any, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > self.caps.nodes:
            raise WireError(f"a frame holds more than {self.caps.nodes} values")
        if item is None or isinstance(item, _SCALARS):
            return _scalar(item)
        if depth <= 0:
            raise WireError(f"a frame is nested deeper than {self.caps.depth} levels")
        if isinstance(item, dict):
            return {_scalar(key): self.decode(value, depth - 1) for key, value in item.items()}
        tag = item[0] if item else None
        if tag not in ("a", "l", "t"):
            raise WireError("a frame's header has an unknown tag")
        if tag == "a":
            try:
                return next(self.arrays)
            except StopIteration:
                raise WireError("a frame's value uses an array that is not there") from None
        values = [self.decode(value, depth - 1) for value in item[1:]]
        return tuple(values) if tag == "t" else values


def _parse(header: bytearray) -> tuple[Any, list[Any]]:
    try:
        parsed = json.loads(header, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise WireError("a frame's header is not JSON") from None
    match parsed:
        case [value, [*specs]]:
            return value, specs
    raise WireError("a frame's header is not a value and a list of arrays")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise WireError("a frame's header has a key twice")
    return result


def _check_layouts(specs: list[Any], payload_bytes: int, caps: Caps) -> list[Any]:
    """Return (kind, numpy dtype, shape) of every array; the sizes add up to the payload exactly."""
    layouts: list[Any] = []
    total = 0
    for spec in specs:
        kind, dtype, shape = spec if isinstance(spec, list) and len(spec) == 3 else ("", "", [])
        carrier = _carrier(kind, dtype)
        if not _is_shape(shape, caps.payload_bytes) or (kind == "b" and len(shape) != 1):
            raise WireError("a frame has an array with a wrong shape")
        total += math.prod(shape) * carrier.itemsize
        layouts.append((f"{kind}:{dtype}", carrier, tuple(shape)))
    if total != payload_bytes:
        raise WireError("the sizes of a frame's arrays do not add up to its payload")
    return layouts


def _is_shape(shape: Any, largest: int) -> bool:
    if isinstance(shape, list) and all(type(size) is int and size >= 0 for size in shape):
        return len(shape) <= MAX_DIMENSIONS and bool(math.prod(max(size, 1) for size in shape) <= largest)
    return False


def _carrier(kind: Any, dtype: Any) -> np.dtype[Any]:
    if kind not in ("n", "t", "b") or not isinstance(dtype, str) or (kind == "b" and dtype != "uint8"):
        raise WireError("a frame describes an array wrongly")
    if dtype not in DTYPES and (kind, dtype) != ("t", "bfloat16"):
        raise WireError("a frame has an array of a dtype that is not allowed")
    return np.dtype("int16" if dtype == "bfloat16" else dtype)


def _finish(kind: str, array: NDArray[Any]) -> Any:
    """Return the array as the sender's kind; a bool that is neither 0 nor 1 would confuse every library.

    Bytes are copied once more, so that a frame of them takes twice its cap for a moment.
    """
    if array.dtype == np.bool_ and array.size and array.view(np.uint8).max() > 1:
        raise WireError("a frame has a bool that is neither true nor false")
    if kind.startswith("b"):
        return array.tobytes()
    if kind.startswith("n"):
        return array
    try:
        import torch  # noqa: PLC0415 -- two seconds that only those pay who use it
    except ImportError as error:
        raise WireError("a frame has a torch tensor and torch is not installed here") from error
    tensor = torch.from_numpy(array)
    return tensor.view(torch.bfloat16) if kind == "t:bfloat16" else tensor


def _scalar(value: Any) -> Any:
    """Return a plain Python scalar for one of Python or numpy; numbers of any size are no data."""
    if value is None or isinstance(value, (bool, np.bool_)):
        return value if value is None else bool(value)
    if isinstance(value, str):
        if not value.isascii() and value.encode(errors="replace").decode() != value:
            raise Unsendable("a text with half a character in it")
        return str(value)
    if isinstance(value, (float, np.floating)):
        return float(value)
    if not -(2**63) <= value < 2**64:
        raise Unsendable("an integer of more than 64 bits")
    return int(value)


def _bytes_of(array: NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def _megabytes(count: int) -> str:
    return f"{count / (1 << 20):g} MB"


def receive_exactly(sock: socket.socket, count: int) -> bytearray:
    """Return the next `count` bytes. Raises Closed where the peer is gone."""
    data = bytearray(count)
    receive_all(sock, [memoryview(data)] if count else [])
    return data


def receive_all(sock: socket.socket, buffers: list[memoryview]) -> None:
    """Fill all of `buffers` (none empty). Raises Closed where the peer is gone."""
    move(lambda some: sock.recvmsg_into(some)[0], buffers)


def move(transfer: Callable[[list[memoryview]], int], buffers: list[memoryview]) -> None:
    """Call `transfer` until all of `buffers` (none empty) went through. Raises Closed where the peer is gone."""
    first = 0
    while first < len(buffers):
        try:
            count = transfer(buffers[first : first + BUFFERS_PER_CALL])
        except ConnectionError:
            count = 0
        if not count:
            raise Closed("the other process is gone")
        while first < len(buffers) and count >= len(buffers[first]):
            count -= len(buffers[first])
            first += 1
        if count:
            buffers[first] = buffers[first][count:]
