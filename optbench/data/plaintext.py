"""Text as bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from optbench.core.errors import OptbenchError
from optbench.data.files import contents
from optbench.data.sets import DataSet


def read(path: Path, dataset: DataSet) -> dict[str, np.ndarray]:
    """Read a text.

    Args:
        path: The file, or a folder that has it.
        dataset: Which text.

    Returns:
        `text`, uint8 (n,).

    Raises:
        OptbenchError: When it is missing, or not the known text.
    """
    found = contents(path, dataset, aliases={"input.txt": f"{dataset.name}.txt"})
    (content,) = found.values()
    if len(content) != dataset.train:
        raise OptbenchError(f"{path} has {len(content)} characters, not {dataset.train}")
    return {"text": np.frombuffer(content, np.uint8)}
