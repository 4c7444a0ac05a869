"""Plain values as JSON and back: the words of a model file."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpcore.files import values

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([np.float32(0.1), np.float64("nan"), np.int8(-3), np.True_, np.uint64(2**63)])
)
KEYS = st.booleans() | st.integers() | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_plain_values_come_back(value):
    text = values.dumps(values.encode(value, "value"))
    again = values.decode(values.loads(text))
    assert repr(again) == repr(value)
    assert type(again) is type(value)


@pytest.mark.parametrize("array", [
    np.array(["b", "longer", ""]), np.array(["x"], dtype="<U40"), np.array([], dtype="<U3"),
    np.array([1, 2], dtype=np.int8), np.array([[1.5, np.nan], [np.inf, -0.0]]),
    np.array([0.1, 65504], dtype=np.float16), np.array(3.0), np.zeros((2, 0, 3), dtype=bool),
    np.array(["a", 1, None, 2.5, True, ("x", 1)], dtype=object), np.arange(3, dtype=">i4"),
], ids=str)  # fmt: skip
def test_arrays_come_back(array):
    text = values.dumps(values.encode(array, "array"))
    again = values.decode(values.loads(text))
    assert again.dtype == array.dtype.newbyteorder("=")
    assert again.shape == array.shape
    assert repr(again.tolist()) == repr(array.tolist())


@pytest.mark.parametrize("value", [
    lambda: 0, object(), {1, 2}, 1j, b"x", np.array([1j]), np.datetime64("2020"), range(3), int,
    [{"a": (open,)}], np.longdouble(1), np.array([object()]),
    np.random.RandomState(np.random.PCG64(0)),
], ids=lambda value: type(value).__name__)  # fmt: skip
def test_other_values_are_refused(value):
    with pytest.raises(TypeError, match="the thing"):
        values.encode(value, "the thing")


@pytest.mark.parametrize("change", [
    {"pos": 625}, {"pos": -1}, {"pos": 1.0}, {"key": [0] * 623}, {"key": [2**32] * 624},
    {"key": [True] * 624}, {"extra": 1},
], ids=str)  # fmt: skip
def test_positions_beyond_a_generators_words_are_refused(change):
    """NumPy takes them as they are, and then reads beyond its own memory."""
    state = values.state_of(np.random.Generator(np.random.MT19937(0)), "")
    state["state"] |= change
    with pytest.raises(ValueError, match="MT19937"):
        values.generator_of(state)


@pytest.mark.parametrize("text", [
    "1e999", '{"float": 1}', '{"tuple": 1}', '{"tuple": [1e999]}', '{"a": 1, "b": 2}', "{}",
    '{"dict": [[1]]}', '{"dict": [[[], 1]]}', '{"scalar": ["int8", 200]}', '{"scalar": ["S", 1]}',
    '{"scalar": ["bool", 1]}', '{"scalar": []}', '{"scalar": ["int64", 1.0]}',
    '{"array": ["int64", [2], [1]]}',
    '{"array": ["float64", [1], ["1.5"]]}', '{"array": ["float64", [-1, -1], [1.0]]}',
    '{"array": ["strx", [1], ["a"]]}', '{"array": ["str1", [1], [1]]}', '{"array": [1, [], [1]]}',
    '{"array": ["float64", [0, 4611686018427387904, 4611686018427387904], []]}',
    '{"generator": 1}', '{"generator": {"bit_generator": []}}', '{"random_state": {}}',
    '{"random_state": {"state": {}, "has_gauss": 0, "gauss": 0.0}}',
    '{"random_state": {"state": {}, "has_gauss": 2, "gauss": 0.0}}', '{"code": "import os"}',
])  # fmt: skip
def test_what_encode_does_not_make_is_refused(text):
    with pytest.raises(ValueError, match=r"\w"):
        values.decode(values.loads(text))


def test_a_numpy_string_comes_back_as_a_string():
    assert values.encode([np.str_("x")], "") == ["x"]
    assert type(values.encode(np.str_("x"), "")) is str


def test_generators_go_on_where_they_stood():
    for name in values._GENERATORS:
        one = np.random.Generator(getattr(np.random, name)(3))
        one.integers(5, dtype=np.int32)  # half a word is left over
        other = values.decode(values.encode(one, name))
        assert one.integers(2**32, size=9, dtype=np.uint32).tolist() == (
            other.integers(2**32, size=9, dtype=np.uint32).tolist()
        )
    legacy = np.random.RandomState(3)
    legacy.standard_normal()  # of two, the other is kept
    again = values.decode(values.encode(legacy, ""))
    assert legacy.standard_normal(5).tolist() == again.standard_normal(5).tolist()


def test_strings_take_no_more_room_than_they_show():
    array = values.decode({"array": ["str99999999", [2], ["a", "b"]]})
    assert array.dtype == "<U64"
    array = values.decode({"array": ["str1", [2], ["a", "x" * 100]]})
    assert array.dtype == "<U100"
