"""Plain values as JSON, and back: what a model file says beside its tensors.

JSON has null, booleans, numbers, strings and lists. Every other value is an object with one
key, which names its kind: {"tuple": […]}, {"dict": [[key, value], …]}, {"float": "nan"},
{"scalar": [dtype, value]}, {"array": [dtype, shape, values]}, {"generator": state},
{"random_state": state}. There are no more kinds, none of them names a class or a function of
the reader's program, and nothing is sized by a number that is not backed by values.
"""

import json
import math
from typing import Any

import numpy as np

__all__ = ["decode", "dumps", "encode", "generator_of", "loads", "shown", "state_of"]

_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_DTYPES = {
    name: np.dtype(name)
    for name in (
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "float32", "float64"),
    )
}
# Every string of an array takes as much memory as the longest. The width that a file states is
# honoured up to this many characters; beyond, only as far as a string is really that long.
_FREE_WIDTH = 64

# The states of NumPy's bit generators: each entry with the bound that it must stay below, or with
# (how many numbers, their bound). NumPy does not check them; pos and buffer_pos are indices to it.
_BITS_32 = {"has_uint32": 2, "uinteger": 2**32}
_GENERATORS: dict[str, dict[str, Any]] = {
    "PCG64": {"state": {"state": 2**128, "inc": 2**128}, **_BITS_32},
    "PCG64DXSM": {"state": {"state": 2**128, "inc": 2**128}, **_BITS_32},
    "MT19937": {"state": {"key": (624, 2**32), "pos": 625}},
    "Philox": {
        "state": {"counter": (4, 2**64), "key": (2, 2**64)},
        "buffer": (4, 2**64),
        "buffer_pos": 5,
        **_BITS_32,
    },
    "SFC64": {"state": {"state": (4, 2**64)}, **_BITS_32},
}


def dumps(value: Any) -> str:
    """The text of a value that ``encode`` has made."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def loads(text: str) -> Any:
    """What the text says, still encoded.

    Raises
    ------
    ValueError
        If it is not JSON.
    """
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("its lists are nested too deeply") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


# ---------------------------------------------------------------- values → JSON


def encode(value: Any, what: str) -> Any:
    """A value as JSON has it.

    Parameters
    ----------
    value : object
    what : str
        Its name, for the error.

    Raises
    ------
    TypeError
        If it is none of the kinds that a model file holds.
    """
    if isinstance(value, np.str_):
        return str(value)
    if isinstance(value, np.generic) and value.dtype.name in _DTYPES:
        return {"scalar": [value.dtype.name, encode(value.item(), what)]}
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": repr(float(value))}
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, list):
        if all(type(one) is float and math.isfinite(one) for one in value):
            return value
        return [encode(one, what) for one in value]
    if isinstance(value, tuple):
        return {"tuple": [encode(one, what) for one in value]}
    if isinstance(value, dict):
        pairs = [[encode(key, what), encode(one, what)] for key, one in value.items()]
        return {"dict": pairs}
    if isinstance(value, np.ndarray):
        return {"array": _encode_array(value, what)}
    if isinstance(value, np.random.Generator):
        return {"generator": state_of(value, what)}
    if isinstance(value, np.random.RandomState):
        return {"random_state": _legacy_state_of(value, what)}
    raise TypeError(
        f"{what} holds a {type(value).__module__}.{type(value).__qualname__}, which a model file "
        "cannot hold"
    )


def _encode_array(array: np.ndarray, what: str) -> list[Any]:
    shape = list(array.shape)
    values = array.ravel().tolist()
    if array.dtype.kind == "U":
        return [f"str{array.dtype.itemsize // 4}", shape, values]
    if array.dtype.kind == "O":
        return ["object", shape, [encode(one, what) for one in values]]
    if array.dtype.name not in _DTYPES:
        raise TypeError(
            f"{what} is an array of dtype {array.dtype}, which a model file cannot hold"
        )
    return [array.dtype.name, shape, encode(values, what)]


# ---------------------------------------------------------------- JSON → values


def decode(value: Any) -> Any:
    """The value that ``encode`` was given.

    Raises
    ------
    ValueError
        If it is not what ``encode`` makes.
    """
    if isinstance(value, list):
        return [decode(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is beyond double precision")
    if not isinstance(value, dict):
        return value
    if len(value) != 1:
        raise ValueError(f"an object has the keys {shown(list(value))}, expected one kind")
    ((kind, content),) = value.items()
    if kind == "float" and isinstance(content, str) and content in _FLOATS:
        return _FLOATS[content]
    if kind == "generator":
        return generator_of(content)
    if kind == "random_state":
        return _random_state_of(content)
    reader = {
        "tuple": _decode_tuple, "dict": _decode_dict, "scalar": _decode_scalar,
        "array": _decode_array,
    }.get(kind)  # fmt: skip
    if reader is None or not isinstance(content, list):
        raise ValueError(f"no value is written as {shown(value)}")
    return reader(content)


def shown(value: Any) -> str:
    """A value as an error quotes it: of a long one the beginning."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _decode_tuple(content: list[Any]) -> tuple[Any, ...]:
    return tuple(decode(one) for one in content)


def _decode_dict(content: list[Any]) -> dict[Any, Any]:
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in content):
        raise ValueError("a dict is not made of pairs")
    try:
        return {decode(key): decode(one) for key, one in content}
    except TypeError:
        raise ValueError("a dict has a key that cannot be one") from None


def _decode_scalar(content: list[Any]) -> Any:
    if len(content) != 2:
        raise ValueError("a scalar is not a dtype and a value")
    return _filled(content[0], [content[1]])[0]


