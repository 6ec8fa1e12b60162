"""Counter-based randomness: a draw is a pure function of what it is for.

Every stream is named by (problem seed, run seed, purpose, counter). The same name gives the same
bits whatever was drawn before, in whichever batch, process or resumed run, and for every optimizer:
comparisons at equal seeds are paired (common random numbers).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def stream(problem_seed: int, run_seed: int, purpose: str, counter: int = 0) -> np.random.Generator:
    """Return the generator that belongs to a name.

    Args:
        problem_seed: The seed that made the problem.
        run_seed: The seed of the run; 0 where the draw belongs to the problem alone.
        purpose: What is drawn ("start", "noise", "rotation" ...).
        counter: Which block, epoch or step of that purpose.

    Returns:
        A numpy generator over Philox (Salmon et al. 2011), keyed by the SHA-256 of the name.
    """
    import numpy as np

    name = f"{problem_seed}/{run_seed}/{purpose}/{counter}"
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))
