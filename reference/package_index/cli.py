"""The command `package-index`: publish, yank and delete packages, check and copy an index, and serve it.

Read this to see which function of the library a subcommand calls, and which exit code an error has.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from reference.command_line import BAD_INPUT, Command

from .errors import BadInput, BuildFailed, Conflict, NotFound, PackageIndexError, StoreError

if TYPE_CHECKING:
    from .index import Index

PROBLEMS, NO_ANSWER = 1, 3
CODES: Mapping[type[Exception], int] = {
    BadInput: BAD_INPUT,
    BuildFailed: PROBLEMS,
    Conflict: PROBLEMS,
    NotFound: PROBLEMS,
    StoreError: NO_ANSWER,
    PackageIndexError: PROBLEMS,
}

command = Command("package-index", extra="package-index")
app = command.application(
    no_args_is_help=True,
    help="Keep an index of Python packages in a bucket or a folder.",
    epilog="Exit code: 1 when a project or file was not found, a command failed, or the index has a problem, 2 on bad "
    "input, 3 when the store does not answer or refuses. "
    "Examples:  package-index --store s3://packages --team devtools publish .  ·  "
    "package-index yank common 0.1.1 --why 'loses log lines'  ·  package-index verify",
)

Name = Annotated[str, typer.Argument(help="Name of the project.")]
What = Annotated[str, typer.Argument(help="A version, or the name of a file.")]


@app.callback()
def options(
    context: typer.Context,
    store: Annotated[
        str, typer.Option(envvar="PACKAGE_INDEX_STORE", help="s3://BUCKET/PREFIX, file:///FOLDER, or a folder's path.")
    ] = "",
    team: Annotated[str, typer.Option(envvar="PACKAGE_INDEX_TEAM", help="Name of the team that owns the index.")] = "",
    endpoint: Annotated[
        str | None, typer.Option(envvar="AWS_ENDPOINT_URL_S3", help="URL of an S3 server other than AWS'.")
    ] = None,
    lock: Annotated[
        Path | None,
        typer.Option(help="Lock file that all publishers share; needed if the S3 server has no conditional writes."),
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who makes the change; by default the user of this machine.")] = None,
) -> None:
    """Take the options of all commands: the store, the team, and who makes a change."""

    def open_index() -> Index:
        from .index import Index
        from .stores import open_store

        if not store or not team:
            raise BadInput("name the index: --store s3://BUCKET --team TEAM, or PACKAGE_INDEX_STORE and _TEAM")
        return Index(open_store(store, endpoint=endpoint, lock=lock), team, by=by)

    context.obj = open_index


@app.command()
def publish(
    context: typer.Context,
    what: Annotated[
        list[Path], typer.Argument(help="Wheels, source distributions, or folders of projects, which are built first.")
    ],
    isolation: Annotated[
        bool, typer.Option(help="Install the build backend into a new environment, instead of using an installed one.")
    ] = True,
    python: Annotated[
        Path | None, typer.Option(help="Interpreter with an installed build backend; nothing is installed then.")
    ] = None,
    tracks: Annotated[
        list[str] | None, typer.Option(help="URL of the project's page on another index that it tracks (PEP 708).")
    ] = None,
) -> None:
    """Publish files, or build a project and publish its wheel and source distribution."""
    with _index(context) as index, TemporaryDirectory() as output:
        from .files import Distribution
        from .files.building import build

        files: list[Path] = []
        for path in what:
            if path.is_dir():
                files += build(path, Path(output), python=python, isolated=isolation)
            else:
                files.append(path)
        # All are read and checked before the first is uploaded.
        done = index.publish([Distribution.from_path(file) for file in files], tracks=tracks or ())
        for filename in done.added:
            typer.echo(f"published {filename}")
        for filename in done.unchanged:
            typer.echo(f"unchanged {filename}")


@app.command()
def yank(
    context: typer.Context,
    name: Name,
    what: What,
    why: Annotated[str, typer.Option(help="The reason, which installers show.")] = "",
) -> None:
    """Yank a version or file: an installer then uses it only if its exact version is requested."""
    with _index(context) as index:
        _say("yanked", index.yank(name, what, why))


@app.command()
def unyank(
    context: typer.Context, name: Name, what: What, why: Annotated[str, typer.Option(help="The reason.")] = ""
) -> None:
    """Undo a yank."""
    with _index(context) as index:
        _say("unyanked", index.unyank(name, what, why))


@app.command()
def delete(
    context: typer.Context, name: Name, what: What, why: Annotated[str, typer.Option(help="The reason.")]
) -> None:
    """Delete a version or file permanently; its file names can never be published again."""
    with _index(context) as index:
        _say("deleted", index.delete(name, what, why))


@app.command()
def reindex(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Name of a project; by default all projects.")] = None,
) -> None:
    """Make pages and files consistent again, after a crash or a manual change."""
    with _index(context) as index:
        from .reindexing import reindex

        for line in reindex(index, name):
            typer.echo(line)


@app.command()
def verify(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print each problem as a JSON object on a line.")] = False,
) -> None:
    """Read every page and file, and show where they are inconsistent; exit code 1 if they are."""
    with _index(context) as index:
        from .verification import verify

        problems = list(verify(index))
        for problem in problems:
            line = json.dumps(vars(problem)) if as_json else f"{problem.kind}: {problem.says} ({problem.key})"
            typer.echo(line)
        if problems:
            raise typer.Exit(PROBLEMS)


@app.command()
def audit(
    context: typer.Context,
    public: Annotated[
        str | None, typer.Option(help="URL of a public index: warn of names that it also has, and of similar ones.")
    ] = None,
    near: Annotated[bool, typer.Option(help="Also look up misspellings of the names on the public index.")] = True,
    changes: Annotated[bool, typer.Option(help="List all changes, each with person, time and reason.")] = True,
) -> None:
    """List the changes of all projects, and warn of names that installers confuse; exit code 1 on a warning."""
    with _index(context) as index:
        from .remote import RemoteIndex
        from .verification import confusions

        for name in sorted(index.root().entries) if changes else ():
            for event in index.project(name).events:
                moment = event.at.isoformat(timespec="seconds")
                why = f": {event.why}" if event.why else ""
                typer.echo(f"{moment} {event.by} {event.action} {event.subject}{why}")
        warned = 0
        for each in confusions(index, RemoteIndex(public) if public else None, near=near):
            warned += 1
            typer.echo(f"warning: {each.says}", err=True)
        if warned:
            raise typer.Exit(PROBLEMS)


@app.command()
def mirror(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(help="Store of an index of the same team, or the URL of any index, https://HOST/simple/.")
    ],
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Names of projects of a store, or for a URL requirements such as 'requests==2.32.3'."),
    ] = None,
) -> None:
    """Copy projects from another index to this one, and check the hash of each file."""
    with _index(context) as index:
        from .index import Index
        from .mirroring import copy, fetch
        from .remote import RemoteIndex
        from .stores import open_store

        if source.startswith(("http://", "https://")):
            if not names:
                raise BadInput("name what to copy: package-index mirror URL NAME==VERSION ...")
            copied = fetch(RemoteIndex(source), index, names)
        else:
            endpoint = context.parent.params["endpoint"] if context.parent else None
            copied = copy(Index(open_store(source, endpoint=endpoint), index.team), index, names or ())
        for name, done in copied:
            typer.echo(f"{name}: {len(done.added)} copied, {len(done.unchanged)} unchanged")


@app.command()
def serve(
    context: typer.Context,
    bind: Annotated[str, typer.Option(help="HOST:PORT to listen on.")] = "127.0.0.1:8080",
    uploader: Annotated[
        list[str] | None,
        typer.Option(
            envvar="PACKAGE_INDEX_UPLOADERS",
            help="USER:PASSWORD who may upload; repeat the option, or separate several in the variable by blanks.",
        ),
    ] = None,
    reader: Annotated[
        list[str] | None,
        typer.Option(envvar="PACKAGE_INDEX_READERS", help="USER:PASSWORD who may read; without any, everybody may."),
    ] = None,
    upstream: Annotated[
        str | None, typer.Option(help="URL of the index in which projects are looked up that this one does not have.")
    ] = None,
    private: Annotated[
        list[str] | None, typer.Option(help="Pattern of names that are never looked up upstream, such as 'acme-*'.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="How many requests are answered at once.")] = 16,
) -> None:
    """Serve the index over HTTP until Ctrl-C, and accept uploads from twine, uv and poetry."""
    with _index(context) as index:
        from .remote import RemoteIndex
        from .serving.application import create_app, users
        from .serving.running import run

        application = create_app(
            index,
            uploaders=users(uploader or ()),
            readers=users(reader) if reader else None,
            upstream=RemoteIndex(upstream) if upstream else None,
            private=private or (),
        )
        run(application, bind, threads)


def _say(done: str, filenames: list[str]) -> None:
    for filename in filenames:
        typer.echo(f"{done} {filename}")


@contextmanager
def _index(context: typer.Context) -> Generator[Index]:
    with command.errors(CODES):
        yield context.obj()
