"""A package index on an object store: wheels and source distributions, published safely, for pip, uv and poetry.

The document says: build a project with Poetry, copy its file to a bucket, let a tool make a static index from a list
of file names, copy that too, open the bucket to readers, and let pip use the files' folder as an extra index.

**What holds.** A bucket and static pages are an index; installers need nothing else. Files are under
`packages/TEAM/PROJECT/`.

**What is corrected.**

- The record of published files is in the bucket, beside the files, and not a list on the disk of whoever deploys: a
  fresh checkout, a second project of the team and two publishers at once lose nothing. Pages are replaced by
  conditional writes.
- A file name is published once. A second publication with other content is refused; one with the same content changes
  nothing.
- The paths of wheel and source distribution come from the build backend's interface, not from a word of its output.
- An installer is given the URL of the index, not of the files' folder, on a website endpoint, which returns
  `index.html` for a folder.
- `--extra-index-url` lets a public package of the same name win. `serve --upstream` makes one index of the private
  and the public one, in which a private name is never looked up in public.

**What is added.** The standards' fields: hashes, requires-python, core metadata, sizes and times, yanking, `tracks`.
Deletions and yanks are recorded with person, time and reason. Hostile archives, names and metadata are refused.
`verify` shows what a crash left unfinished, and `reindex` completes it.

**What other tools offer.** dumb-pypi 1.15, s3pypi 2.0.1 (without its locks), simple503 0.4 and pypiserver 2.4 were each
filled with the same four files and queried over HTTP; a test compares this table with what they return. A dash means
that the tool does not manage files.

===============================  =========  ======  =========  ==========  ====
feature                          dumb-pypi  s3pypi  simple503  pypiserver  ours
===============================  =========  ======  =========  ==========  ====
pip installs                     yes        yes     yes        yes         yes
pages are files, no server runs  yes        yes     yes        no          yes
source distributions             yes        yes     no         yes         yes
normalised names                 yes        yes     yes        yes         yes
hashes                           yes        yes     yes        yes         yes
requires-python                  yes        no      yes        no          yes
core metadata (PEP 658)          yes        no      yes        no          yes
JSON (PEP 691)                   no         no      no         no          yes
sizes and times (PEP 700)        no         no      no         no          yes
yanking (PEP 592)                yes        no      no         no          yes
a name keeps its first content   -          yes     no         yes         yes
uploads over HTTP                no         no      no         yes         yes
other names found elsewhere      no         no      no         yes         yes
===============================  =========  ======  =========  ==========  ====

In Python::

    from pathlib import Path
    from reference.package_index import Distribution, Index, open_store

    index = Index(open_store("s3://packages"), team="devtools")
    index.publish([Distribution.from_path(Path("dist/common-0.1.2-py3-none-any.whl"))])
    index.yank("common", "0.1.1", why="loses log lines")

On the command line::

    package-index --store s3://packages --team devtools publish path/to/project
    package-index publish dist/*
    package-index yank common 0.1.1 --why "loses log lines"
    package-index verify
    package-index serve --upstream https://HOST/simple/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.exports import import_at_first_use

if TYPE_CHECKING:
    from .errors import BadInput, BuildFailed, Conflict, NotAllowed, NotFound, PackageIndexError, StoreError
    from .files import Distribution
    from .files.building import build
    from .index import Index, Publication
    from .model import Event, File, Project
    from .reindexing import reindex
    from .remote import RemoteIndex
    from .root import Entry, Root
    from .serving import create_app
    from .stores import open_store
    from .verification import Problem, confusions, verify

# Module by exported name: imported at first use, so that the command can report a missing library in one sentence.
_MODULES = {
    "BadInput": "errors",
    "BuildFailed": "errors",
    "Conflict": "errors",
    "Distribution": "files",
    "Entry": "root",
    "Event": "model",
    "File": "model",
    "Index": "index",
    "NotAllowed": "errors",
    "NotFound": "errors",
    "PackageIndexError": "errors",
    "Problem": "verification",
    "Project": "model",
    "Publication": "index",
    "RemoteIndex": "remote",
    "Root": "root",
    "StoreError": "errors",
    "build": "files.building",
    "confusions": "verification",
    "create_app": "serving",
    "open_store": "stores",
    "reindex": "reindexing",
    "verify": "verification",
}

__all__ = [
    "BadInput",
    "BuildFailed",
    "Conflict",
    "Distribution",
    "Entry",
    "Event",
    "File",
    "Index",
    "NotAllowed",
    "NotFound",
    "PackageIndexError",
    "Problem",
    "Project",
    "Publication",
    "RemoteIndex",
    "Root",
    "StoreError",
    "build",
    "confusions",
    "create_app",
    "open_store",
    "reindex",
    "verify",
]

__getattr__ = import_at_first_use(__name__, _MODULES)
