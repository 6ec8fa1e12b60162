"""The fingerprint of code: what a result depends on besides its spec.

A module's fingerprint covers its own source and, transitively, that of everything it imports:
modules of optbench and of the user as the hash of their syntax tree (so that comments, docstrings
and layout do not count), installed packages by their version. Imports are read off the source, so
an import that only exists at run time (`importlib` with a computed name) is not seen.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

_INSTALLED = frozenset({"site-packages", "dist-packages"})
_STANDARD = frozenset(sys.stdlib_module_names)


def fingerprint(places: Iterable[str]) -> str:
    """Hash the code behind some modules.

    Args:
        places: Module names or paths of files.

    Returns:
        SHA-256 in hexadecimal, over every reached module's syntax and every package's version.
    """
    seen: dict[str, str] = {}
    waiting = sorted(set(places))
    while waiting:
        place = waiting.pop()
        if place not in seen:
            seen[place], imports = _describe(place)
            waiting.extend(imports)
    text = "\n".join(sorted(f"{_name(place)} {digest}" for place, digest in seen.items()))
    return hashlib.sha256(text.encode()).hexdigest()


def _name(place: str) -> str:
    # A file's folder is not part of what it does.
    return Path(place).name if place.endswith(".py") else place


@functools.cache
def _describe(place: str) -> tuple[str, tuple[str, ...]]:
    """Return a module's digest (or a package's version) and what it imports."""
    path = Path(place) if place.endswith(".py") else _source(place)
    if path is None:
        return _version(place.partition(".")[0]), ()
    tree = ast.parse(path.read_bytes())
    imports = tuple(sorted(set(_imports(tree, place, path))))
    digest = hashlib.sha256(ast.dump(_without_docstrings(tree)).encode()).hexdigest()
    return digest, imports


def _source(module: str) -> Path | None:
    """Return the file of a module whose code is followed; None for installed packages."""
    top = module.partition(".")[0]
    if top in _STANDARD:
        return None
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError, AttributeError):  # not a module, or its parent is none
        return None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    # Not only this environment's: packages may be the system's, the user's, or borrowed.
    installed = not _INSTALLED.isdisjoint(Path(spec.origin).parts) and top != "optbench"
    return None if installed else Path(spec.origin)


@functools.cache
def _version(package: str) -> str:
    if package in _STANDARD:
        return f"python {sys.version_info.major}.{sys.version_info.minor}"
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        names = importlib.metadata.packages_distributions().get(package, [])
        return " ".join(sorted(f"{name} {importlib.metadata.version(name)}" for name in set(names)))


def _imports(tree: ast.Module, place: str, path: Path) -> Iterator[str]:
    """Yield what a module imports: module names, and paths of files near a user's file."""
    package = place if path.name == "__init__.py" else place.rpartition(".")[0]
    for node in ast.walk(tree):
        level = 0
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            level, base = node.level, node.module or ""
            # `from package import module` may import a submodule: follow it where it is one.
            names = [base, *(f"{base}.{alias.name}".lstrip(".") for alias in node.names)]
        else:
            continue
        if place.endswith(".py"):
            folder = path.parents[max(level - 1, 0)]
            near = [file for name in names for file in _near(folder, name)]
            yield from near
            names = [] if near or level else names
        elif level:
            parents = ".".join(package.split(".")[: len(package.split(".")) - level + 1])
            names = [parents, *(f"{parents}.{name}" for name in names if name)]
        yield from filter(None, map(_followed, names))


def _near(folder: Path, name: str) -> Iterator[str]:
    """Yield the files in a folder that an import runs: packages on the way, and the module."""
    place = folder
    for part in name.split(".") if name else []:
        place = place / part
        for file in (place / "__init__.py", place.with_suffix(".py")):
            if file.is_file():
                yield str(file)


@functools.cache
def _followed(name: str) -> str | None:
    """Return the module to follow for an imported name: itself, or its installed package."""
    top = name.partition(".")[0]
    if top in _STANDARD or not top:
        return None
    if _source(top) is None:
        return top
    return name if _source(name) else None


def _without_docstrings(tree: ast.Module) -> ast.Module:
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(tree):
        if not isinstance(node, documented) or not node.body:
            continue
        match node.body[0]:
            case ast.Expr(value=ast.Constant(value=str())):
                node.body = node.body[1:]
    return tree
