"""Lesson 01: versions of its reference, wrong and right."""

from checks.lesson import LOAD
from checks.report import Kind
from checks.tests.lessons.judging import Line, Right, Wrong

MAIN = "app/main.py"
ROUTER = "app/health/router.py"
SCHEMAS = "app/health/schemas.py"
ROUTE = '@router.get("/live", response_model=HealthStatus)'
HANDLER = "async def live() -> HealthStatus:"
ANSWER = 'return HealthStatus(status="ok")'

FIRST_STUB = (MAIN, "create_app")
LIVE = Line(ROUTER, "def live")
DECORATOR = Line(ROUTER, "@router")
INCLUDED = Line(MAIN, "include_router(")
FACTORY = (
    '    app = FastAPI(title="Lending library")\n    app.include_router(health_router)\n    return app\n'
)

ROUNDABOUT = """

for verb in ("get",):
    getattr(router, verb)("/live", response_model=HealthStatus)(live)
"""

WRONG = [
    Wrong(
        "a field with a value in the place of its type",
        {SCHEMAS: ('status: Literal["ok", "unavailable"]', 'status = "ok"')},
        LOAD,
        Line(SCHEMAS, 'status = "ok"'),
        Kind.RAISED,
    ),
    Wrong(
        "a handler that is not async, registered in a roundabout way",
        {ROUTER: [(ROUTE + "\n", ""), ("async def live", "def live"), (ANSWER + "\n", ANSWER + ROUNDABOUT)]},
        "async-handlers",
        LIVE,
    ),
    Wrong("a handler that is not async", {ROUTER: ("async def live", "def live")}, "async-handlers", LIVE),
    Wrong(
        "a route that declares nothing",
        {ROUTER: [(ROUTE, '@router.get("/live")'), (" -> HealthStatus", "")]},
        "response-model",
        LIVE,
    ),
    Wrong(
        "a response model that is switched off",
        {ROUTER: ("response_model=HealthStatus", "response_model=None")},
        "response-model",
    ),
    Wrong(
        "an annotation that says nothing comes back",
        {ROUTER: [(ROUTE, '@router.get("/live")'), (HANDLER, "async def live() -> None:")]},
        "response-model",
    ),
    Wrong("another path", {ROUTER: ('"/live"', '"/alive"')}, "test_live_is_served", DECORATOR),
    Wrong(
        "the prefix twice",
        {ROUTER: ('"/live"', '"/health/live"')},
        "test_live_is_served",
        DECORATOR,
    ),
    Wrong("a slash too many", {ROUTER: ('"/live"', '"/live/"')}, "test_live_is_served", DECORATOR),
    Wrong(
        "a function that no decorator makes a route",
        {ROUTER: (ROUTE + "\n", "")},
        "test_live_is_served",
        LIVE,
    ),
    Wrong(
        "one application for all",
        {
            MAIN: [
                ('    app = FastAPI(title="Lending library")\n    app.include_router(health_router)\n', ""),
                (
                    "def create_app()",
                    (
                        'app = FastAPI(title="Lending library")\napp.include_router(health_router)\n\n\n'
                        "def create_app()"
                    ),
                ),
                ("\n\napp = create_app()\n", ""),
            ]
        },
        "test_each_application_is_one_of_its_own",
        Line(MAIN, "def create_app"),
    ),
    Wrong(
        "routes that only the first application gets",
        {
            MAIN: [
                ("    app.include_router(health_router)\n", ""),
                ("app = create_app()\n", "app = create_app()\napp.include_router(health_router)\n"),
            ]
        },
        "test_each_application_is_one_of_its_own",
        Line(MAIN, "def create_app"),
    ),
    Wrong(
        "a second method",
        {ROUTER: (ROUTE, '@router.delete("/live", response_model=HealthStatus)\n' + ROUTE)},
        "test_live_only_answers_get",
    ),
    Wrong("the wrong method", {ROUTER: ("router.get", "router.post")}, "test_live_is_served"),
    Wrong(
        "a router that is never included",
        {MAIN: ("    app.include_router(health_router)\n", "")},
        "test_live_is_served",
        Line(MAIN, "FastAPI("),
    ),
    Wrong(
        "another word in the body",
        {ROUTER: (ANSWER, 'return HealthStatus(status="up")'), SCHEMAS: ('["ok", "unavailable"]', '["up"]')},
        "test_live_answers_ok",
        DECORATOR,
    ),
    Wrong(
        "another name in the body",
        {ROUTER: (ANSWER, 'return HealthStatus(state="ok")'), SCHEMAS: ("status: L", "state: L")},
        "test_live_answers_ok",
        DECORATOR,
    ),
    Wrong(
        "201, because something was made",
        {ROUTER: ("response_model", "status_code=201, response_model")},
        "test_live_answers_ok",
        DECORATOR,
    ),
    Wrong(
        "a parameter that nobody sends",
        {ROUTER: ("def live()", "def live(verbose: bool)")},
        "test_live_answers_ok",
        DECORATOR,
    ),
    Wrong(
        "JSON that is only text",
        {
            ROUTER: [
                (
                    "from fastapi import APIRouter\n",
                    "from fastapi import APIRouter\nfrom fastapi.responses import PlainTextResponse\n",
                ),
                (ROUTE, '@router.get("/live", response_model=HealthStatus)'),
                (ANSWER, 'return PlainTextResponse(\'{"status": "ok"}\')  # type: ignore'),
            ]
        },
        "test_live_answers_with_json",
        DECORATOR,
    ),
    Wrong(
        "a quoted text in the body",
        {
            ROUTER: [
                (ROUTE, '@router.get("/live", response_model=str)'),
                (HANDLER, "async def live() -> str:"),
                (ANSWER, 'return \'{"status": "ok"}\''),
            ]
        },
        "test_live_answers_ok",
        DECORATOR,
    ),
    Wrong(
        "a dictionary instead of a model",
        {
            ROUTER: [
                (ROUTE, '@router.get("/live")'),
                (HANDLER, "async def live() -> dict[str, str]:"),
                (ANSWER, 'return {"status": "ok"}'),
            ]
        },
        "test_live_is_documented",
        DECORATOR,
    ),
    Wrong(
        "a route that the documentation leaves out",
        {ROUTER: ("response_model", "include_in_schema=False, response_model")},
        "test_live_is_documented",
        DECORATOR,
    ),
    Wrong(
        "one route for every path",
        {ROUTER: [('/health"', '"'), ('"/live"', '"/{path:path}"')]},
        "test_unknown_path_is_not_found",
        DECORATOR,
    ),
    Wrong(
        "one route for every method",
        {ROUTER: (ROUTE, '@router.api_route("/live", methods=["GET", "POST"], response_model=HealthStatus)')},
        "test_live_only_answers_get",
        DECORATOR,
    ),
    Wrong(
        "a middleware that answers, and no route",
        {
            MAIN: (
                FACTORY,
                (
                    "    app = FastAPI()\n\n"
                    '    @app.middleware("http")\n'
                    "    async def answer(request, call_next):\n"
                    '        return JSONResponse({"status": "ok"})\n\n'
                    "    return app\n\n\nfrom fastapi.responses import JSONResponse\n"
                ),
            )
        },
        "test_live_is_documented",
    ),
    Wrong(
        "an application that redirects each request",
        {
            MAIN: [
                (
                    "    app.include_router(",
                    "    app.add_middleware(HTTPSRedirectMiddleware)\n    app.include_router(",
                ),
                (
                    "from fastapi import FastAPI\n",
                    (
                        "from fastapi import FastAPI\n"
                        "from fastapi.middleware.httpsredirect import HTTPSRedirectMiddleware\n"
                    ),
                ),
            ]
        },
        "test_live_is_served",
        INCLUDED,
    ),
    Wrong(
        "the factory itself",
        {MAIN: ("app = create_app()", "app = create_app")},
        "test_app_is_a_fastapi_application",
        Line(MAIN, "app = create"),
    ),
    Wrong(
        "a factory that returns nothing",
        {MAIN: ("    return app\n", "")},
        "test_app_is_a_fastapi_application",
        Line(MAIN, "def create_app"),
    ),
    Wrong(
        "another name for the application",
        {MAIN: ("app = create_app()", "application = create_app()")},
        LOAD,
        Line(MAIN, '"""The'),
        Kind.NAME,
    ),
    Wrong(
        "a text where a model was promised",
        {ROUTER: (ANSWER, 'return "ok"')},
        "test_live_answers_ok",
        DECORATOR,
    ),
    Wrong(
        "something that is no JSON",
        {
            ROUTER: [
                (ROUTE, '@router.get("/live")'),
                (HANDLER, "async def live() -> object:"),
                (ANSWER, "return object()"),
            ]
        },
        "test_live_answers_ok",
        DECORATOR,
        Kind.RAISED,
    ),
    Wrong(
        "a value that the model refuses",
        {ROUTER: (ANSWER, 'return HealthStatus(status="fine")')},
        "test_live_answers_ok",
        Line(ROUTER, '"fine"'),
        Kind.RAISED,
    ),
    Wrong(
        "a handler that is still to be written",
        {ROUTER: (ANSWER, 'raise NotImplementedError("later")')},
        "test_live_answers_ok",
        Line(ROUTER, "raise"),
        Kind.STUB,
    ),
    Wrong(
        "two modules that import each other",
        {ROUTER: ("from app.health", "from app.main import app\nfrom app.health")},
        LOAD,
        Line(ROUTER, "from app.main"),
        Kind.IMPORT,
    ),
    Wrong(
        "an import with a spelling mistake",
        {MAIN: ("from app.health.router", "from app.health.ruoter")},
        LOAD,
        Line(MAIN, "ruoter"),
        Kind.NAME,
    ),
    Wrong(
        "a process that ends at import",
        {MAIN: ("app = create_app()", "app = create_app()\nraise SystemExit(0)")},
        LOAD,
        Line(MAIN, "SystemExit"),
        Kind.ENDED,
    ),
]

