#!/bin/sh
# Makes the gallery's figures and tables from the stored reference result:
#
#     sh reports/gallery/make.sh
#
# The result itself is made again by `optbench run --suite reference --results results/reference`.
set -eu
cd "$(dirname "$0")/../.."

draw() { # NAME KIND OPTIONS...: reports/gallery/NAME.svg, and the numbers in it as NAME.csv
    name=$1 kind=$2
    shift 2
    optbench figure "$kind" results/reference "$@" --style web -o "reports/gallery/$name.svg"
}

write() { # KIND OPTIONS...: reports/gallery/table-KIND.tex and .md
    kind=$1
    shift
    for ending in tex md; do
        optbench table "$kind" results/reference "$@" -o "reports/gallery/table-$kind.$ending"
    done
}

# Gradient descent, momentum and Nesterov's method on quadratics, with their bounds (Polyak 1964;
# Nesterov 2018), and what the condition number costs each of them: slopes 1 and 1/2.
draw convergence convergence -p quadratic:kappa=10 -p quadratic:kappa=100 -p quadratic:kappa=1000 \
    -p quadratic:kappa=10000
draw kappa-scaling kappa-scaling -p 'quadratic:kappa=*'
draw rate rate -p quadratic:kappa=1000
# How much the learning rate matters to SGD and Adam, with a schedule and without.
draw sensitivity sensitivity -p minibatch-logistic
draw schedule schedule -p minibatch-logistic
draw noise-floor noise-floor -p noisy-quadratic-k10
# Paths down Rosenbrock's valley.
draw trajectory trajectory -p rosenbrock-2d
# Who is best over many problems (Dolan and More 2002; Demsar 2006).
many='-p quadratic-k10 -p quadratic-k100 -p quadratic-k1e3 -p least-squares-over -p huber-t1000
    -p power-4 -p log-sum-exp -p nesterov-convex'
# One word a problem: it must be split.
# shellcheck disable=SC2086
{
    draw profile profile $many
    draw heatmap heatmap $many
    draw ranks ranks $many
    write steps $many
    write ranks $many
}
draw pareto pareto -p quadratic-k1e3
