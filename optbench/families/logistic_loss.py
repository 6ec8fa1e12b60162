"""The mean logistic loss of labelled rows, with all its derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from optbench.families.rows import Rows


@dataclass(frozen=True)
class LogisticLoss:
    """f(w) = (1/n) sum_i log(1 + exp(-z_i'w)) + l2/2 |w|^2, z_i = y_i a_i.

    Attributes:
        rows: The z_i: the loss knows a label only through them.
        l2: Coefficient of the squared norm.
    """

    rows: Rows
    l2: float

    def value(self, x: Tensor) -> Tensor:
        """Return f, (B, d) to (B,)."""
        # logsigmoid, not softplus: torch's softplus drops exp(-m) for m > 20.
        sums = [logsigmoid(z.dot(x)).sum(-1) for z in self.rows.blocks(x)]
        return self._penalised(x, sums)

    def oracle(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return f and its gradient, (B, d) to (B,) and (B, d)."""
        sums, slopes = [], []
        for z in self.rows.blocks(x):
            margins = z.dot(x)
            sums.append(logsigmoid(margins).sum(-1))
            slopes.append(z.combine(torch.sigmoid(-margins)))
        return self._penalised(x, sums), self.l2 * x - sum(slopes) / self.rows.shape[0]

    def minibatch(self, x: Tensor, indices: Tensor) -> Tensor:
        """Return the mean gradient of examples (B, b), (B, d) to (B, d)."""
        z = self.rows.pick(indices, x)
        return self.l2 * x - z.combine(torch.sigmoid(-z.dot(x))) / indices.shape[1]

    def sampled_gradient(self, x: Tensor, indices: Tensor, uniforms: Tensor) -> Tensor:
        """Return the mean gradient of examples (B, b) with labels that uniforms (B, b) draw."""
        z = self.rows.pick(indices, x)
        p = torch.sigmoid(z.dot(x))
        # z holds the data's label; p is the probability that the drawn one is the same.
        return self.l2 * x + z.combine(p - (uniforms < p).to(p)) / indices.shape[1]

    def hessian_vector(self, x: Tensor, v: Tensor) -> Tensor:
        """Return the Hessian at x times v, (B, d) each."""
        parts = []
        for z in self.rows.blocks(x):
            p = torch.sigmoid(z.dot(x))
            parts.append(z.combine(p * (1 - p) * z.dot(v)))
        return sum(parts) / self.rows.shape[0] + self.l2 * v

    def hessian(self, x: Tensor) -> Tensor:
        """Return the Hessian at one point, (d,) to (d, d)."""
        return self.hessian_vector(x[None], torch.eye(len(x), dtype=x.dtype))

    def _penalised(self, x: Tensor, sums: list[Tensor]) -> Tensor:
        return 0.5 * self.l2 * x.square().sum(-1) - sum(sums) / self.rows.shape[0]
