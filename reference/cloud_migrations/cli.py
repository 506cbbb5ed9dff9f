"""The command `cloud-migrations`: show what is pending, and apply or undo migrations on many databases.

Read this to see which options a subcommand has, and which exit code an outcome.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from reference.command_line import BAD_INPUT, Command

from .errors import BadInput, CloudMigrationsError, SourceUnavailable

if TYPE_CHECKING:
    from yoyo.migrations import MigrationList

    from .databases.addresses import Database
    from .databases.connecting import Settings
    from .outcomes import Outcome
    from .report import Report
    from .running import Runner

NOT_DONE, NO_ANSWER = 1, 3

command = Command("cloud-migrations", extra="cloud-migrations")
app = command.application(
    no_args_is_help=True,
    help="Apply the migrations of a directory in S3, or elsewhere, to many databases.",
    epilog="Exit code: 1 when a database failed or was skipped (status: or anything is pending), 2 on bad input, "
    "3 when the source does not answer or refuses. Examples:  "
    "cloud-migrations plan -s s3://migrations/order_service/prod -d databases.toml  ·  "
    "cloud-migrations apply -s s3://migrations/order_service/prod -d databases.toml --first stage --report report.json",
)

Source = Annotated[
    list[str],
    typer.Option(
        "--source",
        "-s",
        metavar="SOURCE",
        help="s3://BUCKET/DIRECTORY, a local path, package:NAME:DIRECTORY or a URL of fsspec; several are merged.",
    ),
]
Databases = Annotated[
    list[str] | None,
    typer.Option(
        "--databases",
        "-d",
        metavar="FILE|URL",
        help='A URL, or a TOML file with a line NAME = "URL" for each database; ${NAME} is an environment variable.',
    ),
]
ShardingMeta = Annotated[
    str | None,
    typer.Option(
        envvar="SHARDING_META", help="Read the databases from the sharding service's meta database, postgresql://..."
    ),
]
Endpoint = Annotated[
    str | None, typer.Option("--endpoint-url", help="URL of an S3 server other than AWS; default: AWS_ENDPOINT_URL.")
]
Anonymous = Annotated[
    bool | None,
    typer.Option(
        "--anonymous/--signed",
        help="Whether requests to S3 are signed; by default they are if the SDK finds credentials.",
        show_default=False,
    ),
]
ManifestFile = Annotated[
    Path | None,
    typer.Option(
        "--manifest",
        help="Refuse files that differ from this list of hashes; the command manifest prints one.",
    ),
]
TrustPublic = Annotated[
    bool, typer.Option("--trust-public", help="Run migrations from a public bucket even if no manifest pins them.")
]
Parallel = Annotated[int, typer.Option(help="How many databases are migrated at the same time.")]
Allow = Annotated[
    list[str] | None,
    typer.Option(help="Ignore a contradiction in a database's history: edited, missing or out-of-order."),
]
First = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Migrate this database before all others; if it fails, skip all others."),
]
StopAfter = Annotated[int, typer.Option(help="Skip the remaining databases after this many failures.")]
Wait = Annotated[float, typer.Option(help="Seconds to wait for another runner on a database.")]
LockTimeout = Annotated[
    float, typer.Option(help="Seconds that a statement may wait for a lock; the application waits behind it.")
]
StatementTimeout = Annotated[float | None, typer.Option(help="Seconds that a statement may take.")]
Pooler = Annotated[bool, typer.Option("--pooler", help="Allow a connection pooler, which must be in session mode.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]
ReportFile = Annotated[Path | None, typer.Option("--report", help="Write the report as JSON into this file.")]


def _planning(verb: str, *, everything_done: bool) -> Callable[..., None]:
    """Return a command that shows the plan; with `everything_done`, it exits with 1 if anything is pending."""

    def run(
        source: Source,
        databases: Databases = None,
        sharding_meta: ShardingMeta = None,
        endpoint_url: Endpoint = None,
        anonymous: Anonymous = None,
        manifest: ManifestFile = None,
        trust_public: TrustPublic = False,
        allow: Allow = None,
        parallel: Parallel = 4,
        pooler: Pooler = False,
        as_json: AsJson = False,
        report: ReportFile = None,
    ) -> None:
        with _errors():
            from .databases.connecting import Settings
            from .outcomes import State

            migrations = _read(source, endpoint_url, anonymous, manifest)
            settings = Settings(pooler=pooler)
            runner = _runner(migrations, settings, allow, parallel=parallel, trust_public=trust_public)
            outcomes = runner.plan(_databases(databases, sharding_meta))
            _show(_report(verb, migrations, outcomes), as_json, report)
            if everything_done and any(each.state is not State.UP_TO_DATE for each in outcomes):
                raise typer.Exit(NOT_DONE)

    return run


app.command("plan", help="Show what apply would do; nothing is written to any database.")(
    _planning("plan", everything_done=False)
)
app.command("status", help="As plan, but with exit code 1 unless every database is up to date.")(
    _planning("status", everything_done=True)
)


@app.command()
def apply(
    source: Source,
    databases: Databases = None,
    sharding_meta: ShardingMeta = None,
    endpoint_url: Endpoint = None,
    anonymous: Anonymous = None,
    manifest: ManifestFile = None,
    trust_public: TrustPublic = False,
    allow: Allow = None,
    first: First = None,
    parallel: Parallel = 4,
    stop_after: StopAfter = 1,
    wait: Wait = 10.0,
    lock_timeout: LockTimeout = 5.0,
    statement_timeout: StatementTimeout = None,
    pooler: Pooler = False,
    always_hooks: Annotated[
        bool, typer.Option("--always-hooks", help="Run post-apply hooks even if nothing was pending.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="The same as plan.")] = False,
    resume: Annotated[
        Path | None, typer.Option(help="Skip the databases that are done according to this report.")
    ] = None,
    as_json: AsJson = False,
    report: ReportFile = None,
) -> None:
    """Apply all pending migrations to every database."""
    with _errors():
        migrations = _read(source, endpoint_url, anonymous, manifest)
        settings = _settings(wait, lock_timeout, statement_timeout, pooler)
        runner = _runner(
            migrations,
            settings,
            allow,
            parallel=parallel,
            stop_after=stop_after,
            always_hooks=always_hooks,
            trust_public=trust_public,
        )
        everyone = _databases(databases, sharding_meta)
        if dry_run:
            _show(_report("plan", migrations, runner.plan(everyone)), as_json, report)
            return
        earlier = None if resume is None else _earlier(resume)
        due = everyone if earlier is None else earlier.remaining(everyone, _digest(migrations))
        canaries = [name for name in first or () if earlier is None or name in {each.name for each in due}]
        with _rows_on_standard_error():
            outcomes = runner.apply(due, first=canaries, progress=_progress) if due else []
        now = _report("apply", migrations, outcomes)
        _show(now if earlier is None else earlier.completed_by(now), as_json, report)


@app.command()
def rollback(
    source: Source,
    last: Annotated[int, typer.Option(help="How many of the applied migrations to undo, the last one first.")],
    databases: Databases = None,
    sharding_meta: ShardingMeta = None,
    endpoint_url: Endpoint = None,
    anonymous: Anonymous = None,
    manifest: ManifestFile = None,
    trust_public: TrustPublic = False,
    allow: Allow = None,
    first: First = None,
    parallel: Parallel = 4,
    stop_after: StopAfter = 1,
    wait: Wait = 10.0,
    lock_timeout: LockTimeout = 5.0,
    statement_timeout: StatementTimeout = None,
    pooler: Pooler = False,
    as_json: AsJson = False,
    report: ReportFile = None,
) -> None:
    """Undo the last migrations of every database by their rollback files."""
    with _errors():
        migrations = _read(source, endpoint_url, anonymous, manifest)
        settings = _settings(wait, lock_timeout, statement_timeout, pooler)
        runner = _runner(
            migrations, settings, allow, parallel=parallel, stop_after=stop_after, trust_public=trust_public
        )
        everyone = _databases(databases, sharding_meta)
        with _rows_on_standard_error():
            outcomes = runner.roll_back(everyone, last, first=first or (), progress=_progress)
        _show(_report("rollback", migrations, outcomes), as_json, report)


@app.command("manifest")
def write_manifest(
    source: Source,
    endpoint_url: Endpoint = None,
    anonymous: Anonymous = None,
    versions: Annotated[
        bool,
        typer.Option("--versions", help="Also pin the versions of S3 objects; --manifest then reads these versions."),
    ] = False,
) -> None:
    """Print the hashes of a source's files in the format of sha256sum; keep the output under version control."""
    with _errors():
        from .sources.manifest import Manifest

        migrations = _read(source, endpoint_url, anonymous, None)
        typer.echo(str(Manifest.of(migrations, versions=versions)), nl=False)


