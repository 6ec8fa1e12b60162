"""Names to code: dict literals of one line each, loaded when they are used and not before.

A registry maps a name to what it is in one line and where it lives, as `module:attribute`.
Installed packages join through an entry-point group of the same name (`optbench.problems`,
`optbench.optimizers`, `optbench.schedules`); anything else importable is reached by
`path/to/file.py:name` or `package.module:name`, without registration.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from optbench.core.errors import OptbenchError, in_one_line, unknown

USER_MODULE = "optbench_user_"
"""How the module names of files that are loaded by their path begin."""


@dataclass(frozen=True)
class Entry:
    """One registered name.

    Attributes:
        about: What it is, in one line.
        target: Where it lives, `module:attribute`.
    """

    about: str
    target: str


def plugins(group: str) -> dict[str, Entry]:
    """Return what installed packages add to a registry.

    Args:
        group: Entry-point group, e.g. `optbench.problems`.

    Returns:
        Entry by name; nothing is imported.
    """
    return {
        point.name: Entry(
            f"from {point.dist.name if point.dist else 'an installed package'}", point.value
        )
        for point in entry_points(group=group)
    }


def resolve(kind: str, table: Mapping[str, Entry], name: str) -> str:
    """Find where a name lives.

    Args:
        kind: "problem", "optimizer" or "schedule".
        table: The registry of that kind.
        name: A registered name, `path/to/file.py:name`, or `package.module:name`.

    Returns:
        The target, `module:attribute` or `file.py:attribute`.

    Raises:
        OptbenchError: When nothing has that name; the message suggests what does.
    """
    if name in table:
        return table[name].target
    if ":" in name:
        known, _, rest = name.partition(":")
        if known in table:
            raise OptbenchError(f"{name!r}: {rest!r} is not key=value")
        return name
    if name.endswith(".py"):
        raise OptbenchError(f"{kind} {name!r} names a file; write {name}:NAME for the {kind} in it")
    installed = plugins(f"optbench.{kind}s")
    if name in installed:
        return installed[name].target
    raise unknown(kind, name, {*table, *installed})


def load(target: str) -> Any:
    """Import what a target names.

    Args:
        target: `module:attribute` or `path/to/file.py:attribute`. A file's own folder is put on the
            import path, so that it may import the modules beside it. A module is looked for in the
            current directory first, as `python -m` does: in a project's checkout the checkout's
            own package is meant.

    Returns:
        The attribute.

    Raises:
        OptbenchError: When the file, the module or the attribute does not exist, or its import
            fails.
    """
    place, _, attribute = target.rpartition(":")
    try:
        module = load_file(Path(place)) if place.endswith(".py") else _import_module(place)
    except OptbenchError:
        raise
    except (Exception, SystemExit) as error:  # an import runs others' code, which may do anything
        raise OptbenchError(f"cannot import {place}: {in_one_line(error)}") from error
    if attribute not in vars(module):
        public = [n for n in vars(module) if not n.startswith("_")]
        raise unknown(f"name in {place}:", attribute, public)
    return vars(module)[attribute]


def _import_module(name: str) -> ModuleType:
    """Import a module, from the current directory where it is there."""
    here, top = Path.cwd(), name.partition(".")[0]
    near = (here / top).is_dir() or (here / f"{top}.py").is_file()
    if not near or top == __name__.partition(".")[0]:
        return importlib.import_module(name)
    sys.path.insert(0, str(here))
    try:
        return importlib.import_module(name)
    finally:
        # What the module imports later is found too, but nothing else is hidden by what lies here.
        sys.path.remove(str(here))
        if str(here) not in sys.path:
            sys.path.append(str(here))


def load_file(path: Path) -> ModuleType:
    """Import a file by its path, once.

    Raises:
        OptbenchError: When there is no such file.
    """
    path = path.resolve()
    if not path.is_file():
        raise OptbenchError(f"no such file: {path}")
    name = f"{USER_MODULE}{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise OptbenchError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
