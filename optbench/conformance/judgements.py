"""What we think of each deviation, after reading the code that deviates. Data only.

Written of torch 2.13.0, pytorch_optimizer 4.1.0, schedulefree 1.4.1 and prodigyopt 1.1.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a deviation is."""

    BUG = "bug"
    CHOICE = "documented choice"
    VARIANT = "variant"


@dataclass(frozen=True)
class Judgement:
    """Our judgement of one class's deviation from one equation.

    Attributes:
        kind: What it is; a variant is a choice that the package's documentation does not mention.
        text: Why, and what follows from it for users.
    """

    kind: Kind
    text: str


_SCHEDULE_FREE = Judgement(
    Kind.CHOICE,
    "The step scales p.grad in place, to save memory, as a comment in the code says. The points "
    "are those of the equation; what reads gradients after the step sees others.",
)
_DECAY_IN_PLACE = Judgement(
    Kind.VARIANT,
    "The points are those of the equation; weight decay is added to p.grad in place, so that what "
    "reads gradients after the step sees others.",
)
_BFLOAT16 = Judgement(
    Kind.CHOICE,
    "The orthogonalisation is done in bfloat16, as in the author's code, whatever the dtype of the "
    "parameters.",
)

JUDGEMENTS: dict[tuple[str, str], Judgement] = {
    ("torch.NAdam", "nadam"): Judgement(
        Kind.BUG,
        "The product of the momenta, mu_product, is kept in torch's default dtype, float32, for "
        "float64 parameters too: each step is off by 1e-8. load_state_dict casts it to the "
        "parameters' dtype, so that a resumed run differs in the last bits.",
    ),
    ("torch.ASGD", "polyak_averaging"): Judgement(
        Kind.VARIANT,
        "With lambd=0, alpha=0 and t0=-1 the state ax is the mean of the points after the steps; "
        "with t0=0 the first is left out, and with the default t0=1e6 the first million. The "
        "parameters themselves are not averaged. Rate and weight are float32 tensors.",
    ),
    ("torch.Muon", "muon"): _BFLOAT16,
    ("pytorch_optimizer.Muon", "muon"): Judgement(
        Kind.CHOICE,
        f"{_BFLOAT16.text} The step changes p.grad in place.",
    ),
    ("pytorch_optimizer.AdaFactor", "adafactor"): Judgement(
        Kind.VARIANT,
        "Held with betas=(None, ...): the default keeps a momentum in bfloat16. 1e-30 is added to "
        "the squares, as published; decay is multiplied by the effective rate of the step, as in "
        "fairseq's Adafactor. The learning rate is ignored unless relative_step=False.",
    ),
    ("pytorch_optimizer.Lamb", "lamb"): Judgement(
        Kind.BUG,
        "The bias correction of the first moment multiplies the learning rate, outside the trust "
        "ratio, which is free of scale: the first step is ten times as long as LAMB's, "
        "eta |w| (LS-03). The second moment is not corrected, and |w| is limited to 10. Held with "
        "weight_decouple=False: the default takes the decay out of the trust ratio.",
    ),
    ("pytorch_optimizer.LARS", "lars"): Judgement(
        Kind.VARIANT,
        "Parameters with one axis get neither trust ratio nor decay, the recipe for biases, with "
        "no option: on a model of vectors it is SGD with momentum. The step overwrites p.grad "
        "with its momentum, which is a bug for whatever reads gradients after it.",
    ),
    ("pytorch_optimizer.Shampoo", "shampoo"): Judgement(
        Kind.CHOICE,
        "The update is the equation; only gradients of 1e150 break its SVD, where an "
        "eigendecomposition goes on.",
    ),
    ("pytorch_optimizer.ScalableShampoo", "shampoo"): Judgement(
        Kind.VARIANT,
        "Another algorithm under the name: Shampoo after Anil et al. 2020, with steps as long as "
        "SGD's (grafting), momentum, averages, and preconditioning from step 25 on.",
    ),
    ("pytorch_optimizer.SOAP", "soap"): Judgement(
        Kind.CHOICE,
        "The basis is made orthogonal in float32, as a comment in the code says, also for float64 "
        "parameters, and gradients above 1e19 overflow in it.",
    ),
    ("pytorch_optimizer.Prodigy", "prodigy"): Judgement(
        Kind.BUG,
        "The two sums behind the distance are float32 tensors, whatever the parameters' dtype, and "
        "overflow with gradients of 1e20. Like the authors' package it does nothing, decay "
        "included, before the first gradient that is not zero.",
    ),
    ("pytorch_optimizer.DAdaptSGD", "dadapt_sgd"): Judgement(
        Kind.BUG,
        "The sums behind the distance are float32 tensors, whatever the parameters' dtype, and "
        "underflow or overflow with small or large gradients.",
    ),
    ("pytorch_optimizer.DAdaptAdam", "dadapt_adam"): Judgement(
        Kind.BUG,
        "The sums behind the distance are float32 tensors, whatever the parameters' dtype.",
    ),
    ("pytorch_optimizer.ScheduleFreeAdamW", "schedule_free_adamw"): Judgement(
        Kind.VARIANT,
        "A helper adds 1e-15 inside the square root, besides epsilon outside it: gradients below "
        "3e-8 are damped. The step changes p.grad in place.",
    ),
    ("pytorch_optimizer.ScheduleFreeSGD", "schedule_free_sgd"): _DECAY_IN_PLACE,
    ("schedulefree.SGDScheduleFree", "schedule_free_sgd"): _DECAY_IN_PLACE,
    ("schedulefree.SGDScheduleFreeReference", "schedule_free_sgd"): _DECAY_IN_PLACE,
    ("prodigyopt.Prodigy", "prodigy"): Judgement(
        Kind.CHOICE,
        "The step returns early while every gradient so far was zero, and leaves decay out with "
        "the rest.",
    ),
    ("schedulefree.AdamWScheduleFree", "schedule_free_adamw"): _SCHEDULE_FREE,
    ("schedulefree.AdamWScheduleFreePaper", "schedule_free_adamw"): Judgement(
        Kind.CHOICE,
        "The paper's own form, in which the bias correction is part of the learning rate; the "
        "package's other classes, and the equation here, correct the second moment instead.",
    ),
}
"""(class, equation) to what we think of its deviation."""
