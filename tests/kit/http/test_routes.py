"""Routes are found by the path alone."""

from __future__ import annotations

import pytest
from flask import Flask

from builders import Api


def test_no_route_is_another_ones_and_none_redirects(app: Flask) -> None:
    """An address that only redirects would have to name the host, and nobody's word is taken for that."""
    assert [
        rule.rule
        for rule in app.url_map.iter_rules()
        if (rule.rule != "/" and rule.rule.endswith("/")) or rule.redirect_to or rule.alias or rule.host
    ] == []


@pytest.mark.parametrize("host", ["refer.test", "evil.example:99", "[::1]", "ü", "a b", ""])
def test_whatever_host_is_asked_for_the_same_is_found(api: Api, host: str) -> None:
    for path, status in (("/healthz", 200), ("/v1/programs", 200), ("/healthz/", 404)):
        assert api.call("GET", path, headers={"Host": host}).status_code == status, path
