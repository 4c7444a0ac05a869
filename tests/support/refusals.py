"""What the tests of bad input share: good input, and whether a call is refused without harm."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from bpcore import Network

GOOD_X = np.random.default_rng(0).standard_normal((6, 12))
GOOD_Y = np.random.default_rng(1).uniform(0, 1, (6, 3))


def make(dtype="float64", **options):
    return Network((12, 5, 3), "tanh", "sigmoid", dtype=dtype, random_state=0, **options)


def refuses(call, error, match):
    """The call raises, and the network is as it was and goes on working."""
    network = make()
    before, output = network.parameters.copy(), network.forward(GOOD_X)
    with pytest.raises(error, match=match):
        call(network)
    assert_array_equal(network.parameters, before)
    assert_array_equal(network.forward(GOOD_X), output)
    assert network.fit(GOOD_X, GOOD_Y, 1).epochs == 1
