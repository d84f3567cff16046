"""What a program says of itself beside its terms, checked in one place for the API, the command line and recipes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from referral_service.kit.errors import InvalidRequest
from referral_service.programs.branding import LogoName
from referral_service.programs.check_branding import check_branding
from referral_service.programs.policy import ALLOWED_HOSTS_MAX, PARAMETER_PATTERN, host_fault, landing_url_fault

NAME_CHARACTERS_MAX = 200
SETTINGS = (
    "name",
    "landing_url",
    "allowed_hosts",
    "code_parameter",
    "click_parameter",
    "signed_links_only",
    "branding",
)


def check_settings(said: Mapping[str, Any], *, logo_now: LogoName | None = None, development: bool) -> dict[str, Any]:
    """Return these settings as they are stored: hosts in lower case, each once. Their types are known to be right.

    `said` holds any of SETTINGS, but both parameters where it holds one; `logo_now` is the logo that the program has.
    Raises InvalidRequest, which names every fault.
    """
    settings = dict(said)
    errors: dict[str, list[str]] = {}
    if "name" in said and not (1 <= len(said["name"]) <= NAME_CHARACTERS_MAX and said["name"].isprintable()):
        errors["name"] = [f"Must be 1 to {NAME_CHARACTERS_MAX} printable characters."]
    if "landing_url" in said and (fault := landing_url_fault(said["landing_url"], development=development)):
        errors["landing_url"] = [fault]
    if "allowed_hosts" in said:
        hosts = list(dict.fromkeys(host.lower() for host in said["allowed_hosts"]))
        if len(hosts) > ALLOWED_HOSTS_MAX:
            errors["allowed_hosts"] = [f"Must not name more than {ALLOWED_HOSTS_MAX} hosts."]
        for n, host in enumerate(said["allowed_hosts"][:ALLOWED_HOSTS_MAX]):
            if fault := host_fault(host.lower()):
                errors[f"allowed_hosts.{n}"] = [fault]
        settings["allowed_hosts"] = hosts
    if "code_parameter" in said:
        for name in ("code_parameter", "click_parameter"):
            if not re.fullmatch(PARAMETER_PATTERN, said[name]):
                errors[name] = ["Must be 1 to 64 of A-Z, a-z, 0-9, _, ., ~ and -."]
        if said["code_parameter"] == said["click_parameter"]:
            errors["click_parameter"] = ["Must differ from code_parameter: one address holds both."]
    if "branding" in said:
        settings["branding"], wrong = check_branding(said["branding"], logo_now=logo_now, development=development)
        errors |= wrong
    if errors:
        raise InvalidRequest(errors=errors)
    return settings
