"""What a key may do."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum


class Scope(StrEnum):
    """Each tenant scope includes the ones before it; the operator's stands apart and opens no tenant's data."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"
    OPERATOR = "operator"

    def granted_by(self, held: Collection[str]) -> bool:
        """Tell whether a key that holds these scopes may do what needs this one."""
        return any(self in _INCLUDED.get(scope, ()) for scope in held)


TENANT_SCOPES = (Scope.READ, Scope.WRITE, Scope.ADMIN)
_INCLUDED: dict[str, tuple[Scope, ...]] = {
    Scope.READ: (Scope.READ,),
    Scope.WRITE: (Scope.READ, Scope.WRITE),
    Scope.ADMIN: (Scope.READ, Scope.WRITE, Scope.ADMIN),
    Scope.OPERATOR: (Scope.OPERATOR,),
}
