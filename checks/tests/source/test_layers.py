"""The layer of a module, where its name and its folders leave doubt."""

from pathlib import Path

import pytest

from checks.source import Area, Layer, Project, parse

ROUTES = "from fastapi import APIRouter\nrouter = APIRouter()\n@router.get('/')\nasync def one(): ...\n"
APP = "from fastapi import FastAPI\napp = FastAPI()\n"
NESTED = (
    "from fastapi import APIRouter\nclass People:\n    def router(self):\n        router = APIRouter()\n"
    "        @router.post('/out')\n        async def leave(): ...\n        return router\n"
)
TABLE = (
    "from sqlalchemy.orm import DeclarativeBase, mapped_column\n"
    "class Base(DeclarativeBase): ...\nclass Row(Base):\n"
    "    __tablename__ = 'rows'\n    id = mapped_column()\n"
)


def project(folder: Path, files: dict[str, str]) -> Project:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return parse(folder)


@pytest.mark.parametrize(
    ("file", "text", "layer"),
    [
        ("app/services/repos.py", "def load(): ...", Layer.SERVICE),
        ("app/services/repository.py", "def load(): ...", Layer.REPOSITORY),
        ("app/services/book_repo.py", "def load(): ...", Layer.REPOSITORY),
        ("app/services/routes.py", "def plan(): ...", Layer.SERVICE),
        ("app/services/repos/base.py", "def load(): ...", Layer.SERVICE),
        ("app/schemas/repos/base.py", "A = 1", Layer.SCHEMAS),
        ("app/schemas/services.py", "A = 1", Layer.SCHEMAS),
        ("app/schemas/web_service.py", "A = 1", Layer.SCHEMAS),
        ("app/models/route.py", "A = 1", Layer.MODELS),
        ("app/repositories/services.py", "A = 1", Layer.REPOSITORY),
        ("app/api/services/books.py", "A = 1", Layer.SERVICE),
        ("app/api/repositories.py", "A = 1", Layer.REPOSITORY),
        ("app/routers/service_proxy.py", ROUTES, Layer.ROUTER),
        ("app/routes/people/crud.py", ROUTES, Layer.ROUTER),
        ("app/routes/self_service.py", ROUTES, Layer.ROUTER),
        ("app/background/service_sync.py", "def sync(): ...", Layer.OTHER),
        ("app/lang/providers.py", "class Translator: ...", Layer.OTHER),
        ("app/books/providers.py", "from fastapi import Depends", Layer.DEPENDENCIES),
        ("app/services/providers/mail.py", "def send(): ...", Layer.SERVICE),
        ("app/books/table.py", TABLE, Layer.MODELS),
        ("app/queue/rows.py", TABLE + "async def work(): ...\n", Layer.OTHER),
        ("app/books/use_cases.py", "A = 1", Layer.SERVICE),
        ("app/perks/git_repository/properties.py", "class Perk: ...", Layer.OTHER),
        ("app/perks/git_repository/__init__.py", "class Perk: ...", Layer.OTHER),
        ("app/perks/git_repository/service.py", "class PerkService: ...", Layer.SERVICE),
        ("app/customer_service/tickets.py", "class Ticket: ...", Layer.OTHER),
        ("app/mail_service/core.py", "class MailService: ...", Layer.SERVICE),
        ("app/mail_service/__init__.py", "class MailService: ...", Layer.SERVICE),
        ("app/mail_services/core.py", "def send(): ...", Layer.SERVICE),
        ("app/services/mail_service/__init__.py", "def send(): ...", Layer.SERVICE),
        ("app/book_repositories/core.py", "def load(): ...", Layer.REPOSITORY),
        ("app/api/llm.py", "PREFIX = 'openrouter/'\nfrom a import OpenRouter", Layer.OTHER),
        ("app/api/v1/endpoints.py", "from .books import books_router", Layer.ROUTER),
        ("benches/bench_books.py", "A = 1", Layer.SCRIPTS),
        ("hatch_build.py", "A = 1", Layer.SCRIPTS),
        ("build_helpers/rates.py", "A = 1", Layer.SCRIPTS),
        ("app/services/send-report.py", "A = 1", Layer.SCRIPTS),
        ("app/auth/people.py", NESTED, Layer.ROUTER),
        ("app/auth/people.py", NESTED + "    def _name(self): ...\n", Layer.ROUTER),
        ("app/auth/people.py", NESTED + "    async def find(self): ...\n", Layer.OTHER),
        ("app/auth/people.py", NESTED + "class Manager:\n    async def find(self): ...\n", Layer.OTHER),
        ("app/auth/people.py", NESTED + "async def find(): ...\n", Layer.ROUTER),
        ("app/auth/people_router.py", NESTED + "    async def find(self): ...\n", Layer.ROUTER),
        ("app/services/people.py", NESTED + "    async def find(self): ...\n", Layer.SERVICE),
        ("app/services/people.py", ROUTES + "class Manager:\n    async def find(self): ...\n", Layer.ROUTER),
        ("my-app.py", APP, Layer.MAIN),
    ],
)
def test_layers(tmp_path: Path, file: str, text: str, layer: Layer) -> None:
    parsed = project(tmp_path, {file: text})
    assert parsed.layer(parsed.modules[0]) is layer


