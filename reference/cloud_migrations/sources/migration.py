"""A migration whose text was read from a source, as a subclass of yoyo's, so that yoyo can run it, too.

Read this to see how SQL and Python files are parsed, and how dependencies are found.
"""

from __future__ import annotations

import hashlib
import types
from collections.abc import Mapping
from typing import Any

import sqlparse
from yoyo.migrations import Migration, PostApplyHookMigration, StepCollector, parse_metadata_from_sql_comments

from reference.cloud_migrations.errors import BadMigrationFile

from .files import File


class SourceMigration(Migration):  # type: ignore[misc]
    """A migration of a source, with its text in memory.

    Dependencies are looked up among the migrations that were read together. yoyo looks them up among all migrations of
    the process, but two services may use the same names.

    Attributes:
        sha256: Hash of the migration file, without its rollback file.
        files: Hash of the migration file and of its rollback file, by name.
        versions: Version id of both files, by address; None if the source keeps no versions.
        untrusted: Whether it was read without credentials, and no manifest pins it: anyone may have written it.
    """

    def __init__(
        self, source: str, file: File, rollback: File | None, peers: Mapping[str, SourceMigration], untrusted: bool
    ) -> None:
        """Create a migration; its text is parsed when it is first needed.

        Args:
            source: The source as the caller gave it.
            file: The migration's file.
            rollback: The migration's rollback file, if it has one.
            peers: All migrations that are read together, by id.
            untrusted: Whether it was read without credentials, and no manifest pins it.
        """
        super().__init__(file.name.rpartition(".")[0], file.path, source_dir=source)
        self.sha256 = hashlib.sha256(file.content).hexdigest()
        self.files = {each.name: hashlib.sha256(each.content).hexdigest() for each in (file, rollback) if each}
        self.versions = {each.path: each.version for each in (file, rollback) if each}
        self.untrusted = untrusted
        self._file = file
        self._rollback = rollback
        self._peers = peers
        self._depends: set[SourceMigration] | None = None

    @property
    def depends(self) -> set[SourceMigration]:
        """The migrations that it depends on.

        Of a SQL file, only the comment at the top is parsed for this, so that thousands of migrations are sorted fast.

        Raises:
            BadMigrationFile: A dependency is missing, or the migration cannot be read.
        """
        if self._depends is None:
            if self.is_raw_sql():
                self._resolve(set(parse_metadata_from_sql_comments(_text(self._file))[0].get("depends", "").split()))
            else:
                self.load()
        return set(self._depends or ())

    def load(self) -> None:
        """Parse the migration; a migration in Python is executed, which defines its steps without running them.

        Raises:
            BadMigrationFile: The file is not UTF-8, a directive is wrong, a dependency is missing, or its Python code
                fails.
        """
        if self.loaded:
            return
        self.source = _text(self._file)
        collector = StepCollector(migration=self)
        module: Any = types.ModuleType(self.path)
        module.step = collector.add_step
        module.group = module.transaction = collector.add_step_group
        module.__yoyo_collector__ = collector
        if self.is_raw_sql():
            self._parse(module, collector)
        else:
            self._execute(module)
        self.module = module
        self.use_transactions = getattr(module, "__transactional__", True)
        names = getattr(module, "__depends__", ())
        self._resolve({names} if isinstance(names, str) else set(names))
        self.steps = collector.create_steps(self.use_transactions)

    def _resolve(self, names: set[str]) -> None:
        if missing := sorted(names - self._peers.keys()):
            raise BadMigrationFile(f"{self.path} depends on {', '.join(missing)}, which is in no source")
        self._depends = {self._peers[name] for name in names}

    def _parse(self, module: Any, collector: Any) -> None:
        directives, comment, statements = _split(self.source)
        undo = _split(_text(self._rollback))[2] if self._rollback else []
        # Like yoyo, this pairs the first statement with the last one of the rollback file.
        undo.reverse()
        for index in range(max(len(statements), len(undo))):
            collector.add_step(*(each[index] if index < len(each) else None for each in (statements, undo)))
        module.__doc__ = comment
        transactional = directives.get("transactional", "true").strip().lower()
        if transactional not in {"true", "false"}:
            raise BadMigrationFile(f"{self.path}: write -- transactional: true or false, not {transactional!r}")
        module.__transactional__ = transactional == "true"
        module.__depends__ = set(directives.get("depends", "").split())

    def _execute(self, module: Any) -> None:
        try:
            exec(compile(self.source, self.path, "exec"), module.__dict__)  # noqa: S102 - a migration is code
        except Exception as error:
            raise BadMigrationFile(f"{self.path} cannot be executed: {type(error).__name__}: {error}") from error


class SourceHook(SourceMigration, PostApplyHookMigration):  # type: ignore[misc]
    """A post-apply hook: a migration that runs each time after others were applied."""


def _split(sql: str) -> tuple[Mapping[str, str], str, list[str]]:
    """Return directives, leading comment and statements."""
    statements = sqlparse.split(sql)
    directives: Mapping[str, str] = {}
    comment = ""
    if statements:
        directives, comment, statements[0] = parse_metadata_from_sql_comments(statements[0])
    return directives, comment, [each for each in statements if each.strip()]


def _text(file: File) -> str:
    try:
        text = file.content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadMigrationFile(f"{file.path} is not UTF-8 at byte {error.start}: save it as UTF-8") from None
    if "\0" in text:  # a server would stop reading there, and run only a part
        raise BadMigrationFile(f"{file.path} holds a NUL character, as UTF-16 does: save it as UTF-8")
    return text
