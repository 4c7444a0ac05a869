"""What the tests of the estimators share."""

import pytest
from estimator_problems import noisy_parabola


@pytest.fixture(scope="module")
def curve():
    """A noisy parabola, (400, 2) and (400,)."""
    return noisy_parabola()
