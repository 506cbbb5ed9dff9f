"""Copy projects from one index to another, or from a public index, and check the hash of each file.

Read this to see what `package-index mirror` copies, and what it leaves out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from .errors import BadInput, NotFound
from .files.distribution import Distribution
from .index import Index, Publication
from .remote import RemoteIndex


def copy(source: Index, target: Index, names: Sequence[str] = ()) -> Iterator[tuple[str, Publication]]:
    """Copy projects from one index to another, including yanks; files that the target has are not changed.

    Args:
        source: The index to copy from.
        target: The index to copy to.
        names: Names of projects; by default all projects.

    Yields:
        Each project's name, and which of its files are new.

    Raises:
        NotFound: The source has no such project.
        Conflict: The target has a file with other content, or has deleted it.
        StoreError: A store does not answer.
    """
    for name in names or sorted(source.root().entries):
        project = source.project(name)
        files = [
            Distribution.from_bytes(each.filename, source.store.get(source.file_key(project.name, each.filename)).body)
            for each in project.sorted_files()
        ]
        for each in files:
            if each.sha256 != project.files[each.filename].sha256:
                raise BadInput(f"{each.filename} has changed since it was published: run package-index verify")
        done = target.publish(files, tracks=project.tracks)
        for file in project.sorted_files():
            if file.yanked is not None:
                target.yank(project.name, file.filename, file.yanked)
        yield project.name, done


def fetch(source: RemoteIndex, target: Index, requirements: Sequence[str]) -> Iterator[tuple[str, Publication]]:
    """Copy files from another index: all files of the versions that requirements allow, except yanked ones.

    Dependencies are not followed: name every project, as a lock file does.

    Args:
        source: The index to copy from.
        target: The index to copy to.
        requirements: `NAME`, `NAME==1.2`, `NAME>=1,<2`.

    Yields:
        Each project's name, and which of its files are new.

    Raises:
        BadInput: A requirement is not valid, or a file is refused.
        NotFound: The source has no such project, or no allowed version.
        StoreError: The source or the store does not answer, or a file does not have the hash that the source says.
    """
    parsed = [_requirement(each) for each in requirements]
    for each in parsed:
        wanted = [
            remote
            for remote in source.files(each.name)
            if remote.file.yanked is None and each.specifier.contains(remote.file.version)
        ]
        if not wanted:
            raise NotFound(f"{source.url} has no version of {each.name} that {each} allows")
        files = [Distribution.from_bytes(remote.file.filename, source.download(remote)) for remote in wanted]
        yield (
            canonicalize_name(each.name),
            target.publish(files, tracks=[f"{source.url}{canonicalize_name(each.name)}/"]),
        )


def _requirement(text: str) -> Requirement:
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise BadInput(f"{text!r} is not a valid requirement: write NAME or NAME==1.2") from error
    if requirement.url or requirement.marker or requirement.extras:
        raise BadInput(f"{text!r} has more than a name and versions: write NAME or NAME==1.2")
    return requirement
