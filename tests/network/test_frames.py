"""Tables of pandas: what it makes of booleans and missing values is taken, or refused by name."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from bpcore import Network

pd = pytest.importorskip("pandas")

A = np.random.default_rng(3).uniform(0, 9, (6, 3))
FRAME = pd.DataFrame(A, columns=["age", "mass", "size"])
COUNTS = FRAME.astype("int64")
FLAGS = FRAME > 4
TABLES = {
    "floats": FRAME,
    "float32": FRAME.astype("float32"),
    "small integers": COUNTS.astype("int8"),
    "booleans": FLAGS,
    "one boolean": FRAME.assign(mass=FLAGS.mass),
    "dummies": pd.get_dummies(FRAME.assign(size=list("xyxzyx")), columns=["size"]).iloc[:, 1:4],
    "nullable integers": COUNTS.astype("Int64"),
    "nullable bytes": COUNTS.astype("UInt8"),
    "nullable floats": FRAME.astype("Float32"),
    "nullable booleans": FLAGS.astype("boolean"),
    "everything": FRAME.assign(
        age=COUNTS.age.astype("Int32"), mass=FLAGS.mass, size=FRAME["size"].astype("Float64")
    ),
    "objects": FRAME.assign(mass=FLAGS.mass.astype(object), age=COUNTS.age.astype(object)),
    "sparse": FLAGS.astype(pd.SparseDtype(bool)),
}


def make(dtype, n_outputs=1):
    return Network((3, 4, n_outputs), "tanh", "identity", dtype=dtype, random_state=0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TABLES)
def test_a_frame_is_the_table_of_its_numbers(name, dtype):
    frame, numbers = TABLES[name], np.asarray(TABLES[name].astype("float64"))
    network, other = make(dtype), make(dtype)
    assert_array_equal(network.predict(frame), other.predict(numbers))
    # a row of it is one example
    assert_array_equal(network.predict(frame.iloc[2]), other.predict(numbers[2]))
    assert network.cost(frame, frame.iloc[:, 0]) == other.cost(numbers, numbers[:, 0])
    assert make(dtype, 3).cost(A, frame) == make(dtype, 3).cost(A, numbers)
    y = A.sum(axis=1)
    network.fit(frame, y, 3, sample_weight=FRAME.age.astype("Float64"), learning_rate=1e-3)
    other.fit(numbers, y, 3, sample_weight=A[:, 0], learning_rate=1e-3)
    assert_array_equal(network.parameters, other.parameters)


NO_TABLES = {
    "missing float": (FRAME.replace(A[3, 1], np.nan), ValueError, r"column 1 \('mass'\), in row 3"),
    "missing Int64": (
        FRAME.assign(size=pd.array([1, None, 3, 4, 5, 6], dtype="Int64")),
        ValueError,
        r"column 2 \('size'\), in row 1",
    ),
    "missing boolean": (
        FRAME.assign(age=pd.array([True] * 5 + [None], dtype="boolean")),
        ValueError,
        r"column 0 \('age'\), in row 5",
    ),
    "missing among objects": (FRAME.assign(mass=[True] * 5 + [None]), TypeError, "column 'mass'"),
    "infinity": (FRAME.assign(mass=np.inf), ValueError, r"column 1 \('mass'\), in row 0"),
    "text": (FRAME.assign(size=list("abcdef")), TypeError, "column 'size'.*real numbers"),
    "categories": (
        FRAME.assign(size=pd.Categorical(list("abcabc"))),
        TypeError,
        "column 'size'.*category",
    ),
    "dates": (
        FRAME.assign(age=pd.date_range("2020", periods=6)),
        TypeError,
        "column 'age'.*datetime64",
    ),
    "durations": (FRAME.assign(age=pd.Timedelta("1D")), TypeError, "column 'age'.*timedelta64"),
    "integers without limit": (FRAME.assign(age=[10**400] * 6), ValueError, "too large"),
    "complex": (FRAME.assign(age=1j), TypeError, "column 'age'.*complex"),
}


@pytest.mark.parametrize("name", NO_TABLES)
def test_what_is_no_number_is_refused_by_the_name_of_its_column(name):
    frame, error, message = NO_TABLES[name]
    network = make("float64", 3)
    before = network.parameters.copy()
    for what, call in (
        ("X", lambda: network.predict(frame)),
        ("X", lambda: network.jacobian(frame)),
        ("X", lambda: network.fit(frame, A, 1)),
        ("Y", lambda: network.fit(A, frame, 1)),
        ("validation_data: X", lambda: network.fit(A, A, 1, validation_data=(frame, A))),
    ):
        with pytest.raises(error, match=f"^{what}.*{message}"):
            call()
    assert_array_equal(network.parameters, before)
