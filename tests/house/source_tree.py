"""What the house tests read: the project's own files, and their syntax trees."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "referral_service"
CODE_FOLDERS = ("referral_service", "tests", "benchmarks")

# Left behind by the commands of the Makefile; a clone does not have them.
MADE = {"build", "data", "dist", "htmlcov"}


def python_files(*folders: str) -> list[Path]:
    """Every Python file below these folders of the project, in a stable order."""
    return sorted(
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if "__pycache__" not in path.parts and not any(part.startswith(".") for part in path.parts[len(ROOT.parts) :])
    )


def shown(path: Path) -> str:
    """The path as a reader of a failure wants it: from the project's root."""
    return path.relative_to(ROOT).as_posix()


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def tracked_files() -> list[str]:
    """The files of the project. From version control; in an unpacked archive, all that is not hidden or made."""
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listing.returncode == 0 and listing.stdout:
        return [name for name in listing.stdout.split("\0") if name and (ROOT / name).exists()]
    return sorted(_unpacked())


def _unpacked() -> Iterator[str]:
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
        if path.is_file() and not hidden and parts[0] not in MADE and not parts[0].endswith(".egg-info"):
            yield "/".join(parts)
