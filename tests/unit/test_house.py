"""The house rules: what loads when, what stands in the lock, what the documents say."""

import ast
import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser

import antiphon

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "antiphon"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = ("locks/run.txt", "locks/dev.txt", "locks/bayes.txt")
EXTRAS = [line for lines in PROJECT["project"]["optional-dependencies"].values() for line in lines]
PAGES = ["README.md", *(str(page.relative_to(ROOT)) for page in sorted((ROOT / "docs" / "guide").glob("*.md")))]


def modules_loaded_by(code):
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}


def committed_files():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_help_loads_nothing_heavy():
    loaded = modules_loaded_by("from antiphon.cli import main\nmain(['--help'], standalone_mode=False)")
    assert not loaded & {"numba", "numpy", "scipy", "polars", "pydantic", "altair", "jinja2", "rich", "dataframely"}


def test_importing_the_package_loads_no_third_party_module():
    before = modules_loaded_by("")
    loaded = modules_loaded_by("import antiphon") - before
    assert loaded <= {"antiphon", *sys.stdlib_module_names}


def test_nothing_loads_an_extra_before_it_is_used():
    loaded = modules_loaded_by("import antiphon.inference, antiphon.resonance, antiphon.report")
    assert not loaded & {"arviz", "jax", "numpyro"}


def test_public_names_resolve():
    for name in antiphon.__all__:
        assert getattr(antiphon, name) is not None
    assert antiphon.__version__
    with pytest.raises(AttributeError, match="no attribute"):
        antiphon.no_such_name  # noqa: B018


def test_no_public_function_has_the_name_of_a_subpackage():
    packages = {module.name for module in pkgutil.iter_modules(antiphon.__path__) if module.ispkg}
    for package in packages:
        namespace = importlib.import_module(f"antiphon.{package}")
        functions = {name for name in getattr(namespace, "__all__", ()) if inspect.isfunction(getattr(namespace, name))}
        assert not functions & packages
    assert not set(antiphon.__all__) & packages


def test_only_one_file_names_the_compiler():
    users = [path.name for path in SOURCE.rglob("*.py") if "njit" in path.read_text(encoding="utf-8")]
    assert users == ["_compile.py"]


def test_every_dependency_is_imported_and_every_import_is_a_dependency():
    imported = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition(".")[0])
    third_party = {name.lower() for name in imported} - set(sys.stdlib_module_names) - {"antiphon", "msvcrt", "fcntl"}
    declared = {requirement_name(line) for line in [*PROJECT["project"]["dependencies"], *EXTRAS]}
    modules = {{"vl-convert-python": "vl_convert"}.get(name, name) for name in declared}
    # Time zones on Windows come from tzdata, and llvmlite is numba's other half: neither is a choice of its own.
    assert third_party - {"llvmlite"} == modules - {"tzdata"}


def requirement_name(line):
    return re.match(r"[A-Za-z0-9_.-]+", line)[0].lower().replace("_", "-")


def locked(lock):
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    return {requirement_name(line): line for line in text.splitlines() if line.strip() and not line.startswith("#")}


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_in_the_lock_is_pinned_and_hashed_and_has_no_address(lock):
    for line in locked(lock).values():
        assert re.search(r"^\S+==\S+", line)
        assert line.count("--hash=sha256:") >= 1
        assert "://" not in line
        assert " @ " not in line


def test_everything_in_the_project_is_in_the_lock():
    run = {requirement_name(line) for line in PROJECT["project"]["dependencies"]}
    dev = {requirement_name(line) for line in PROJECT["dependency-groups"]["dev"]}
    assert run <= set(locked("locks/run.txt"))
    assert run | dev <= set(locked("locks/dev.txt"))
    assert run | dev | {requirement_name(line) for line in EXTRAS} <= set(locked("locks/bayes.txt"))


def test_locks_agree():
    run, dev, bayes = (locked(lock) for lock in LOCKS)
    assert {name: dev.get(name) for name in run} == run
    assert {name: bayes.get(name) for name in dev} == dev


def test_no_committed_file_names_a_package_index():
    hosts = ["pypi" + ".org", "python" + "hosted", "anaconda" + ".org", "index" + "-url", "artifact" + "ory"]
    named = [
        (path.name, host)
        for path in committed_files()
        for host in hosts
        if host in path.read_bytes().decode("utf-8", errors="ignore").lower()
    ]
    assert named == []


def test_the_gate_is_make_test():
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_generated_pages_are_current():
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "refresh_docs.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, "run: make docs\n" + done.stdout + done.stderr


def test_every_field_of_the_findings_is_documented():
    def named(part):
        if isinstance(part, list):
            return {name for item in part for name in named(item)}
        if not isinstance(part, dict):
            return set()
        return set(part.get("properties", ())) | {name for item in part.values() for name in named(item)}

    page = (ROOT / "docs" / "reference" / "findings.md").read_text(encoding="utf-8")
    schema = json.loads((SOURCE / "release" / "findings.schema.json").read_text(encoding="utf-8"))
    assert {name for name in named(schema) if not re.search(rf"\b{name}\b", page)} == set()


def test_every_word_of_the_glossary_has_a_meaning_and_a_word_on_the_page():
    rows = [
        line.split(" | ")
        for line in (ROOT / "GLOSSARY.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    ]
    assert len(rows) > 30
    assert all(len(row) == 3 and all(cell.strip(" |") for cell in row) for row in rows)
    terms = [row[0] for row in rows[1:]]
    assert terms == sorted(terms, key=str.lower)


def code_blocks(page, language):
    blocks = []
    sybil = Sybil(parsers=[CodeBlockParser(language, evaluator=lambda example: blocks.append(example.parsed))])
    for example in sybil.parse(ROOT / page).examples():
        example.evaluate()
    return blocks


def test_toml_in_the_guide_is_accepted_as_it_stands():
    from antiphon.framework import load_vocabulary

    blocks = [block for page in PAGES for block in code_blocks(page, "toml")]
    assert blocks
    for block in blocks:
        settings = tomllib.loads(block)
        load_vocabulary().extended(
            **{name: settings[name] for name in ("roles", "kinds", "relations") if name in settings}
        )


def test_commands_in_the_pages_exist_with_their_options():
    from antiphon.cli import main

    context = main.make_context("antiphon", ["check"], resilient_parsing=True)
    lines = [line.strip() for page in PAGES for line in (ROOT / page).read_text(encoding="utf-8").splitlines()]
    commands = [line.partition("#")[0].split()[1:] for line in lines if line.startswith("antiphon ")]
    assert len(commands) > 5
    for name, *arguments in commands:
        command = main.get_command(context, name)
        assert command is not None, name
        known = {option for parameter in command.params for option in parameter.opts}
        assert {argument for argument in arguments if argument.startswith("-")} <= known


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#:]+)\)", text)
    assert [target for target in targets if not (ROOT / page).parent.joinpath(target).exists()] == []
