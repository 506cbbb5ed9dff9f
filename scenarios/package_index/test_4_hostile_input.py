"""Beyond the document: names, metadata and archives that do harm are refused, and reach neither bucket nor page."""

import pytest
import requests

from fixtures.distributions import metadata, tarred, wheel, zipped
from reference.package_index import create_app
from scenarios.package_index.projects import common

SCRIPT = '"><script>alert(1)</script>'
FILENAME = common().filename


def forged(described):
    return wheel("common", "0.1.2", described=described)[1]


# By what is wrong: the file, and what the refusal says.
HOSTILE = {
    "traversal in the name": ("../../x-1.0.tar.gz", b"x", "is not a valid file name of a distribution"),
    "markup in the name": (f"{SCRIPT}-1.0.tar.gz", b"x", "is not a valid file name of a distribution"),
    "line break in the name": ("common-1.0\n.tar.gz", b"x", "is not a valid file name of a distribution"),
    "a page as a package": ("index.html", b"<script>alert(1)</script>", "is neither the name of a wheel"),
    "markup in requires-python": (
        FILENAME,
        forged(metadata("common", "0.1.2", requires_python=f">=3{SCRIPT}")),
        "has an invalid requires-python",
    ),
    "another project's metadata": (FILENAME, forged(metadata("requests", "0.1.2")), "the metadata of 'requests 0.1.2'"),
    "another version's metadata": (FILENAME, forged(metadata("common", "9.9.9")), "the metadata of 'common 9.9.9'"),
    "path outside, wheel": (
        FILENAME,
        wheel("common", "0.1.2", more={"../../evil.py": b"x"})[1],
        "a path that leaves its folder",
    ),
    "path outside, sdist": (
        "common-0.1.2.tar.gz",
        tarred({"common-0.1.2/PKG-INFO": metadata("common", "0.1.2"), "/etc/evil": b""}),
        "a path that leaves its folder",
    ),
    "zip bomb": (FILENAME, wheel("common", "0.1.2", more={"zeros": bytes(70 << 20)})[1], "unpacks to more than"),
    "no wheel": (FILENAME, zipped({"readme": b"x"}), "is no wheel"),
    "damaged": (FILENAME, common().body[:-30], "is no archive of the kind"),
}


class TestHostileUploads:
    @pytest.mark.claim("idx-11")
    def test_hostile_uploads_never_reach_bucket_or_page(self, serving, index, keys, evidence):
        index.publish([common("0.1.1")])
        before = keys()
        url = f"{serving('--uploader', 'ann:secret')}/upload/devtools/"
        said = []

        for what, (filename, body, refusal) in HOSTILE.items():
            answer = requests.post(
                url, {":action": "file_upload"}, files={"content": (filename, body)}, auth=("ann", "secret"), timeout=30
            )
            assert answer.status_code == 400, what
            assert refusal in answer.text, what
            assert answer.headers["Content-Type"].startswith("text/plain")
            said.append({"upload": what, "answer": answer.text.strip()})

        assert keys() == before
        assert list(index.project("common").files) == [common("0.1.1").filename]
        evidence.table("what the server says", said)

    @pytest.mark.claim("idx-11")
    @pytest.mark.parametrize("what", [what for what, (filename, *_) in HOSTILE.items() if "/" not in filename])
    def test_hostile_file_is_refused_before_an_upload(self, what, command, keys, tmp_path):
        filename, body, refusal = HOSTILE[what]
        (tmp_path / filename).write_bytes(body)
        (tmp_path / common("0.1.1").filename).write_bytes(common("0.1.1").body)

        code, output = command("publish", tmp_path / common("0.1.1").filename, tmp_path / filename)

        assert code == 2
        assert output.startswith("package-index: ")
        assert refusal in output
        assert "Traceback" not in output
        assert keys() == []

    @pytest.mark.claim("idx-11")
    @pytest.mark.parametrize("path", ["..%2f..%2fetc/passwd", "common/..%2f..%2fx", "common/index.html", "x/..%00.whl"])
    def test_hostile_path_is_no_file_of_the_server(self, path, index, bucket):
        index.publish([common()])

        answer = create_app(index).test_client().get(f"/packages/devtools/{path}")

        assert answer.status_code in (400, 404)
        assert b"root:" not in answer.data

    @pytest.mark.claim("idx-11")
    def test_reason_with_markup_is_text_on_the_page(self, index, index_url):
        index.publish([common()])
        index.yank("common", "0.1.2", SCRIPT)

        page = requests.get(f"{index_url}common/", timeout=5).text

        assert "<script>" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
