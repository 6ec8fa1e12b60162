"""Problem families, one a file: functions whose facts are known, built from parameters."""

from __future__ import annotations

from optbench.core.registry import Entry

FAMILIES: dict[str, Entry] = {
    "absolute": Entry(
        "|x| + mu x^2/2: strongly convex with a kink", "optbench.families.scalar:absolute"
    ),
    "ackley": Entry(
        "a plain with holes round a pointed funnel", "optbench.families.multimodal:ackley"
    ),
    "autoencoder": Entry(
        "grey images through a narrow code and back", "optbench.families.autoencoder:autoencoder"
    ),
    "beale": Entry("a valley with sharp corners and plateaus", "optbench.families.classics:beale"),
    "bernoulli": Entry(
        "the likelihood of a coin, by its mean or its logit",
        "optbench.families.likelihoods:bernoulli",
    ),
    "char_transformer": Entry(
        "the next character of Shakespeare, a decoder-only transformer",
        "optbench.families.char_transformer:char_transformer",
    ),
    "cifar_fast": Entry(
        "ten classes of images in seconds on a GPU: whitened patches, alternating flips",
        "optbench.families.cifar:cifar_fast",
    ),
    "cifar_resnet": Entry(
        "ten classes of images, a residual network with batch norm",
        "optbench.families.cifar:cifar_resnet",
    ),
    "cubic": Entry(
        "x^2/2 + x^3/3: the secant method's rational map", "optbench.families.scalar:cubic"
    ),
    "deep_linear": Entry(
        "a network without activations, fitted by least squares",
        "optbench.families.deep_linear:deep_linear",
    ),
    "double_well": Entry(
        "x^4 - x^3 - x^2: two wells of different depth", "optbench.families.saddles:double_well"
    ),
    "gaussian": Entry(
        "the likelihood of a normal distribution, by sigma or ln sigma",
        "optbench.families.likelihoods:gaussian",
    ),
    "himmelblau": Entry("four minima of equal depth", "optbench.families.classics:himmelblau"),
    "huber": Entry(
        "the worst smooth convex function for T steps of gradient descent",
        "optbench.families.huber:huber",
    ),
    "image_classifier": Entry(
        "softmax regression and perceptrons on digits and clothing",
        "optbench.families.image_classifier:image_classifier",
    ),
    "least_mean_squares": Entry(
        "regression on a stream of Gaussian features",
        "optbench.families.least_mean_squares:least_mean_squares",
    ),
    "least_squares": Entry(
        "linear least squares, over- or under-determined, a finite sum",
        "optbench.families.least_squares:least_squares",
    ),
    "lessard_recht_packard": Entry(
        "the piecewise quadratic on which heavy ball cycles",
        "optbench.families.piecewise:lessard_recht_packard",
    ),
    "log_barrier": Entry(
        "x - ln x: Newton squares the error", "optbench.families.scalar:log_barrier"
    ),
    "log_sum_exp": Entry(
        "a smooth maximum of affine functions", "optbench.families.log_sum_exp:log_sum_exp"
    ),
    "logistic": Entry(
        "binary logistic regression on real or separable data",
        "optbench.families.logistic:logistic",
    ),
    "matrix_factorisation": Entry(
        "|U V' - M|^2/2: a matrix as the product of two thin ones",
        "optbench.families.matrix_factorisation:matrix_factorisation",
    ),
    "matrix_quadratic": Entry(
        "|A X B - C|^2/2: a convex quadratic in a matrix",
        "optbench.families.matrix_quadratic:matrix_quadratic",
    ),
    "max_coordinate": Entry(
        "max_i x_i on a ball: the worst non-smooth function",
        "optbench.families.max_coordinate:max_coordinate",
    ),
    "mean_estimation": Entry(
        "the mean of some numbers, a finite sum of parabolas",
        "optbench.families.finite_sums:mean_estimation",
    ),
    "mlp": Entry("multilayer perceptrons on ten digits, a finite sum", "optbench.families.mlp:mlp"),
    "mlp_regression": Entry(
        "multilayer perceptrons fitted to a curve",
        "optbench.families.mlp_regression:mlp_regression",
    ),
    "nesterov_convex": Entry(
        "the smooth convex function that no span method beats in T steps",
        "optbench.families.nesterov:nesterov_convex",
    ),
    "nesterov_strongly_convex": Entry(
        "the strongly convex function that no span method beats",
        "optbench.families.nesterov:nesterov_strongly_convex",
    ),
    "online": Entry(
        "linear losses that change with time; Adam's counterexample",
        "optbench.families.online:online",
    ),
    "parabola": Entry(
        "one variable, one curvature: the worked examples", "optbench.families.parabola:parabola"
    ),
    "polyak_lojasiewicz": Entry(
        "x^2 + 3 sin^2 x: not convex, yet linear convergence",
        "optbench.families.polyak_lojasiewicz:polyak_lojasiewicz",
    ),
    "power": Entry("|x|^p/p: flat at the minimiser", "optbench.families.power:power"),
    "product": Entry(
        "(x y - 1)^2/2: a curve of minima of every sharpness", "optbench.families.saddles:product"
    ),
    "pseudo_huber": Entry(
        "sqrt(1 + x^2): Newton needs a line search", "optbench.families.scalar:pseudo_huber"
    ),
    "quadratic": Entry(
        "convex quadratic with a chosen spectrum, rotation and noise",
        "optbench.families.quadratic:quadratic",
    ),
    "rastrigin": Entry(
        "a parabola with a local minimum near every integer point",
        "optbench.families.multimodal:rastrigin",
    ),
    "rayleigh": Entry(
        "x'A x/(2 |x|^2): only the direction counts", "optbench.families.rayleigh:rayleigh"
    ),
    "rosenbrock": Entry(
        "a curved valley, in two variables or more", "optbench.families.rosenbrock:rosenbrock"
    ),
    "saddle": Entry("x^2 - y^2: unbounded below", "optbench.families.saddles:saddle"),
    "saddle_quartic": Entry(
        "x^2/2 + y^4/4 - y^2/2: a saddle between two minima",
        "optbench.families.saddles:saddle_quartic",
    ),
    "softmax_regression": Entry(
        "ten digits, one weight vector each, a finite sum",
        "optbench.families.softmax:softmax_regression",
    ),
    "styblinski_tang": Entry(
        "two minima in each coordinate", "optbench.families.multimodal:styblinski_tang"
    ),
    "wu_ma_e": Entry(
        "two minima of equal sharpness, one of them unstable with noise",
        "optbench.families.finite_sums:wu_ma_e",
    ),
}