@pytest.mark.parametrize(
    ("file", "text", "area"),
    [
        ("app/core/config.py", "A = 1", Area.CORE),
        ("app/core/services/mail.py", "A = 1", Area.CORE),
        ("app/common/pages.py", "A = 1", Area.COMMON),
        ("app/routes/shared/links.py", ROUTES, Area.DOMAIN),
        ("app/api/shared/links.py", ROUTES, Area.DOMAIN),
        ("api/core/config.py", "A = 1", Area.CORE),
        ("app/services/common/mail.py", "A = 1", Area.DOMAIN),
        ("app/schemas/common/page.py", "A = 1", Area.COMMON),
        ("services/library/app/core/config.py", "A = 1", Area.CORE),
    ],
)
def test_areas(tmp_path: Path, file: str, text: str, area: Area) -> None:
    parsed = project(tmp_path, {file: text})
    assert parsed.area(parsed.modules[0]) is area


@pytest.mark.parametrize("name", ["service", "models", "repos"])
def test_a_domain_that_is_called_like_a_layer(tmp_path: Path, name: str) -> None:
    folder = f"app/{name}"
    files = {"views": ROUTES, "service": "A = 1", "enums": "B = 1", "schemas": "C = 1"}
    parsed = project(tmp_path, {f"{folder}/{stem}.py": text for stem, text in files.items()})
    layers = {module.stem: parsed.layer(module) for module in parsed.modules}
    assert layers == {
        "views": Layer.ROUTER, "service": Layer.SERVICE, "enums": Layer.OTHER, "schemas": Layer.SCHEMAS
    }  # fmt: skip
    assert parsed.named_domains == {("app", name)}


def test_a_layers_folder_with_files_of_others_is_no_domain(tmp_path: Path) -> None:
    files = {
        "app/services/models.py": "A = 1",
        "app/services/schemas.py": "A = 1",
        "app/services/mail.py": "",
    }
    parsed = project(tmp_path, files)
    assert not parsed.named_domains


