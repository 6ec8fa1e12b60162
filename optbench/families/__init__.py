"""Problem families, one a file: functions whose facts are known, built from parameters."""

from __future__ import annotations

from optbench.core.registry import Entry

FAMILIES: dict[str, Entry] = {
    "ackley": Entry(
        "a plain with holes round a pointed funnel", "optbench.families.multimodal:ackley"
    ),
    "beale": Entry("a valley with sharp corners and plateaus", "optbench.families.classics:beale"),
    "double_well": Entry(
        "x^4 - x^3 - x^2: two wells of different depth", "optbench.families.saddles:double_well"
    ),
    "himmelblau": Entry("four minima of equal depth", "optbench.families.classics:himmelblau"),
    "huber": Entry(
        "the worst smooth convex function for T steps of gradient descent",
        "optbench.families.huber:huber",
    ),
    "least_squares": Entry(
        "linear least squares, over- or under-determined, a finite sum",
        "optbench.families.least_squares:least_squares",
    ),
    "lessard_recht_packard": Entry(
        "the piecewise quadratic on which heavy ball cycles",
        "optbench.families.piecewise:lessard_recht_packard",
    ),
    "log_sum_exp": Entry(
        "a smooth maximum of affine functions", "optbench.families.log_sum_exp:log_sum_exp"
    ),
    "logistic": Entry(
        "binary logistic regression on real or separable data",
        "optbench.families.logistic:logistic",
    ),
    "matrix_quadratic": Entry(
        "|A X B - C|^2/2: a convex quadratic in a matrix",
        "optbench.families.matrix_quadratic:matrix_quadratic",
    ),
    "max_coordinate": Entry(
        "max_i x_i on a ball: the worst non-smooth function",
        "optbench.families.max_coordinate:max_coordinate",
    ),
    "mlp": Entry("multilayer perceptrons on ten digits, a finite sum", "optbench.families.mlp:mlp"),
    "nesterov_convex": Entry(
        "the smooth convex function that no span method beats in T steps",
        "optbench.families.nesterov:nesterov_convex",
    ),
    "nesterov_strongly_convex": Entry(
        "the strongly convex function that no span method beats",
        "optbench.families.nesterov:nesterov_strongly_convex",
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
    "quadratic": Entry(
        "convex quadratic with a chosen spectrum, rotation and noise",
        "optbench.families.quadratic:quadratic",
    ),
    "rastrigin": Entry(
        "a parabola with a local minimum near every integer point",
        "optbench.families.multimodal:rastrigin",
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
}
