"""Heavy ball: m = beta m + grad f(x), x -= eta m, m_0 = 0."""

from __future__ import annotations

from optbench.core.problem import Facts
from optbench.theory import verdicts
from optbench.theory.claim import Evidence, Kind, claim
from optbench.theory.finding import Finding, all_of
from optbench.theory.probe import spectral_radius
from optbench.theory.rates import heavy_ball_rate
from optbench.theory.tolerance import E3


@claim(
    "HB-01",
    "With Polyak's pair heavy ball contracts every mode of a quadratic at the rate "
    "(sqrt(kappa) - 1)/(sqrt(kappa) + 1).",
    formula=r"\rho = \sqrt{\beta} = \frac{\sqrt{\kappa} - 1}{\sqrt{\kappa} + 1}",
    assumptions="quadratic with spectrum in [mu, L]; eta = 4/(sqrt L + sqrt mu)^2, beta = rho^2",
    source="Polyak 1964; Lessard, Recht and Packard 2016, table 1",
    kind=Kind.IDENTITY,
    tolerance=E3,
    rule="heavy_ball",
)
def hb_01(evidence: Evidence) -> Finding:
    """Probe the step at both ends of the spectrum and inside it."""
    findings = []
    for kappa in (4.0, 100.0, 1e4):
        facts = Facts(dim=1, smoothness=1.0, strong_convexity=1 / kappa)
        optimizer = evidence.optimizer("heavy_ball:lr=polyak,beta=polyak")
        radii = [
            spectral_radius(optimizer, mode, facts=facts) for mode in (1 / kappa, kappa**-0.5, 1.0)
        ]
        findings.append(
            verdicts.equals(max(radii), heavy_ball_rate(kappa=kappa), evidence.tolerance)
        )
    return all_of(findings)
