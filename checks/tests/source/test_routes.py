"""Registrations are seen, also where their handler cannot be told."""

from pathlib import Path

import pytest

from checks.source import Route, parse

HEAD = "from fastapi import APIRouter\nfrom elsewhere import handlers, listed\nrouter = APIRouter()\n"


@pytest.mark.parametrize(
    "registering",
    [
        "for path, handler in listed():\n    router.add_api_route(path, handler)",
        "router.add_api_route('/x', handlers['x'])",
        "add = router.add_api_route\nadd('/x', handlers.x)",
        "def add(path, handler):\n    router.add_api_route(path, handler)",
        "def route(path):\n    def register(fn):\n        return router.get(path)(fn)\n    return register",
        "def register(fn):\n    fn = handlers.checked(fn)\n    router.add_api_route('/x', fn)",
    ],
)
def test_registration_counts_without_its_handler(registering: str, tmp_path: Path) -> None:
    (route,) = _routes(f"{HEAD}{registering}\n", tmp_path)
    assert route.handler is None


def test_each_use_of_a_helper_is_a_route(tmp_path: Path) -> None:
    source = (
        "def add(path, handler):\n    router.add_api_route(path, handler)\n"
        "async def one(): ...\nadd('/one', one)\nadd('/two', handlers.two)\n"
    )
    found = [route.handler and route.handler.name for route in _routes(HEAD + source, tmp_path)]
    assert found == ["one", None]


@pytest.mark.parametrize(
    "registering",
    [
        "@getattr(router, 'get')('/x')\ndef one(): ...",
        "def one(): ...\ngetattr(router, 'get')('/x')(one)",
        "def one(): ...\ngetattr(router, 'add_api_route')('/x', one)",
        "def one(): ...\none = router.get('/x')(one)",
        "def one(): ...\none = router.get('/x')(one)\ndef later(): return one",
    ],
)
def test_the_handler_is_found(registering: str, tmp_path: Path) -> None:
    (route,) = _routes(f"{HEAD}{registering}\n", tmp_path)
    assert route.handler is not None
    assert route.handler.name == "one"


GUARDED = """
def guarded(method, path, **kwargs):
    def decorator(function):
        checked = handlers.checked(function)
        return method(path, dependencies=[handlers.guard], **kwargs)(checked)
    return decorator
"""
KEPT = """
def kept(method):
    def decorator(function):
        return method(function)
    return decorator
"""
OPENED = """
def opened(gate, path):
    def decorator(function):
        gate.get(path)(function)
        return function
    return decorator
"""


@pytest.mark.parametrize(
    "registering",
    [
        f"{GUARDED}@guarded(router.get, '/x', status_code=201)\ndef one(): ...",
        f"{GUARDED}def one(): ...\nguarded(method=router.get, path='/x', status_code=201)(one)",
        f"{GUARDED}get = router.get\n@guarded(get, '/x', status_code=201)\ndef one(): ...",
        f"{OPENED}@opened(router, '/x')\ndef one(): ...",
    ],
)
def test_a_decorator_that_is_handed_the_router_registers(registering: str, tmp_path: Path) -> None:
    (route,) = _routes(f"{HEAD}{registering}\n", tmp_path)
    assert route.handler is not None
    assert (route.handler.name, route.verb, route.hidden) == ("one", "get", False)
    assert ("status_code" in route.keywords) is ("guarded" in registering)


@pytest.mark.parametrize(
    "source",
    [
        f"{GUARDED}@guarded(listed.get, '/x')\ndef one(): ...",
        f"{GUARDED}@guarded(print, '/x')\ndef one(): ...",
        f"{GUARDED}@guarded()\ndef one(): ...",
        f"{OPENED}@opened({{}}, '/x')\ndef one(): ...",
        f"{OPENED}@opened(listed, '/x')\ndef one(): ...",
        f"{KEPT}@kept(router.get)\ndef one(): ...",
        "verb = input()\n@getattr(router, verb)('/x')\ndef one(): ...",
        "@getattr(listed, 'get')('/x')\ndef one(): ...",
        "get = router.get\nget = print\n@get('/x')\ndef one(): ...",
        "first = second\nsecond = first\n@first\ndef one(): ...",
        "def again(path):\n    return again(path)\n@again('/x')\ndef one(): ...",
    ],
)
def test_what_is_not_a_registration(source: str, tmp_path: Path) -> None:
    assert _routes(f"{HEAD}{source}\n", tmp_path) == ()


def _routes(source: str, folder: Path) -> tuple[Route, ...]:
    (folder / "router.py").write_text(source, encoding="utf-8")
    return parse(folder).routes
