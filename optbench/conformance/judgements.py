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
    "The points are those of the equation. A weight decay that is not 0 is added to p.grad in "
    "place, so that what reads gradients after the step sees others.",
)
_BFLOAT16 = (
    "The orthogonalisation is done in bfloat16 whatever the dtype of the parameters, as in the "
    "author's code, to which the class refers."
)
_IDLE = (
    "Like the authors' package it does nothing, decay included, while every gradient so far was 0."
)

JUDGEMENTS: dict[tuple[str, str], Judgement] = {
    ("torch.NAdam", "nadam"): Judgement(
        Kind.VARIANT,
        "The product of the momenta, mu_product, is kept in torch's default dtype. While that is "
        "float32, steps of float64 parameters are off by 1e-8 of their length, and as "
        "load_state_dict makes it float64, a resumed run is not the same to the bit. After "
        "torch.set_default_dtype(torch.float64) it is the equation; float32 is not concerned.",
    ),
    ("torch.ASGD", "polyak_averaging"): Judgement(
        Kind.VARIANT,
        "With lambd=0, alpha=0 and t0=-1 the state ax is the mean of the points after the steps, "
        "where Polyak and Juditsky's begins with the start; with t0=0 the first is left out, and "
        "with the default t0=1e6 the first million. The parameters themselves are not averaged. "
        "Rate and weight are float32 tensors.",
    ),
    ("torch.Muon", "muon"): Judgement(Kind.CHOICE, _BFLOAT16),
    ("pytorch_optimizer.Muon", "muon"): Judgement(
        Kind.CHOICE,
        f"{_BFLOAT16} The step changes p.grad in place.",
    ),
    ("pytorch_optimizer.AdaFactor", "adafactor"): Judgement(
        Kind.CHOICE,
        "Without decay it takes the steps of the paper, with 1e-30 added to the squares where the "
        "equation here has torch's bound. Decay, which the paper does not have, is multiplied by "
        "the effective rate of the step, as in fairseq's, and not by the learning rate. Held with "
        "betas=(None, ...): the default is BigVision's variant, as the docstring says, with "
        "momentum in bfloat16. The learning rate is ignored unless relative_step=False.",
    ),
    ("pytorch_optimizer.Lamb", "lamb"): Judgement(
        Kind.BUG,
        "The docstring promises version 3 of the paper, without bias correction. Yet the first "
        "moment's correction divides the learning rate, outside the trust ratio, which is free of "
        "scale: the first step is ten times as long as in any version of the paper, eta |w| "
        "(LS-03). With adam_debias=True it is version 3, with |w| limited to 10. Held with "
        "weight_decouple=False: the default takes the decay out of the trust ratio.",
    ),
    ("pytorch_optimizer.LARS", "lars"): Judgement(
        Kind.CHOICE,
        "Parameters with one axis get neither trust ratio nor decay, as the docstring says: the "
        "usual recipe for biases and norms. Matrices take the steps of the equation. The step "
        "leaves its momentum in p.grad, for whatever reads gradients after it.",
    ),
    ("pytorch_optimizer.ScalableShampoo", "shampoo"): Judgement(
        Kind.CHOICE,
        "Another algorithm, and documented as such: Shampoo after Anil et al. 2020, with steps as "
        "long as SGD's (grafting), momentum, averages, and preconditioning from step 25 on.",
    ),
    ("pytorch_optimizer.SOAP", "soap"): Judgement(
        Kind.CHOICE,
        "The basis is made orthogonal in float32, as a comment in the code says, also for float64 "
        "parameters; gradients above 1e19 overflow in it. With that one line in float64 the class "
        "conforms.",
    ),
    ("pytorch_optimizer.Prodigy", "prodigy"): Judgement(
        Kind.VARIANT,
        "The two sums behind the distance are float32 tensors, also for float64 parameters: "
        f"points are off by 1e-7 of the way gone. {_IDLE} With float64 sums that alone differs.",
    ),
    ("pytorch_optimizer.DAdaptSGD", "dadapt_sgd"): Judgement(
        Kind.VARIANT,
        "The sums behind the distance and the norm of the first gradient are float32 tensors, also "
        "for float64 parameters: points are off by 1e-7 of the way gone, and gradients above 1e19 "
        "or below 1e-22, whose squares float32 does not hold, break it.",
    ),
    ("pytorch_optimizer.DAdaptAdam", "dadapt_adam"): Judgement(
        Kind.VARIANT,
        "The sums behind the distance are float32 tensors, also for float64 parameters: points are "
        f"off by 1e-7 of the way gone. {_IDLE} With float64 sums that alone differs.",
    ),
    ("pytorch_optimizer.ScheduleFreeAdamW", "schedule_free_adamw"): Judgement(
        Kind.VARIANT,
        "A helper that several classes of the package share adds 1e-15 inside the square root, "
        "besides epsilon outside it: gradients below 3e-8 are damped. Well above that the steps "
        "are the equation's. The step changes p.grad in place.",
    ),
    ("pytorch_optimizer.ScheduleFreeSGD", "schedule_free_sgd"): _DECAY_IN_PLACE,
    ("schedulefree.SGDScheduleFree", "schedule_free_sgd"): _DECAY_IN_PLACE,
    ("schedulefree.SGDScheduleFreeReference", "schedule_free_sgd"): _DECAY_IN_PLACE,
    ("prodigyopt.Prodigy", "prodigy"): Judgement(
        Kind.CHOICE,
        "The step returns early while every gradient so far was zero, as a comment in the code "
        "says, and leaves decay out with the rest.",
    ),
    ("schedulefree.AdamWScheduleFree", "schedule_free_adamw"): _SCHEDULE_FREE,
    ("schedulefree.AdamWScheduleFreePaper", "schedule_free_adamw"): Judgement(
        Kind.CHOICE,
        "The paper's own form (algorithm 1), as the docstring says: the bias correction is part of "
        "the learning rate. The package's other classes, and the equation here, correct the second "
        "moment instead.",
    ),
}
"""(class, equation) to what we think of its deviation."""
