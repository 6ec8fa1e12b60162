"""A compiled model trains as the plain one does."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from optbench.core.run import Status
from optbench.core.training import Training
from tests.engines.training.problems import NET, train

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs g++"),
    pytest.mark.filterwarnings("ignore"),  # the compiler's own
]


@pytest.mark.parametrize("text", ["torch.AdamW:lr=0.01", "adamw:lr=0.01", "sophia_h:lr=0.01"])
def test_compiled_runs_agree(text: str) -> None:
    """To rounding over twenty steps, sharpness included."""
    plain, compiled = (
        train(
            text,
            f"{NET}:norm=true",
            budget=20,
            dtype="float64",
            training=Training(compile=compile, sharpness=True, evaluations=4),
        )
        for compile in (False, True)
    )

    assert compiled.status is Status.BUDGET
    np.testing.assert_allclose(compiled.curve["value"], plain.curve["value"], rtol=1e-7)
    np.testing.assert_allclose(compiled.trained["sharpness"], plain.trained["sharpness"], rtol=1e-2)
