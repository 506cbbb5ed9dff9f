"""Make an index consistent with its files again, after a crash or a manual change.

Read this to see what `package-index reindex` repairs, and what is lost when a record is damaged.
"""

from __future__ import annotations

from .errors import BadInput, NotFound
from .files.distribution import Distribution
from .index import Index
from .model import Project
from .names import project_name
from .stores import ABSENT


def reindex(index: Index, name: str | None = None) -> list[str]:
    """Repair an index, or one of its projects.

    A file that is not listed is checked and listed. A listed file that does not exist is removed from the list. An
    incomplete deletion is completed. Missing metadata and outdated pages are written. A damaged record is rebuilt from
    the files, without its yanks and deletions. Others may publish at the same time.

    Args:
        index: The index.
        name: Name of a project; by default all projects.

    Returns:
        A sentence about each repair.

    Raises:
        NotFound: There is no such project.
        StoreError: The store does not answer, or refuses.
    """
    done: list[str] = []
    with index.store.writing():
        if index.records.root_is_damaged():
            index.store.delete(index.records.root_key("index.json"))
            done.append("the first page was damaged and is rebuilt")
            name = None
        for each in index.stored_projects() if name is None else [project_name(name)]:
            done += _reindex(index, each)
    return done


def _reindex(index: Index, name: str) -> list[str]:
    done: list[str] = []
    stored = {key.rpartition("/")[2] for key in index.store.keys(index.file_key(name, ""))}
    known, version = index.records.read_or_new(name)
    damaged = version != ABSENT and not known.events
    if version == ABSENT and not stored:
        raise NotFound(f"{index.team} has no project {name!r}")
    found: list[Distribution] = []
    for filename in sorted(stored):
        if filename.endswith(".metadata") or filename in known.files or filename in known.deleted:
            continue
        try:
            found.append(_stored(index, name, filename))
        except BadInput as error:
            done.append(f"{name}: left out: {error}")

    def change(project: Project) -> Project:
        for filename in sorted(set(project.files) - stored):
            # The file may have been published after the files were listed.
            if index.store.version(index.file_key(name, filename)) == ABSENT:
                project = index.noted(project.without_file(filename), "reindex", filename, "the file does not exist")
        if damaged and not project.events:
            project = index.noted(project, "reindex", name, "the record was damaged")
        return index.with_files(project, [each for each in found if each.filename not in project.deleted])

    before = index.records.change(name, change, index.records.read_or_new)
    after, _ = index.records.read(name)
    done += [f"{name}: listed {each}" for each in sorted(after.files.keys() - before.files.keys())]
    done += [f"{name}: removed {each}, which does not exist" for each in sorted(before.files.keys() - after.files)]
    for filename in sorted({each.removesuffix(".metadata") for each in stored} & after.deleted.keys()):
        index.remove(name, filename)
        done.append(f"{name}: deleted the rest of {filename}")
    for filename, file in after.files.items():
        if file.metadata_sha256 and filename in stored and f"{filename}.metadata" not in stored:
            index.upload(_stored(index, name, filename))
            done.append(f"{name}: wrote the metadata of {filename}")
    return done


def _stored(index: Index, name: str, filename: str) -> Distribution:
    each = Distribution.from_bytes(filename, index.store.get(index.file_key(name, filename)).body)
    if each.project != name:
        raise BadInput(f"{filename} is in the folder of another project, {name}")
    return each
