"""What runs a store has, by their specs alone: to pick some before they are read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from optbench.core.spec import RunSpec
from optbench.store.damage import Damage, reported
from optbench.store.file import Store


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A stored run before it is read.

    Attributes:
        digest: Of its spec.
        key: The run's key.
        spec: What was run.
    """

    digest: str
    key: str
    spec: RunSpec


def list_runs(store: Store) -> tuple[list[Listed], list[Damage]]:
    """Return the runs of a store by what can be picked, and those that cannot be told.

    Args:
        store: The open store.

    Returns:
        A run a row, in the order in which they were stored; and the rows whose spec is not the one
        that its digest names, or is none. What else may be damaged shows when a row is read.

    Raises:
        StoreError: When the file is damaged.
    """
    found, damages = list[Listed](), list[Damage]()
    with reported(store.path):
        sql = "SELECT id, key, spec_digest, spec, label FROM runs ORDER BY id"
        rows = store.connection.execute(sql).fetchall()
    for row, key, digest, spec, label in rows:
        try:
            found.append(Listed(digest=digest, key=str(key), spec=_spec(digest, spec, label)))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            reason = f"not a spec with its digest: {type(error).__name__}"
            at = Damage(path=store.path, where=f"row {row}", reason=reason, key=str(key))
            damages.append(at)
    return found, damages


def _spec(digest: object, spec: str, label: object) -> RunSpec:
    if not isinstance(label, str):
        raise TypeError("a label is text")
    if hashlib.sha256(spec.encode(errors="surrogateescape")).hexdigest() != digest:
        raise ValueError("the digest is another one's")
    return RunSpec.from_json(spec, label)
