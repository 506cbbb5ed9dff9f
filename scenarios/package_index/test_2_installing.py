"""Installing by pip, uv and poetry: from the object store, from the standard library's server, and the right one."""

import subprocess
import sys

import pytest
import requests

from fixtures.services.runtimes.ports import free_ports
from fixtures.waiting import eventually
from scenarios.package_index.installers import InstallFailed
from scenarios.package_index.projects import common, made

WORKS = "from common import create_histogram; print(create_histogram('latency')(7))"
ORIGIN = "import common; print(common.ORIGIN)"

POETRY = """\
[project]
name = "service"
version = "1"
requires-python = ">=3.11,<4"
dependencies = [{dependencies}]

[tool.poetry]
package-mode = false
"""
UV = """\
[project]
name = "service"
version = "1"
requires-python = ">=3.11"
dependencies = ["common"]

[[tool.uv.index]]
url = "{public}"
default = true

[[tool.uv.index]]
name = "devtools"
url = "{private}"
explicit = true

[tool.uv.sources]
common = {{ index = "devtools" }}
"""


class TestFromTheObjectStore:
    @pytest.mark.claim("idx-4")
    @pytest.mark.parametrize("installer", ["pip", "uv"])
    def test_installer_takes_the_package_from_the_website(self, installer, index, index_url, clean):
        index.publish([common()])

        getattr(clean, installer)("--index-url", index_url, "common")

        assert clean.evaluate(WORKS) == "[0, 0, 1, 0]"

    @pytest.mark.claim("idx-4")
    def test_poetry_installs_the_url_of_the_file(self, index, website, clean, evidence):
        index.publish([common()])
        url = f"{website}/packages/devtools/common/{common().filename}"

        clean.poetry(POETRY.format(dependencies=""), "add", url)

        assert clean.evaluate(WORKS) == "[0, 0, 1, 0]"
        evidence.text("what Poetry says", clean.output)

    @pytest.mark.parametrize("installer", ["pip", "uv"])
    def test_local_version_is_installed(self, installer, index, index_url, clean):
        """Its file has a plus in its name, which S3 takes for a blank unless it is quoted."""
        index.publish([common("0.1.2+ours.1")])

        getattr(clean, installer)("--index-url", index_url, "common==0.1.2+ours.1")

        assert clean.evaluate(WORKS) == "[0, 0, 1, 0]"

    @pytest.mark.claim("idx-4")
    def test_pip_chooses_by_metadata_and_python_version(self, index, index_url, clean):
        index.publish([common(), common("0.2.0", requires_python="<3"), common("0.1.3")])
        index.yank("common", "0.1.3", "loses log lines")

        output = clean.pip("-vv", "--index-url", index_url, "common")

        assert "Successfully installed common-0.1.2" in output
        assert f"{common().filename}.metadata" in output

    @pytest.mark.claim("idx-5")
    def test_standard_server_serves_a_copy_of_the_index(self, index, bucket, command, clean, tmp_path):
        index.publish([common()])
        folder = tmp_path / "copy"
        assert command("mirror", f"s3://{bucket}", store=folder) == (0, "common: 1 copied, 0 unchanged\n")
        port = free_ports(["http"])["http"]
        words = ["-m", "http.server", "-b", "127.0.0.1", "-d", str(folder), str(port)]
        server = subprocess.Popen([sys.executable, *words], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            url = f"http://127.0.0.1:{port}/simple/devtools/"
            eventually(lambda: requests.get(url, timeout=5).ok, within=30, despite=requests.ConnectionError)
            clean.pip("--index-url", url, "common")
        finally:
            server.kill()
            server.wait()

        assert clean.evaluate(WORKS) == "[0, 0, 1, 0]"


class TestTheUrl:
    """An object store lists no folder, and its REST endpoint has no page for one."""

    @pytest.fixture
    def urls(self, way, rest, index_url):
        """URL that pip is given: of the files' folder, or of the index at the REST endpoint; the right one for both."""
        if way == "corrected":
            return {"files": index_url, "endpoint": index_url}
        return {"files": f"{rest}/packages/devtools/", "endpoint": f"{rest}/simple/devtools/"}

    @pytest.mark.claim("idx-7", "files", shows="published", fails_with="^Failed: DID NOT RAISE")
    def test_published_url_of_the_files_installs_nothing(self, index, urls, clean):
        index.publish([common()])

        with pytest.raises(InstallFailed, match="No matching distribution found for common"):
            clean.pip("--index-url", urls["files"], "common")

    @pytest.mark.claim("idx-7", "files", shows="corrected", fails_with="^scenarios.*InstallFailed|^InstallFailed")
    def test_url_of_the_index_installs_the_package(self, index, urls, clean):
        index.publish([common()])

        clean.pip("--index-url", urls["files"], "common")

        assert clean.evaluate(ORIGIN) == "ours"

    @pytest.mark.claim("idx-7", "endpoint", shows="published", fails_with="^AssertionError: assert 200 == 404")
    def test_published_endpoint_has_no_page_for_a_folder(self, index, urls):
        index.publish([common()])

        assert requests.get(f"{urls['endpoint']}common/index.html", timeout=5).status_code == 200
        assert requests.get(f"{urls['endpoint']}common/", timeout=5).status_code == 404

    @pytest.mark.claim("idx-7", "endpoint", shows="corrected", fails_with="^AssertionError: assert 404 == 200")
    def test_website_endpoint_has_a_page_for_a_folder(self, index, urls):
        index.publish([common()])

        assert requests.get(f"{urls['endpoint']}common/", timeout=5).status_code == 200


class TestTwoIndexes:
    """A public index has a project of the same name, with a higher version."""

    @pytest.fixture
    def indexes(self, index, public):
        url, everybody = public
        index.publish([common()])
        everybody.publish([common("9.9.9", "theirs"), made("telemetry", "1.0", "theirs")])
        return url

    @pytest.mark.claim("idx-6", "pip", shows="published", fails_with="^AssertionError: assert 'ours' == 'theirs'")
    def test_published_extra_index_takes_the_public(self, way, indexes, index_url, serving, clean, evidence):
        installed_by_pip(way, clean, indexes, index_url, serving)

        assert clean.evaluate(ORIGIN) == "theirs"
        evidence.text("what pip says", clean.output)

    @pytest.mark.claim("idx-6", "pip", shows="corrected", fails_with="^AssertionError: assert 'theirs' == 'ours'")
    def test_single_index_keeps_the_private_name(self, way, indexes, index_url, serving, clean):
        installed_by_pip(way, clean, indexes, index_url, serving)

        assert clean.evaluate(ORIGIN) == "ours"
        assert clean.evaluate("import telemetry; print(telemetry.ORIGIN)") == "theirs"

    @pytest.mark.claim("idx-6", "hashes", shows="published", fails_with="^AssertionError: assert 'ours' == 'theirs'")
    def test_published_line_takes_the_public_file(self, way, indexes, index_url, clean, tmp_path):
        clean.pip("--index-url", indexes, "--extra-index-url", index_url, *requirement(way, tmp_path))

        assert clean.evaluate(ORIGIN) == "theirs"

    @pytest.mark.claim("idx-6", "hashes", shows="corrected", fails_with="^AssertionError: assert 'theirs' == 'ours'")
    def test_hash_takes_the_private_file(self, way, indexes, index_url, clean, tmp_path):
        clean.pip("--index-url", indexes, "--extra-index-url", index_url, *requirement(way, tmp_path))

        assert clean.evaluate(ORIGIN) == "ours"

    @pytest.mark.claim("idx-6", "uv", shows="published", fails_with="^AssertionError: assert 'ours' == 'theirs'")
    def test_published_order_in_uv_takes_the_public_name(self, way, indexes, index_url, clean):
        installed_by_uv(way, clean, indexes, index_url)

        assert clean.evaluate(ORIGIN) == "theirs"

    @pytest.mark.claim("idx-6", "uv", shows="corrected", fails_with="^AssertionError: assert 'theirs' == 'ours'")
    def test_explicit_index_keeps_the_private_name_in_uv(self, way, indexes, index_url, clean):
        installed_by_uv(way, clean, indexes, index_url)

        assert clean.evaluate(ORIGIN) == "ours"

    @pytest.mark.claim("idx-6", "poetry", shows="published", fails_with="^AssertionError: assert 'ours' == 'theirs'")
    def test_published_second_source_takes_the_public(self, way, indexes, index_url, clean):
        installed_by_poetry(way, clean, indexes, index_url)

        assert clean.evaluate(ORIGIN) == "theirs"

    @pytest.mark.claim("idx-6", "poetry", shows="corrected", fails_with="^AssertionError: assert 'theirs' == 'ours'")
    def test_explicit_source_keeps_the_private_name(self, way, indexes, index_url, clean):
        installed_by_poetry(way, clean, indexes, index_url)

        assert clean.evaluate(ORIGIN) == "ours"


def installed_by_pip(way, clean, public, private, serving):
    """Install with the private index as an extra one, or with one index for both."""
    if way == "published":
        clean.pip("--index-url", public, "--extra-index-url", private, "common", "telemetry")
    else:
        clean.pip("--index-url", f"{serving('--upstream', public)}/simple/devtools/", "common", "telemetry")


def requirement(way, folder):
    if way == "published":
        return ["common"]
    file = folder / "requirements.txt"
    file.write_text(f"common==0.1.2 --hash=sha256:{common().sha256}\n")
    return ["--require-hashes", "-r", str(file)]


def installed_by_uv(way, clean, public, private):
    if way == "published":
        words = ["--index-strategy", "unsafe-best-match"]
        clean.uv(*words, "--index-url", public, "--extra-index-url", private, "common")
    else:
        clean.uv_project(UV.format(public=public, private=private))


def installed_by_poetry(way, clean, public, private):
    sources = f'[[tool.poetry.source]]\nname = "public"\nurl = "{public}"\n\n'
    sources += f'[[tool.poetry.source]]\nname = "devtools"\nurl = "{private}"\n'
    if way == "corrected":
        sources += 'priority = "explicit"\n\n[tool.poetry.dependencies]\ncommon = { source = "devtools" }\n'
    clean.poetry(POETRY.format(dependencies='"common"') + "\n" + sources, "install", "--no-root")
