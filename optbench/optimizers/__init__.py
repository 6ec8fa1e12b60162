"""Optimizers by name. An equation is one short function in the file of its family.

`torch.X` is `torch.optim.X`, for any X, without an entry here; so are the classes of the packages
in `foreign.packages`.
"""

from optbench.core.registry import Entry

OPTIMIZERS = {
    "gd": Entry("gradient descent", "optbench.optimizers.gradient:GD"),
    "sgd": Entry("stochastic gradient descent", "optbench.optimizers.gradient:SGD"),
    "subgradient": Entry(
        "subgradient method with normalised steps", "optbench.optimizers.gradient:SUBGRADIENT"
    ),
    "polyak_averaging": Entry(
        "stochastic gradient descent, points averaged",
        "optbench.optimizers.gradient:POLYAK_AVERAGING",
    ),
    "heavy_ball": Entry("Polyak's momentum, sum form", "optbench.optimizers.momentum:HEAVY_BALL"),
    "heavy_ball_ema": Entry(
        "Polyak's momentum, moving-average form", "optbench.optimizers.momentum:HEAVY_BALL_EMA"
    ),
    "nesterov": Entry(
        "Nesterov's momentum, constant beta, torch's form", "optbench.optimizers.momentum:NESTEROV"
    ),
    "nesterov_convex": Entry(
        "Nesterov's method, (t - 1)/(t + 2) rule", "optbench.optimizers.accelerated:NESTEROV_CONVEX"
    ),
    "fista": Entry("Nesterov's method, FISTA's rule", "optbench.optimizers.accelerated:FISTA"),
    "nesterov_strongly_convex": Entry(
        "Nesterov's method, the constant for strong convexity",
        "optbench.optimizers.accelerated:NESTEROV_STRONGLY_CONVEX",
    ),
    "ogm": Entry(
        "optimized gradient method, for a known horizon", "optbench.optimizers.accelerated:OGM"
    ),
    "adagrad": Entry("AdaGrad, diagonal", "optbench.optimizers.adagrad:ADAGRAD"),
    "adagrad_norm": Entry(
        "AdaGrad-Norm, one step size for all coordinates",
        "optbench.optimizers.adagrad:ADAGRAD_NORM",
    ),
    "rmsprop": Entry("RMSProp", "optbench.optimizers.rmsprop:RMSPROP"),
    "rmsprop_centered": Entry(
        "RMSProp with the variance", "optbench.optimizers.rmsprop:RMSPROP_CENTERED"
    ),
    "rmsprop_momentum": Entry(
        "RMSProp with momentum", "optbench.optimizers.rmsprop:RMSPROP_MOMENTUM"
    ),
    "adadelta": Entry("AdaDelta", "optbench.optimizers.rmsprop:ADADELTA"),
    "adam": Entry("Adam", "optbench.optimizers.adam:ADAM"),
    "amsgrad": Entry("AMSGrad", "optbench.optimizers.adam:AMSGRAD"),
    "adamw": Entry("Adam with decoupled weight decay", "optbench.optimizers.adam:ADAMW"),
    "nadam": Entry("Adam with Nesterov's look-ahead", "optbench.optimizers.adam:NADAM"),
    "radam": Entry("rectified Adam", "optbench.optimizers.adam:RADAM"),
    "adamax": Entry("Adam with the infinity norm", "optbench.optimizers.adam:ADAMAX"),
    "adafactor": Entry(
        "Adafactor, factored second moments", "optbench.optimizers.adafactor:ADAFACTOR"
    ),
    "signsgd": Entry("the gradient's signs", "optbench.optimizers.sign:SIGNSGD"),
    "signum": Entry("the momentum's signs", "optbench.optimizers.sign:SIGNUM"),
    "lion": Entry("Lion", "optbench.optimizers.sign:LION"),
    "lars": Entry("momentum with layer-wise rates", "optbench.optimizers.layerwise:LARS"),
    "lamb": Entry("Adam with layer-wise rates", "optbench.optimizers.layerwise:LAMB"),
    "schedule_free_sgd": Entry(
        "Schedule-Free SGD", "optbench.optimizers.schedule_free:SCHEDULE_FREE_SGD"
    ),
    "schedule_free_adamw": Entry(
        "Schedule-Free AdamW", "optbench.optimizers.schedule_free:SCHEDULE_FREE_ADAMW"
    ),
    "dadapt_sgd": Entry(
        "D-Adapted SGD, without a learning rate", "optbench.optimizers.d_adaptation:DADAPT_SGD"
    ),
    "dadapt_adam": Entry(
        "D-Adapted Adam, without a learning rate", "optbench.optimizers.d_adaptation:DADAPT_ADAM"
    ),
    "prodigy": Entry(
        "Prodigy, Adam without a learning rate", "optbench.optimizers.d_adaptation:PRODIGY"
    ),
    "newton": Entry("Newton's method, no line search", "optbench.optimizers.newton:NEWTON"),
    "natural_gradient": Entry(
        "natural gradient with the exact Fisher matrix",
        "optbench.optimizers.newton:NATURAL_GRADIENT",
    ),
    "closed_form": Entry(
        "the solution of least squares in one step", "optbench.optimizers.newton:CLOSED_FORM"
    ),
    "coordinate_descent": Entry(
        "cyclic coordinate descent, exact, for quadratics",
        "optbench.optimizers.newton:COORDINATE_DESCENT",
    ),
    "conjugate_gradient": Entry(
        "conjugate gradient for quadratics", "optbench.optimizers.krylov:CONJUGATE_GRADIENT"
    ),
    "chebyshev": Entry(
        "Chebyshev iteration for quadratics", "optbench.optimizers.krylov:CHEBYSHEV"
    ),
    "sophia_h": Entry("Sophia, Hutchinson's estimate", "optbench.optimizers.sophia:SOPHIA_H"),
    "sophia_g": Entry(
        "Sophia, Gauss-Newton-Bartlett estimate", "optbench.optimizers.sophia:SOPHIA_G"
    ),
    "muon": Entry("Muon, with AdamW off the matrices", "optbench.optimizers.muon:MUON"),
    "shampoo": Entry("Shampoo", "optbench.optimizers.shampoo:SHAMPOO"),
    "kfac": Entry("K-FAC from singd, for models", "optbench.optimizers.kfac:KFAC"),
    "soap": Entry("Adam in Shampoo's eigenbasis", "optbench.optimizers.soap:SOAP"),
    "scipy.BFGS": Entry("BFGS from scipy", "optbench.optimizers.from_scipy:BFGS"),
    "scipy.L-BFGS-B": Entry("L-BFGS from scipy", "optbench.optimizers.from_scipy:L_BFGS_B"),
    "scipy.CG": Entry(
        "nonlinear conjugate gradient from scipy", "optbench.optimizers.from_scipy:CG"
    ),
    "scipy.Newton-CG": Entry(
        "truncated Newton from scipy", "optbench.optimizers.from_scipy:NEWTON_CG"
    ),
}