class TestAside:
    """Words for tests and scripts, which may be domains."""

    @pytest.mark.parametrize("name", ["notebooks", "tools", "docs", "fixtures", "dev", "testing", "versions"])
    def test_a_domain_that_serves_routes(self, tmp_path: Path, name: str) -> None:
        parsed = project(
            tmp_path,
            {
                "app/main.py": f"{APP}from app.{name}.router import router\napp.include_router(router)\n",
                f"app/{name}/router.py": f"from app.{name}.service import work\n{ROUTES}",
                f"app/{name}/service.py": "def work(): ...\n",
                f"app/{name}/unused.py": "",
            },
        )
        assert {m.file for m in parsed.application} == {
            "app/main.py", f"app/{name}/router.py", f"app/{name}/service.py"
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("file", "text"),
        [
            ("app/tools/search.py", "A = 1"),
            ("app/infra/database.py", "A = 1"),
            ("app/books/commands/create.py", "A = 1"),
            ("app/services/fixtures/plan.py", "A = 1"),
            ("app/services/setup.py", "A = 1"),
            ("app/models/blood_test.py", "A = 1"),
            ("app/routers/commands.py", ROUTES),
            ("app/api/test.py", ROUTES),
        ],
    )
    def test_what_the_application_imports(self, tmp_path: Path, file: str, text: str) -> None:
        name = file.removesuffix(".py").replace("/", ".")
        parsed = project(tmp_path, {"app/main.py": f"import {name}\n{APP}", file: text})
        assert len(parsed.application) == 2
        (tmp_path / "app/main.py").write_text(APP, encoding="utf-8")
        assert len(parse(tmp_path).application) == 1

    @pytest.mark.parametrize(
        ("file", "text"),
        [
            ("app/scripts/load.py", "A = 1"),
            ("app/seeds/load.py", "A = 1"),
            ("app/cli.py", "A = 1"),
            ("app/commands.py", "A = 1"),
            ("app/tests/router.py", ROUTES),
            ("app/db/migrations/env.py", "A = 1"),
        ],
    )
    def test_what_stays_aside_though_it_is_imported(self, tmp_path: Path, file: str, text: str) -> None:
        name = file.removesuffix(".py").replace("/", ".")
        parsed = project(tmp_path, {"app/main.py": f"import {name}\n{APP}", file: text})
        assert len(parsed.application) == 1

    def test_examples_of_their_own(self, tmp_path: Path) -> None:
        files = {"examples/shop/main.py": f"import shop.router\n{APP}", "examples/shop/router.py": ROUTES}
        assert project(tmp_path, files).application == ()

    def test_a_program_that_imports_tools(self, tmp_path: Path) -> None:
        files = {
            "app/main.py": APP,
            "admin.py": "import app.commands.users",
            "app/commands/users.py": "A = 1",
        }
        assert len(project(tmp_path, files).application) == 2


class TestBusiness:
    """``managers/`` and its like are services where routers use them and they use models."""

    MANAGER = "from app.models import Row\nclass BookManager: ...\n"
    WEB = "from fastapi import Request\n"

    @pytest.mark.parametrize(
        ("file", "text", "users", "layer"),
        [
            ("app/managers/book.py", MANAGER, ["app/routers/books.py"], Layer.SERVICE),
            ("app/books/manager.py", MANAGER, ["app/routers/books.py"], Layer.SERVICE),
            ("app/books/book_manager.py", MANAGER, ["app/routers/books.py"], Layer.SERVICE),
            ("app/bl/books_bl.py", MANAGER, ["app/routers/books.py"], Layer.SERVICE),
            ("app/managers/book.py", MANAGER, ["app/services/books.py"], Layer.OTHER),
            ("app/managers/book.py", MANAGER, ["app/routers/books.py", "app/services/books.py"], Layer.OTHER),
            (
                "app/managers/sockets.py",
                "class ConnectionManager: ...\n",
                ["app/routers/books.py"],
                Layer.OTHER,
            ),
            ("app/managers/book.py", MANAGER, [], Layer.OTHER),
            ("app/controllers/book.py", MANAGER, ["app/routers/books.py"], Layer.SERVICE),
            ("app/books/controller.py", MANAGER, ["app/routers/books.py"], Layer.SERVICE),
            ("app/controllers/book.py", MANAGER, ["app/services/books.py"], Layer.OTHER),
            ("app/controllers/book.py", "A = 1\n", ["app/routers/books.py"], Layer.OTHER),
            ("app/controllers/book.py", WEB + MANAGER, ["app/routers/books.py"], Layer.OTHER),
            ("app/routers/base/controller.py", MANAGER, ["app/routers/books.py"], Layer.OTHER),
            ("app/helpers/book.py", MANAGER, ["app/routers/books.py"], Layer.OTHER),
        ],
    )
    def test_who_uses_it_tells(
        self, tmp_path: Path, file: str, text: str, users: list[str], layer: Layer
    ) -> None:
        name = file.removesuffix(".py").replace("/", ".")
        files = {user: f"import {name}\n{ROUTES if 'router' in user else ''}" for user in users}
        parsed = project(tmp_path, {"app/models.py": TABLE, file: text, **files})
        found = parsed.find(file)
        assert found is not None
        assert parsed.layer(found) is layer

    def test_through_the_package(self, tmp_path: Path) -> None:
        parsed = project(
            tmp_path,
            {
                "app/models.py": TABLE,
                "app/managers/book.py": self.MANAGER,
                "app/managers/__init__.py": "from app.managers.book import BookManager\n",
                "app/routers/books.py": f"from app.managers import BookManager\n{ROUTES}",
            },
        )
        found = parsed.find("app/managers/book.py")
        assert found is not None
        assert parsed.layer(found) is Layer.SERVICE


