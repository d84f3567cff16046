"""The guides are played: every request in them is sent, and every answer in them is what comes back.

Ids, codes, secrets and times are others each time; they are learned from the first answer that shows them, and put into
the requests that follow.
"""

from __future__ import annotations

import json
import re
import shlex
from threading import Event
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from flask import Flask
from house.markdown_pages import page

from referral_service.config import Settings
from referral_service.kit.clock import FixedClock, format_rfc3339
from referral_service.kit.http import wiring
from referral_service.worker import work_off

BASE_URL = "http://127.0.0.1:8080"
DATE = "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
BROWSER = "curl/8.0"
ID = re.compile(r"\b[a-z]{3}_(?:\d+_)?[0-9a-hjkmnp-tv-z]{26}\b")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")
# What is another each time, and is no id.
LEARNED = {"code", "signed_code", "secret", "api_key"}


class Player:
    """Sends what a page says, and holds the answers against what it shows."""

    def __init__(self, app: Flask, settings: Settings, clock: FixedClock, *, operator_key: str) -> None:
        self.answers = 0
        self._client = app.test_client()
        self._service = app.extensions[wiring.EXTENSION]
        self._base_url = settings.base_url
        self._clock = clock
        # What the page calls it -> what it is today.
        self._words = {"sk_operator_…": operator_key, BASE_URL: settings.base_url}
        self._variables: dict[str, str] = {}
        self._last: Any = None

    def play(self, name: str) -> None:
        """Go through a page from top to bottom."""
        for block in page(name).blocks:
            if block.language == "sh" and "openssl" not in block.text:
                for line in block.text.splitlines():
                    self._do(line)
            elif block.language == "json":
                self._hold(json.loads(block.text), json.loads(self._last.get_data(as_text=True)), at=name)
                self.answers += 1
            elif block.language == "text" and "ref_click=" in block.text:
                self._hold_redirect(block.text.strip())
            elif block.language == "python":
                self._run(block.text)

    def _do(self, line: str) -> None:
        line = line.replace(DATE, format_rfc3339(self._clock.now()))
        for name, value in self._variables.items():
            line = re.sub(rf"\${name}\b", lambda _, value=value: value, line)  # type: ignore[misc]
        words = shlex.split(self._today(line), comments=True)
        if words and words[0] == "curl":
            self._send(words[1:])
        for word in words:
            if assigned := re.fullmatch(r"([A-Z]+)=(.*)", word):
                self._variables[assigned[1]] = assigned[2]

    def _send(self, words: list[str]) -> None:
        options: dict[str, list[str]] = {}
        addresses = []
        rest = iter(words)
        for word in rest:
            if word in {"-X", "-H", "-d", "-o", "-w"}:
                options.setdefault(word, []).append(next(rest))
            elif word != "-sS":
                addresses.append(word)
        (address,) = addresses
        body = options.get("-d", [None])[0]
        headers = dict(header.split(": ", 1) for header in options.get("-H", []))
        method = options.get("-X", ["GET" if body is None else "POST"])[0]
        path = address.removeprefix(self._base_url)
        self._last = self._client.open(path, method=method, data=body, headers={"User-Agent": BROWSER, **headers})
        assert self._last.status_code < 500, address
        # The worker, which runs beside a real service.
        work_off(self._service, stop=Event())

    def _run(self, source: str) -> None:
        """Run a snippet that sends a webhook; any other must only be written correctly."""
        code = compile(self._today(source).replace("datetime.now(UTC)", "NOW"), "snippet", "exec")
        if "httpx.post" in source:
            exec(code, {"NOW": self._clock.now()})

    def take(self, url: str, *, content: str, headers: dict[str, str]) -> httpx.Response:
        """Stand in for `httpx.post`."""
        self._last = self._client.post(url.removeprefix(self._base_url), data=content, headers=headers)
        request = httpx.Request("POST", url)
        return httpx.Response(self._last.status_code, content=self._last.get_data(), request=request)

    def _hold_redirect(self, shown: str) -> None:
        actual = self._last.headers["Location"]
        mine, theirs = dict(parse_qsl(urlsplit(shown).query)), dict(parse_qsl(urlsplit(actual).query))
        assert urlsplit(shown)._replace(query="") == urlsplit(actual)._replace(query="")
        assert list(mine) == list(theirs)
        assert self._today(mine["ref"]) == theirs["ref"]
        self._words[mine["ref_click"]] = theirs["ref_click"]

    def _hold(self, shown: Any, actual: Any, *, at: str) -> None:
        """What the page shows must be there; a page may leave things out, but no items of a list."""
        if isinstance(shown, dict):
            for key, value in shown.items():
                assert key in actual, f"{at}: {key} in {actual}"
                if key in LEARNED and isinstance(value, str) and isinstance(actual[key], str):
                    self._learn(value, actual[key], at=at)
                self._hold(value, actual[key], at=f"{at} {key}")
        elif isinstance(shown, list):
            assert len(shown) == len(actual), at
            for one, other in zip(shown, actual, strict=True):
                self._hold(one, other, at=at)
        elif isinstance(shown, str) and isinstance(actual, str):
            for one, other in zip(ID.findall(shown), ID.findall(actual), strict=True):
                self._learn(one, other, at=at)
            assert TIME.sub("T", self._today(shown)) == TIME.sub("T", actual), at
        else:
            assert shown == actual, at

    def _learn(self, shown: str, actual: str, *, at: str) -> None:
        if (len(shown) >= 8 and not shown.islower()) or ID.fullmatch(shown):
            assert self._words.setdefault(shown, actual) == actual, f"{at}: {shown} is two different things"
            # As people type a code.
            self._words[_typed(shown)] = _typed(actual)

    def _today(self, text: str) -> str:
        for shown in sorted(self._words, key=len, reverse=True):
            text = text.replace(shown, self._words[shown])
        return text


def _typed(code: str) -> str:
    return f"{code[:4]}-{code[4:]}".lower()


def test_the_guides_are_true(
    app: Flask, settings: Settings, clock: FixedClock, operator_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = Player(app, settings, clock, operator_key=operator_key)
    monkeypatch.setattr(httpx, "post", player.take)
    player.play("docs/integration.md")
    assert player.answers > 18
    player.play("docs/webhooks.md")
    assert player.answers > 21
