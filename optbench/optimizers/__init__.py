"""Optimizers by name. An equation is one short function in the file of its family.

`torch.X` is `torch.optim.X`, for any X, without an entry here.
"""

from optbench.core.registry import Entry

OPTIMIZERS = {
    "gd": Entry("gradient descent", "optbench.optimizers.gradient:GD"),
    "sgd": Entry("stochastic gradient descent", "optbench.optimizers.gradient:SGD"),
    "heavy_ball": Entry("Polyak's momentum, sum form", "optbench.optimizers.momentum:HEAVY_BALL"),
    "nesterov": Entry(
        "Nesterov's momentum, constant beta, torch's form", "optbench.optimizers.momentum:NESTEROV"
    ),
    "adagrad": Entry("AdaGrad, diagonal", "optbench.optimizers.adaptive:ADAGRAD"),
    "rmsprop": Entry("RMSProp", "optbench.optimizers.adaptive:RMSPROP"),
    "adam": Entry("Adam", "optbench.optimizers.adaptive:ADAM"),
    "adamw": Entry("Adam with decoupled weight decay", "optbench.optimizers.adaptive:ADAMW"),
    "scipy.L-BFGS-B": Entry("L-BFGS from scipy", "optbench.optimizers.from_scipy:L_BFGS_B"),
    "scipy.CG": Entry(
        "nonlinear conjugate gradient from scipy", "optbench.optimizers.from_scipy:CG"
    ),
    "scipy.Newton-CG": Entry(
        "truncated Newton from scipy", "optbench.optimizers.from_scipy:NEWTON_CG"
    ),
}