class TestWorkers:
    """Modules with the names of workers, which may be domains."""

    @pytest.mark.parametrize(
        "files",
        [
            {"app/routers/tasks.py": ROUTES},
            {"app/models/task.py": TABLE},
            {"app/main.py": f"import app.jobs.clean\n{APP}", "app/jobs/clean.py": "A = 1"},
            {"app/jobs/router.py": ROUTES, "app/jobs/service.py": "import celery"},
            {"app/routers/books.py": f"import app.tasks\n{ROUTES}", "app/tasks.py": "async def tell(): ..."},
        ],
    )
    def test_web_code(self, tmp_path: Path, files: dict[str, str]) -> None:
        assert not project(tmp_path, files).workers

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("app/tasks.py", "from celery import shared_task"),
            ("app/tasks.py", "from app.queue import broker\n@broker.task\nasync def tell(): ..."),
            ("app/tasks/mail.py", "from arq import cron"),
            ("app/worker.py", "import asyncio\nasyncio.run(1)"),
            ("app/celery_app.py", "app = 1"),
        ],
    )
    def test_a_queues_modules_that_routers_import(self, tmp_path: Path, name: str, text: str) -> None:
        module = name.removesuffix(".py").replace("/", ".")
        parsed = project(tmp_path, {name: text, "app/routers/books.py": f"import {module}\n{ROUTES}"})
        assert {m.file for m in parsed.workers} == {name}

    def test_jobs_that_nothing_imports(self, tmp_path: Path) -> None:
        parsed = project(tmp_path, {"app/main.py": APP, "app/jobs/clean.py": "async def clean(): ..."})
        assert {m.file for m in parsed.workers} == {"app/jobs/clean.py"}


@pytest.mark.parametrize(
    ("statement", "layer"),
    [
        ("from modules.keys.store import load", Layer.OTHER),
        ("from fastapi import FastAPI\nimport config", Layer.OTHER),
        ("from services.billing.config import KEYS", Layer.SERVICE),
        ("from .config import KEYS", Layer.SERVICE),
    ],
)
def test_a_folder_of_whole_programs_is_no_layer(tmp_path: Path, statement: str, layer: Layer) -> None:
    files = {
        "services/billing/app.py": f"{statement}\n{APP}",
        "services/billing/config.py": "KEYS = 1\n",
        "services/billing/modules/keys/store.py": "def load(): ...\n",
        "services/billing/modules/keys/service.py": "def load(): ...\n",
        "services/mail/client.py": "def send(): ...\n",
    }
    parsed = project(tmp_path, files)
    layers = {module.file: parsed.layer(module) for module in parsed.modules}
    assert layers["services/billing/config.py"] is layers["services/mail/client.py"] is layer
    assert layers["services/billing/modules/keys/service.py"] is Layer.SERVICE


