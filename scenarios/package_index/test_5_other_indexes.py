"""What other tools offer: dumb-pypi, s3pypi, simple503 and pypiserver, each with the same files, beside ours."""

import contextlib

import pytest

from fixtures.venvs import venv
from reference import package_index
from reference.package_index import Distribution
from scenarios.package_index import peers


@pytest.mark.claim("idx-9")
def test_table_of_features_is_what_the_tools_show(
    index, index_url, serving, public, bucket, s3, website, tools, clean, tmp_path, evidence
):
    programs = venv("index_peers").program
    elsewhere, _ = public

    @contextlib.contextmanager
    def ours(_):
        index.publish(Distribution.from_bytes(*each) for each in peers.FILES)
        index.yank("common", "0.1.1", "loses log lines")
        server = serving("--uploader", "ann:secret", "--upstream", elsewhere)
        urls = {"uploads": f"{server}/upload/devtools/", "serves": f"{server}/simple/devtools/"}
        yield peers.Peer(index_url, lambda path: index.publish([Distribution.from_path(path)]), yanks=True, **urls)

    opened = {
        "dumb-pypi": lambda folder: peers.dumb_pypi(tools.program("dumb-pypi"), folder),
        "s3pypi": lambda folder: peers.s3pypi(programs("s3pypi"), folder, bucket, s3.url, website),
        "simple503": lambda folder: peers.simple503(programs("simple503"), folder),
        "pypiserver": lambda folder: peers.pypiserver(programs("pypi-server"), folder),
        "ours": ours,
    }

    def installs(url):
        clean.pip("--dry-run", "--ignore-installed", "--index-url", url, "common==0.1.2")

    columns = {}
    for name, open_peer in opened.items():
        folder = tmp_path / name / "files"
        folder.mkdir(parents=True)
        with open_peer(folder) as peer:
            columns[name] = peers.offered(peer, installs, tmp_path)

    evidence.table(
        "what each tool offers",
        [{"feature": each} | {n: c[each] for n, c in columns.items()} for each in peers.FEATURES],
    )
    assert peers.table(columns) in package_index.__doc__
