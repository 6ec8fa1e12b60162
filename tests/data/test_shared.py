"""Real data beside the checkout, where it is: the solver behind the facts, on a larger problem."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_svmlight_file
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from optbench.families.newton import TOLERANCE, minimiser

ROWS, L2 = 4000, 1e-3


def test_newton_solves_a9a_as_scikit_learn_does() -> None:
    """On 4,000 rows of a9a the regularised minimum agrees with LogisticRegression's."""
    folder = os.environ.get("OPTBENCH_TEST_DATA", "")
    if not folder:
        pytest.skip("OPTBENCH_TEST_DATA names no folder with the LIBSVM file a9a")
    features, labels = load_svmlight_file(str(Path(folder) / "a9a"), n_features=123)
    rows = torch.from_numpy(features[:ROWS].toarray() * labels[:ROWS, None])

    def oracle(x: Tensor) -> tuple[Tensor, Tensor]:
        margins = x @ rows.T
        f = -torch.nn.functional.logsigmoid(margins).mean(-1) + 0.5 * L2 * x.square().sum(-1)
        return f, -torch.sigmoid(-margins) @ rows / ROWS + L2 * x

    def hessian(x: Tensor) -> Tensor:
        s = torch.sigmoid(rows @ x)
        return rows.T @ (rows * (s * (1 - s))[:, None]) / ROWS + L2 * torch.eye(len(x)).double()

    w, residual = minimiser(oracle, hessian, torch.zeros(123, dtype=torch.float64))
    model = LogisticRegression(C=1 / (ROWS * L2), fit_intercept=False, tol=1e-10, max_iter=1000)
    model.fit(features[:ROWS], labels[:ROWS])

    assert residual <= TOLERANCE
    np.testing.assert_allclose(w.numpy(), model.coef_[0], atol=1e-5)  # lbfgs stops at its tol
