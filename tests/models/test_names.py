"""Parameters have names by which published recipes can pick them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from optbench.families.rehearsal import layout_of
from optbench.models.resnet import resnet
from optbench.models.transformer import Transformer
from optbench.models.whitened import WhitenedNet

MODELS: dict[str, Callable[[], nn.Module]] = {
    "resnet8": lambda: resnet(8, 4),
    "resnet18": lambda: resnet(18, 4),
    "whitened": lambda: WhitenedNet(torch.zeros(24, 3, 2, 2), 4),
    "transformer": lambda: Transformer(vocabulary=5, context=4, layers=2, heads=1, width=4),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_pattern_norm_picks_the_norms_and_nothing_else(name: str) -> None:
    """`exclude@norm=true` reaches every scale and shift of a norm, whatever the block."""
    module = MODELS[name]()
    norms = (nn.LayerNorm, nn.modules.batchnorm._BatchNorm)
    owned = {
        f"{path}.{parameter}"
        for path, part in module.named_modules()
        if isinstance(part, norms)
        for parameter, _ in part.named_parameters(recurse=False)
    }

    assert owned
    assert {block.name for block in layout_of(module).matching("norm")} == owned
