"""What is peculiar about a class: one table, read by the code that builds and runs it.

A class that is built as `Class(params, lr=...)` and stepped after a gradient needs no entry.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from optbench.core.errors import OptbenchError
from optbench.core.optimizer import Needs

Gradient = Literal["given", "closure", "primed", "graph", "fused", "layers"]
"""How an optimizer comes to its gradient:

given    it is there before step()
closure  step(closure) asks for it, perhaps several times
primed   as closure, and the first one is there before the first step
graph    it is there, with a graph that gives Hessian-vector products
fused    fused_backward(loss, lr) takes the step during the backward pass
layers   a forward and a backward pass of the model, which the optimizer watches
"""


_NOTHING = Needs()


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What a class asks for.

    Attributes:
        gradient: How it comes to its gradient.
        needs: What it requires of a problem.
        matrices: How it tells matrices from the rest: not at all; by a group's key `use_muon`; or
            it takes matrices only, and torch's AdamW has the rest, with the same learning rate and
            weight decay.
        rate: The key of a group that is its learning rate; empty when it has none.
        from_session: Arguments that the run knows: argument to attribute of `Session`.
        refused: Why it cannot run here; empty when it can.
    """

    gradient: Gradient = "given"
    needs: Needs = _NOTHING
    matrices: Literal["", "use_muon", "only"] = ""
    rate: str = "lr"
    from_session: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""


_PRODUCTS = Traits(gradient="graph", needs=Needs(hessian_vector=True))
_USE_MUON = Traits(matrices="use_muon", needs=Needs(matrices=True))
_ONLY_MATRICES = Traits(matrices="only", needs=Needs(matrices=True))
_LAYERS = Traits(gradient="layers", needs=Needs(model=True))
_WRAPPER = Traits(refused="it wraps another optimizer, and a spec names one")
_PROCESSES = Traits(refused="it needs a torch.distributed process group")

TRAITS = {
    "pytorch_optimizer.A2Grad": Traits(rate=""),  # its argument `lr` is not used
    "pytorch_optimizer.AdaGO": _USE_MUON,
    "pytorch_optimizer.AdaHessian": _PRODUCTS,
    "pytorch_optimizer.AdaLOMO": Traits(gradient="fused"),
    "pytorch_optimizer.AdaMuon": _USE_MUON,
    "pytorch_optimizer.AdamMini": Traits(),
    "pytorch_optimizer.AliG": Traits(gradient="closure", rate="max_lr"),
    "pytorch_optimizer.BSAM": Traits(gradient="primed", from_session={"num_data": "examples"}),
    "pytorch_optimizer.DeMo": _PROCESSES,
    "pytorch_optimizer.DistributedMuon": _PROCESSES,
    "pytorch_optimizer.FAdam": Traits(
        from_session={"momentum_dtype": "x.dtype", "fim_dtype": "x.dtype"}
    ),
    "pytorch_optimizer.LOMO": Traits(gradient="fused"),
    "pytorch_optimizer.Magma": Traits(),  # its argument `optimizer` may be parameters, for AdamW
    "pytorch_optimizer.Muon": _USE_MUON,
    "pytorch_optimizer.MuonClip": _USE_MUON,
    "pytorch_optimizer.NorMuon": _USE_MUON,
    "pytorch_optimizer.Ranger21": Traits(from_session={"num_iterations": "horizon"}),
    "pytorch_optimizer.SophiaH": _PRODUCTS,
    "pytorch_optimizer.SpectralSphere": _ONLY_MATRICES,
    "torch.Muon": _ONLY_MATRICES,
    "torch.SparseAdam": Traits(refused="it needs sparse gradients"),
}


def traits_of(cls: Any) -> Traits:
    """Return what a class asks for: its entry in the table, or what its signature says.

    An argument `closure` of `step` that has no default asks for a closure; an argument without
    default of the name `model` for a model whose layers can be watched, and one of the name
    `optimizer` or `base_optimizer` for another optimizer.
    """
    entry = TRAITS.get(f"{cls.__module__.partition('.')[0]}.{cls.__name__}")
    if entry is not None:
        return entry
    required = {a.name for a in inspect.signature(cls).parameters.values() if a.default is a.empty}
    if required & {"optimizer", "base_optimizer"}:
        return _WRAPPER
    if "model" in required:
        return _LAYERS
    closure = inspect.signature(cls.step).parameters.get("closure")
    asked = closure is not None and closure.default is closure.empty
    return Traits(gradient="closure" if asked else "given")


def admitted(cls: Any, name: str) -> Traits:
    """Return what a class asks for.

    Raises:
        OptbenchError: When it cannot run here.
    """
    traits = traits_of(cls)
    if traits.refused:
        raise OptbenchError(f"{name} cannot run here: {traits.refused}")
    return traits