RIGHT = [
    Right(
        "an old copy that nobody imports",
        {
            "old/main.py": """from fastapi import FastAPI

app = FastAPI()


@app.get("/")
def index():
    return 1
"""
        },
    ),
    Right(
        "one of two models, told apart by their field",
        {
            ROUTER: [
                (
                    "from app.health.schemas import HealthStatus\n",
                    "from app.health.schemas import Alive, Dead\n",
                ),
                (ROUTE, '@router.get("/live")'),
                ("-> HealthStatus:", '-> Annotated[Alive | Dead, Field(discriminator="status")]:'),
                ("HealthStatus(status=", "Alive(status="),
                (
                    "from fastapi import APIRouter\n",
                    (
                        "from typing import Annotated\n\nfrom fastapi import APIRouter\n"
                        "from pydantic import Field\n"
                    ),
                ),
            ],
            SCHEMAS: """from typing import Literal

from pydantic import BaseModel


class Alive(BaseModel):
    status: Literal["ok"]


class Dead(BaseModel):
    status: Literal["unavailable"]


HealthStatus = Alive | Dead
""",
        },
    ),
    Right(
        "a response class that names its encoding",
        {
            ROUTER: [
                (
                    "router = APIRouter",
                    (
                        'class Utf8(JSONResponse):\n    media_type = "application/json; charset=utf-8"\n\n\n'
                        "router = APIRouter"
                    ),
                ),
                ("response_model=HealthStatus)", "response_model=HealthStatus, response_class=Utf8)"),
                (
                    "from fastapi import APIRouter\n",
                    "from fastapi import APIRouter\nfrom fastapi.responses import JSONResponse\n",
                ),
            ]
        },
    ),
    Right(
        "a handler that is registered in a roundabout way",
        {ROUTER: [(ROUTE + "\n", ""), (ANSWER + "\n", ANSWER + ROUNDABOUT)]},
    ),
    Right(
        "an application that answers to one host name",
        {
            MAIN: [
                (
                    "    app.include_router(",
                    (
                        '    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["localhost"])\n'
                        "    app.include_router("
                    ),
                ),
                (
                    "from fastapi import FastAPI\n",
                    (
                        "from fastapi import FastAPI\n"
                        "from fastapi.middleware.trustedhost import TrustedHostMiddleware\n"
                    ),
                ),
            ]
        },
    ),
    Right(
        "one module, no factory, the route on the application itself",
        {
            MAIN: """
from fastapi import FastAPI
from pydantic import BaseModel


class Alive(BaseModel):
    status: str = "ok"


app = FastAPI()


@app.get("/health/live")
async def alive() -> Alive:
    return Alive()
"""
        },
    ),
    Right("the return annotation alone", {ROUTER: ("response_model=HealthStatus", 'summary="Alive"')}),
    Right("the keyword alone", {ROUTER: (" -> HealthStatus", "")}),
    Right(
        "a prefix where the router is included",
        {
            ROUTER: ('prefix="/health", ', ""),
            MAIN: ("include_router(health_router)", 'include_router(health_router, prefix="/health")'),
        },
    ),
    Right(
        "routers in routers",
        {
            ROUTER: (
                'router = APIRouter(prefix="/health", tags=["health"])',
                'router = APIRouter(tags=["health"])',
            ),
            "app/api.py": (
                "from fastapi import APIRouter\n\nfrom app.health import router as health\n\n"
                "api = APIRouter()\napi.include_router(health.router, prefix='/health')\n"
            ),
            MAIN: [
                ("from app.health.router import router as health_router", "from app.api import api"),
                ("include_router(health_router)", "include_router(api)"),
            ],
        },
    ),
    Right(
        "a route that is added by a call",
        {
            ROUTER: [
                (ROUTE + "\n", ""),
                (ANSWER, ANSWER + '\n\n\nrouter.add_api_route("/live", live, response_model=HealthStatus)'),
            ]
        },
    ),
    Right(
        "a dataclass as the model, and a dictionary returned",
        {
            SCHEMAS: (
                "from dataclasses import dataclass\n\n\n@dataclass\nclass HealthStatus:\n    status: str\n"
            ),
            ROUTER: (ANSWER, 'return {"status": "ok"}'),
        },
    ),
    Right(
        "a TypedDict as the model",
        {
            SCHEMAS: "from typing import TypedDict\n\n\nclass HealthStatus(TypedDict):\n    status: str\n",
            ROUTER: (ANSWER, 'return {"status": "ok"}'),
        },
    ),
    Right(
        "a response of its own, with the model declared",
        {
            ROUTER: [
                (
                    "from fastapi import APIRouter\n",
                    "from fastapi import APIRouter\nfrom fastapi.responses import JSONResponse\n",
                ),
                (HANDLER, "async def live() -> JSONResponse:"),
                (ANSWER, 'return JSONResponse({"status": "ok"})'),
            ]
        },
    ),
    Right(
        "a class that is a FastAPI application, with middleware",
        {
            MAIN: """
from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware

from app.health.router import router


class Library(FastAPI):
    def __init__(self, **options: object) -> None:
        super().__init__(title="Lending library", **options)
        self.add_middleware(GZipMiddleware)
        self.include_router(router)


app = Library()
"""
        },
    ),
    Right(
        "a documentation that is switched off, and a factory with arguments",
        {
            MAIN: [
                ("def create_app()", 'def create_app(*, title: str = "Lending library")'),
                (
                    'title="Lending library")\n',
                    "title=title, docs_url=None, redoc_url=None, openapi_url=None)\n",
                ),
            ]
        },
    ),
    Right(
        "a method of an object",
        {
            ROUTER: """
from fastapi import APIRouter

from app.health.schemas import HealthStatus

router = APIRouter(prefix="/health")


class Probes:
    async def live(self) -> HealthStatus:
        return HealthStatus(status="ok")


router.add_api_route("/live", Probes().live, response_model=HealthStatus)
"""
        },
    ),
    Right(
        "routes that are handed over as objects",
        {
            MAIN: [
                (
                    "from fastapi import FastAPI\n",
                    "from fastapi import FastAPI\nfrom fastapi.routing import APIRoute\n",
                ),
                (
                    "from app.health.router import router as health_router",
                    "from app.health.router import live",
                ),
                ('FastAPI(title="Lending library")', 'FastAPI(routes=[APIRoute("/health/live", live)])'),
                ("    app.include_router(health_router)\n", ""),
            ],
        },
    ),
    Right(
        "a router of its own class, with a default for its routes",
        {
            ROUTER: [
                (
                    'router = APIRouter(prefix="/health", tags=["health"])',
                    'class Probes(APIRouter):\n    pass\n\n\nrouter = Probes(prefix="/health")',
                )
            ]
        },
    ),
]