@contextmanager
def _errors() -> Generator[None]:
    # The libraries would also log the errors that the command reports in one sentence.
    for name in ("yoyo", "botocore", "boto3"):
        logging.getLogger(name).addHandler(logging.NullHandler())
    codes: Mapping[type[Exception], int] = {
        BadInput: BAD_INPUT,
        SourceUnavailable: NO_ANSWER,
        CloudMigrationsError: NO_ANSWER,
    }
    with command.errors(codes):
        yield


def _read(source: list[str], endpoint_url: str | None, anonymous: bool | None, manifest: Path | None) -> MigrationList:
    from .sources.manifest import Manifest
    from .sources.reading import read_migrations

    pinned = None if manifest is None else Manifest.parse(_text(manifest))
    return read_migrations(*source, endpoint_url=endpoint_url, anonymous=anonymous, manifest=pinned)


def _databases(named: list[str] | None, sharding_meta: str | None) -> list[Database]:
    from .databases.addresses import from_sharding_service, parse

    # The variable of the meta database may be set for another command, so that databases on the command line win.
    if named:
        return parse(named)
    return from_sharding_service(sharding_meta) if sharding_meta else []


def _settings(wait: float, lock_timeout: float, statement_timeout: float | None, pooler: bool) -> Settings:
    from .databases.connecting import Settings

    return Settings(wait_for_runner=wait, lock_timeout=lock_timeout, statement_timeout=statement_timeout, pooler=pooler)