LENDING = '[project]\nname = "lending"\n'
TABLES = "import os\nprint(os.environ['TOKEN'])\n"


class TestDistributions:
    """Other distributions in the repository of the application."""

    @pytest.mark.parametrize(
        ("declared", "text", "main"),
        [
            ("", TABLES, APP),
            ('[project.scripts]\nlending = "lending.run:main"\n', TABLES, APP),
            ('[project.scripts]\nlending = "lending.run:main"\n', "from temporalio import client\n", APP),
            ("", "from app.main import app\n", APP),
        ],
    )
    def test_beside_the_application(self, tmp_path: Path, declared: str, text: str, main: str) -> None:
        files = {"pyproject.toml": LENDING + declared, "lending/__init__.py": "", "lending/run.py": text}
        parsed = project(
            tmp_path, {"app/main.py": main} | {f"packages/l/{name}": files[name] for name in files}
        )
        assert {module.file for module in parsed.application} == {"app/main.py"}

    @pytest.mark.parametrize(
        ("declared", "text", "main"),
        [
            ("", TABLES, "from lending.run import one\n" + APP),
            ("", TABLES, "import lending\n" + APP),
            ('dependencies = ["fastapi"]\n', TABLES, APP),
            ('[project.entry-points."app.plugins"]\na = "lending.run"\n', TABLES, APP),
            ("", "from celery import Celery\n", APP),
            ('[project.scripts]\nlending = "lending.run:main"\n', "from celery import Celery\n", APP),
            ("", ROUTES, APP),
            ("", TABLES, "A = 1\n"),
        ],
    )
    def test_of_the_application(self, tmp_path: Path, declared: str, text: str, main: str) -> None:
        files = {"pyproject.toml": LENDING + declared, "src/lending/run.py": text}
        parsed = project(
            tmp_path, {"app/main.py": main} | {f"packages/l/{name}": files[name] for name in files}
        )
        assert "packages/l/src/lending/run.py" in {module.file for module in parsed.application}

    def test_what_tests_import_stays_beside_the_application(self, tmp_path: Path) -> None:
        files = {
            "app/main.py": APP,
            "tests/test_lending.py": "from lending.run import one\n",
            "packages/l/pyproject.toml": LENDING,
            "packages/l/lending/run.py": TABLES,
        }
        assert [module.file for module in project(tmp_path, files).application] == ["app/main.py"]

    def test_a_file_that_only_configures_tools_makes_none(self, tmp_path: Path) -> None:
        files = {"jobs/pyproject.toml": "[tool.ruff]\n", "jobs/rates.py": TABLES, "app/main.py": APP}
        parsed = project(tmp_path, files)
        assert "jobs/rates.py" in {module.file for module in parsed.application}

    def test_libraries(self, tmp_path: Path) -> None:
        files = {"pyproject.toml": LENDING, "lending/run.py": TABLES}
        parsed = project(
            tmp_path,
            {"app/main.py": "import lending\n" + APP} | {f"packages/l/{name}": files[name] for name in files},
        )
        assert [module.file for module in parsed.libraries] == ["packages/l/lending/run.py"]


@pytest.mark.parametrize(
    ("file", "text", "layer"),
    [
        ("app/plugins/send-mail.py", "A = 1", Layer.SCRIPTS),
        ("2024_rates.py", "A = 1", Layer.SCRIPTS),
        ("shop-api.py", APP, Layer.MAIN),
        ("build_helpers/rates.py", "A = 1", Layer.SCRIPTS),
        ("app/form_tools/rates.py", "A = 1", Layer.OTHER),
    ],
)
def test_what_is_run_and_never_imported(tmp_path: Path, file: str, text: str, layer: Layer) -> None:
    parsed = project(tmp_path, {file: text})
    assert parsed.layer(parsed.modules[0]) is layer