def _decode_array(content: list[Any]) -> np.ndarray:
    if len(content) != 3 or not isinstance(content[1], list) or not isinstance(content[2], list):
        raise ValueError("an array is not a dtype, a shape and values")
    name, shape, values = content
    if not all(type(size) is int and size >= 0 for size in shape) or len(shape) > 32:
        raise ValueError(f"{shown(shape)} is no shape of an array")
    if math.prod(shape) != len(values):
        raise ValueError(f"an array of shape {shown(shape)} has {len(values)} values")
    if isinstance(name, str) and name.startswith("str"):
        array = _strings(name, values)
    elif name == "object":
        array = np.empty(len(values), dtype=object)
        for i, one in enumerate(values):
            array[i] = decode(one)
    else:
        array = _filled(name, values)
    return array.reshape(shape)


def _filled(name: Any, values: list[Any]) -> np.ndarray:
    """Numbers or booleans as an array."""
    if not isinstance(name, str) or name not in _DTYPES:
        raise ValueError(f"{shown(name)} is no dtype of an array")
    dtype = _DTYPES[name]
    values = [decode(one) for one in values]
    kinds = {"b": (bool,), "f": (float, int)}.get(dtype.kind, (int,))
    if not all(type(one) in kinds for one in values):
        raise ValueError(f"an array of {name} holds something else")
    try:
        with np.errstate(over="ignore"):
            return np.array(values, dtype=dtype)
    except OverflowError:
        raise ValueError(f"a number does not fit {name}") from None


def _strings(name: str, values: list[Any]) -> np.ndarray:
    if not all(isinstance(one, str) for one in values) or not name[3:].isdecimal():
        raise ValueError(f"no array of strings is written as {shown(name)} and its values")
    longest = max((len(one) for one in values), default=0)
    width = int(name[3:]) if len(name) < 15 else longest
    return np.array(values, dtype=f"U{max(1, longest, min(width, _FREE_WIDTH))}")


# ---------------------------------------------------------------- random generators


def state_of(generator: np.random.Generator, what: str) -> dict[str, Any]:
    """The state of a generator, as JSON has it.

    Raises
    ------
    TypeError
        If its bit generator is not one of NumPy's.
    """
    source = generator.bit_generator
    name = type(source).__name__
    if name not in _GENERATORS or type(source) is not getattr(np.random, name):
        raise TypeError(
            f"{what} draws from {type(source).__qualname__}, which a model file cannot hold; it "
            f"holds {', '.join(_GENERATORS)}"
        )
    return {"bit_generator": name, **_as_integers(source.state, _GENERATORS[name])}


def _as_integers(state: Any, layout: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, limit in layout.items():
        entry = state[key]
        if isinstance(limit, dict):
            out[key] = _as_integers(entry, limit)
        else:
            out[key] = [int(one) for one in entry] if isinstance(limit, tuple) else int(entry)
    return out


def generator_of(state: Any) -> np.random.Generator:
    """A generator in the state that ``state_of`` has written down.

    Raises
    ------
    ValueError
        If the state is not one.
    """
    name = state.get("bit_generator") if isinstance(state, dict) else None
    if not isinstance(name, str) or name not in _GENERATORS:
        raise ValueError(f"{shown(name)} is no bit generator")
    source = getattr(np.random, name)(0)
    rest = {key: entry for key, entry in state.items() if key != "bit_generator"}
    source.state = {"bit_generator": name, **_checked(rest, _GENERATORS[name], name)}
    return np.random.Generator(source)


def _checked(state: Any, layout: dict[str, Any], name: str) -> dict[str, Any]:
    if not isinstance(state, dict) or set(state) != set(layout):
        raise ValueError(f"the state of {name} has not the entries {', '.join(layout)}")
    out: dict[str, Any] = {}
    for key, limit in layout.items():
        entry = state[key]
        if isinstance(limit, dict):
            out[key] = _checked(entry, limit, name)
            continue
        n, below = limit if isinstance(limit, tuple) else (1, limit)
        numbers = entry if isinstance(limit, tuple) else [entry]
        if (
            not isinstance(numbers, list)
            or len(numbers) != n
            or not all(type(one) is int and 0 <= one < below for one in numbers)
        ):
            raise ValueError(f"the state of {name}: {key} is out of its range")
        wide = np.uint32 if below == 2**32 else np.uint64
        out[key] = np.array(numbers, dtype=wide) if isinstance(limit, tuple) else entry
    return out


def _legacy_state_of(source: np.random.RandomState, what: str) -> dict[str, Any]:
    state = source.get_state(legacy=False)
    if state["bit_generator"] != "MT19937":
        raise TypeError(f"{what} is a RandomState of {state['bit_generator']}, expected MT19937")
    numbers = _as_integers(state, _GENERATORS["MT19937"])
    gauss = float(state["gauss"])
    return {**numbers, "has_gauss": int(state["has_gauss"]), "gauss": gauss}


def _random_state_of(state: Any) -> np.random.RandomState:
    if not isinstance(state, dict) or set(state) != {"state", "has_gauss", "gauss"}:
        raise ValueError("a RandomState has not the entries state, has_gauss, gauss")
    if state["has_gauss"] not in (0, 1) or type(state["gauss"]) is not float:
        raise ValueError("a RandomState: has_gauss or gauss is out of its range")
    inner = _checked({"state": state["state"]}, _GENERATORS["MT19937"], "MT19937")
    source = np.random.RandomState(0)
    source.set_state({"bit_generator": "MT19937", **inner, "has_gauss": int(state["has_gauss"]),
                      "gauss": decode(state["gauss"])})  # fmt: skip
    return source