def _runner(migrations: MigrationList, settings: Settings, allow: list[str] | None, **options: Any) -> Runner:
    from .databases.planning import Contradiction, Migrations
    from .running import Runner

    try:
        allowed = {Contradiction(each) for each in allow or ()}
    except ValueError as error:
        raise BadInput(f"{error}: --allow takes {', '.join(Contradiction)}") from None
    return Runner(Migrations(migrations), settings, allowed, **options)


def _digest(migrations: MigrationList) -> str:
    from .sources.manifest import Manifest

    return Manifest.of(migrations).digest()


def _report(what: str, migrations: MigrationList, outcomes: list[Outcome]) -> Report:
    from .report import Report

    return Report(what, _digest(migrations), outcomes)


def _earlier(path: Path) -> Report:
    from .report import Report

    return Report.from_json(_text(path))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _rows_on_standard_error() -> redirect_stdout[TextIO]:
    """Keep the rows that yoyo prints for a SELECT out of the report."""
    return redirect_stdout(sys.stderr)


def _progress(outcome: Outcome) -> None:
    typer.echo(f"{outcome.database}: {outcome.state} ({outcome.seconds:.1f} s)", err=True)


def _show(report: Report, as_json: bool, file: Path | None) -> None:
    if file is not None:
        try:
            file.write_text(report.to_json() + "\n", encoding="utf-8")
        except OSError as error:
            raise BadInput(f"the report cannot be written to {file}: {error.strerror}") from None
    if as_json:
        typer.echo(report.to_json())
    else:
        for database, state, migrations, remarks in report.rows():
            typer.echo(f"{database}\t{state}\t{migrations}\t{remarks}".rstrip())
    if not report.good:
        raise typer.Exit(NOT_DONE)
