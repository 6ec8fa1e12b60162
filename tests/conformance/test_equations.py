from __future__ import annotations

import pytest

from optbench.conformance import equations as module
from optbench.core.errors import OptbenchError
from optbench.core.optimizer import Optimizer
from optbench.optimizers.find import find_optimizer


def test_an_extra_that_is_missing_takes_no_equation_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without singd there is no K-FAC, which is no equation here, and all others are there."""

    def without_singd(name: str) -> Optimizer:
        if name == "kfac":
            raise OptbenchError("the package singd is not installed")
        return find_optimizer(name)

    monkeypatch.setattr(module, "find_optimizer", without_singd)
    assert module.equations.__wrapped__().keys() == module.equations().keys()
