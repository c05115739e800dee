"""Imports go down only, and each third-party package has one home. The two tables below are the rule."""

import ast
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parent.parent

FLOORS = {
    "deployments": 4,  # starts processes; imported by nobody
    "webhook_server": 3,  # the two doors;
    "ui": 3,  # they never import each other
    "flows": 2,  # automations, engine, delivery, use-cases
    "nodes": 1,  # what a step can do; how each provider speaks
    "db": 0,  # settings, state, the rules about state; knows nobody
}

HOMES = {
    "sqlmodel": ["db/"],
    "sqlalchemy": ["db/"],
    "psycopg": ["db/"],
    "psycopg_pool": ["db/"],
    "pgvector": ["db/"],
    "cryptography": ["db/"],
    "argon2": ["db/"],
    "httpx": ["nodes/clients/"],
    "openai": ["nodes/clients/"],
    "twilio": ["nodes/clients/"],
    "smtplib": ["nodes/clients/"],
    "neonize": ["nodes/clients/"],
    "mcp": ["nodes/clients/"],
    "onnx": ["nodes/clients/"],
    "onnxruntime": ["nodes/clients/"],
    "tokenizers": ["nodes/clients/"],
    "langchain_text_splitters": ["nodes/chunk.py"],
    "trafilatura": ["nodes/extract_html.py"],
    "lxml": ["nodes/html_tree.py"],
    "pypdfium2": ["nodes/extract_pdf.py"],
    "docx": ["nodes/extract_office.py"],
    "pptx": ["nodes/extract_office.py"],
    "python_calamine": ["nodes/extract_office.py"],
    "charset_normalizer": ["nodes/extract_text.py"],
    "protego": ["nodes/clients/site_map.py"],
    "prefect": ["flows/", "deployments/schedules.py"],  # the latter serves the deployments, as an entry point
    "fastapi": ["webhook_server/"],
    "starlette": ["webhook_server/", "ui/"],  # the pages' own routes: sign-in, live stream
    "uvicorn": ["ui/app.py"],
    "streamlit": ["ui/"],
}

# What `db.engine` hands up: its callers name these in signatures and `except` lines, and get no door to the database by it.
HANDED_UP = {
    "sqlmodel": {"Session"},
    "sqlalchemy.engine": {"RowMapping"},
    "sqlalchemy.exc": {
        "DBAPIError",
        "DataError",
        "IntegrityError",
        "OperationalError",
        "SQLAlchemyError",
        "TimeoutError",
    },
}


def sources() -> list[Path]:
    return sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[str, list[str], int]]:
    """(module, names taken from it, line) of every import, also those inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, [], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, [alias.name for alias in node.names], node.lineno


def inside(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_every_floor_is_there() -> None:
    assert [floor for floor in FLOORS if not (ROOT / floor).is_dir()] == []


def test_imports_go_down_only() -> None:
    wrong = []
    for path in sources():
        own = inside(path).split("/")[0]
        for module, _, line in imports(path):
            other = module.split(".")[0]
            if other in FLOORS and other != own and FLOORS[other] >= FLOORS[own]:
                wrong.append(f"{inside(path)}:{line} imports {module}")
    assert wrong == []


def test_steps_do_not_import_provider_clients() -> None:
    wrong = [
        f"{inside(path)}:{line} imports {module}"
        for path in sorted((ROOT / "nodes").glob("*.py"))
        for module, _, line in imports(path)
        if module.startswith("nodes.clients") and module != "nodes.clients.channel"
    ]
    assert wrong == []


def test_no_floor_above_db_imports_tables() -> None:
    wrong = [
        f"{inside(path)}:{line}"
        for path in sources()
        for module, names, line in imports(path)
        if (module == "db.tables" or (module == "db" and "tables" in names)) and not inside(path).startswith("db/")
    ]
    assert wrong == []


@pytest.mark.parametrize("package", HOMES)
def test_a_package_is_imported_in_its_home_only(package: str) -> None:
    wrong = []
    for path in sources():
        for module, names, line in imports(path):
            handed_up = set(names) <= HANDED_UP.get(module, set()) and names != []
            if module.split(".")[0] == package and not handed_up and not _lives_in(path, HOMES[package]):
                wrong.append(f"{inside(path)}:{line} imports {module}")
    assert wrong == []


def test_nobody_imports_tests() -> None:
    assert [
        inside(path) for path in sources() for module, _, _ in imports(path) if module.split(".")[0] == "tests"
    ] == []


def test_no_module_has_the_name_of_a_package_it_could_hide() -> None:
    names = {PurePosixPath(inside(path)).stem for path in sources() if path.parent.name in FLOORS}
    assert names & set(HOMES) == set()


def test_packages_have_empty_init_files_or_the_list_of_their_parts() -> None:
    inits = [path for path in sources() if path.name == "__init__.py"]
    assert [inside(path) for path in inits if not lists_its_parts(ast.parse(path.read_text()))] == []


def lists_its_parts(tree: ast.Module) -> bool:
    """Nothing but a docstring, imports and `__all__`."""
    return all(
        isinstance(line, ast.ImportFrom | ast.Expr)
        or (isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "__all__")
        for line in tree.body
    )


def _lives_in(path: Path, homes: list[str]) -> bool:
    return any(inside(path) == home or (home.endswith("/") and inside(path).startswith(home)) for home in homes)
