"""Before we begin, and getting started: a project is built, and its files and the index of the team go to S3."""

import contextlib
import json

import boto3
import pytest
import requests
from botocore import UNSIGNED
from botocore.client import Config
from botocore.exceptions import ClientError

from fixtures.distributions import metadata, wheel
from reference.package_index import Distribution
from scenarios.package_index import published
from scenarios.package_index.projects import common, made, poetry_project, source

POETRY_IS_BROKEN = "raise SystemExit('no')\n"


class TestTheScript:
    """What the script does, once it is given the right name of the built file."""

    @pytest.mark.claim("idx-1")
    def test_script_publishes_a_poetry_project(self, deployment, keys, tmp_path, evidence):
        script = deployment(poetry_project(tmp_path / "checkout"), "common", cut=published.by_name)

        script.deploy()
        script.deploy()

        assert "packages/devtools/common/common-0.1.2.tar.gz" in keys("packages/")
        pages = keys("dumb-pypi/devtools/index/")
        assert "dumb-pypi/devtools/index/index.html" in pages
        assert "dumb-pypi/devtools/index/simple/common/index.html" in pages
        assert script.list.read_text() == "common-0.1.2.tar.gz\n"
        evidence.text("the keys of the bucket", "\n".join(keys()))

    @pytest.mark.claim("idx-1")
    def test_script_keeps_its_list_sorted_and_unique(self, deployment, tmp_path):
        script = deployment(tmp_path, "common")
        script.list.write_text("common-0.1.2.tar.gz\ncommon-0.1.0.tar.gz\n")

        script.publish("common-0.1.1.tar.gz")
        script.publish("common-0.1.1.tar.gz")

        assert script.list.read_text().split() == [f"common-0.1.{patch}.tar.gz" for patch in range(3)]


class Script:
    """The document's script in checkouts, which are kept or fresh; and the library in its place."""

    def __init__(self, way, deployment, index, folder, command, tools, site):
        self.way, self.deployment, self.index, self.folder = way, deployment, index, folder
        self.command, self.tools, self.site = command, tools, site
        self.checkouts = 0

    def build_and_deploy(self, project):
        """Build a project of Poetry's and publish it; whether that ended without an error."""
        if self.way == "published":
            self.script = self.deployment(project, "common")
            self.script.deploy()
            return True
        code, self.output = self.command("publish", project, "--python", self.tools.python)
        return code == 0

    def deploy(self, distribution, *, fresh=False):
        """Publish a built file from the project's checkout, or from a fresh one."""
        if self.way == "corrected":
            self.index.publish([distribution])
            return
        self.checkouts += fresh
        checkout = self.folder / f"{distribution.project} {self.checkouts}"
        (checkout / "dist").mkdir(parents=True, exist_ok=True)
        (checkout / "dist" / distribution.filename).write_bytes(distribution.body)
        self.deployment(checkout, distribution.project).publish(distribution.filename)

    def page(self, path):
        """Return a page of the index, as the website has it."""
        folder = "dumb-pypi/devtools/index/" if self.way == "published" else "simple/devtools/"
        path = path if self.way == "published" else path.removeprefix("simple/")
        return requests.get(f"{self.site}/{folder}{path}", timeout=5).text


@pytest.fixture
def script(way, deployment, index, tmp_path, command, tools, website):
    return Script(way, deployment, index, tmp_path, command, tools, website)


class TestTheNameOfTheBuiltFile:
    """It is cut out of what Poetry prints, by its position."""

    @pytest.mark.claim("idx-8", "built file", shows="published", fails_with=r"^AssertionError: assert \['packages/")
    def test_published_script_finds_no_built_file(self, script, keys, tmp_path):
        assert script.build_and_deploy(poetry_project(tmp_path / "checkout"))

        assert keys("packages/") == []
        assert script.script.list.read_text() == "sdist\n"

    @pytest.mark.claim("idx-8", "built file", shows="corrected", fails_with=r"^AssertionError: assert \[\] == \[")
    def test_publishes_what_the_build_backend_reports(self, script, keys, tmp_path):
        assert script.build_and_deploy(poetry_project(tmp_path / "checkout"))

        assert [key for key in keys("packages/") if not key.endswith(".metadata")] == [
            "packages/devtools/common/common-0.1.2-py3-none-any.whl",
            "packages/devtools/common/common-0.1.2.tar.gz",
        ]

    @pytest.mark.claim("idx-8", "failed build", shows="published", fails_with="^AssertionError: assert False")
    def test_published_script_goes_on_after_a_failed_build(self, script, keys, tmp_path):
        project = poetry_project(tmp_path / "checkout")
        (project / "common" / "__init__.py").unlink()
        (project / "common").rmdir()

        assert script.build_and_deploy(project)

        assert script.script.list.read_text() == "sdist\n"

    @pytest.mark.claim("idx-8", "failed build", shows="corrected", fails_with=r"AssertionError: assert not True")
    def test_failed_build_publishes_nothing(self, script, keys, tmp_path):
        project = poetry_project(tmp_path / "checkout")
        (project / "common" / "__init__.py").unlink()
        (project / "common").rmdir()

        assert not script.build_and_deploy(project)

        assert keys() == []
        assert "cannot be built" in script.output


class TestTheTeamsIndex:
    """The list of packages lies in a checkout, and each checkout writes the whole index of the team."""

    @pytest.mark.claim("idx-10", "second project", shows="published", fails_with="assert 'common' not in ")
    def test_published_second_project_replaces_the_index(self, script):
        script.deploy(source("common"))
        script.deploy(source("second"))

        page = script.page("index.html")
        assert "second" in page
        assert "common" not in page

    @pytest.mark.claim(
        "idx-10", "second project", shows="corrected", fails_with=r"^AssertionError: assert 'common' in "
    )
    def test_second_project_is_added_to_the_index(self, script):
        script.deploy(source("common"))
        script.deploy(source("second"))

        page = script.page("index.html")
        assert "second" in page
        assert "common" in page

    @pytest.mark.claim("idx-10", "fresh checkout", shows="published", fails_with="0.1.1.tar.gz' not in ")
    def test_published_fresh_checkout_drops_old_versions(self, script):
        script.deploy(source("common", "0.1.1"))
        script.deploy(source("common", "0.1.2"), fresh=True)

        page = script.page("simple/common/index.html")
        assert "common-0.1.2.tar.gz" in page
        assert "common-0.1.1.tar.gz" not in page

    @pytest.mark.claim(
        "idx-10", "fresh checkout", shows="corrected", fails_with=r"AssertionError: assert 'common-0.1.1"
    )
    def test_fresh_checkout_keeps_old_versions(self, script):
        script.deploy(source("common", "0.1.1"))
        script.deploy(source("common", "0.1.2"), fresh=True)

        page = script.page("simple/common/index.html")
        assert "common-0.1.1.tar.gz" in page
        assert "common-0.1.2.tar.gz" in page


class TestThePolicy:
    @pytest.fixture
    def anybody(self, s3, bucket):
        """A client without credentials."""
        client = boto3.client(
            "s3", endpoint_url=s3.url, region_name="us-east-1", config=Config(signature_version=UNSIGNED)
        )
        yield client
        client.close()

    @pytest.mark.claim("idx-2")
    def test_policy_lets_anybody_read(self, anybody, bucket, index, index_url, client):
        index.publish([common()])
        key = f"packages/devtools/common/{common().filename}"

        with anybody.get_object(Bucket=bucket, Key=key)["Body"] as body:
            assert body.read() == common().body
        answer = requests.get(f"{index_url}common/", timeout=5)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert common().filename in answer.text

    @pytest.mark.claim("idx-2")
    @pytest.mark.parametrize("act", ["put_object", "delete_object", "create_multipart_upload", "put_bucket_policy"])
    def test_policy_lets_nobody_write(self, act, anybody, bucket, index, client):
        index.publish([common()])
        key = f"packages/devtools/common/{common().filename}"
        policy = json.dumps(published.POLICY).replace("BUCKET", bucket)
        arguments = {"Policy": policy} if act == "put_bucket_policy" else {"Key": key}

        with pytest.raises(ClientError, match="AccessDenied"):
            getattr(anybody, act)(Bucket=bucket, **arguments)

        with client.get_object(Bucket=bucket, Key=key)["Body"] as body:
            assert body.read() == common().body

    @pytest.mark.claim("idx-2")
    def test_without_the_policy_nobody_reads(self, bucket, client, index, index_url):
        index.publish([common()])
        client.delete_bucket_policy(Bucket=bucket)

        assert requests.get(f"{index_url}common/", timeout=5).status_code == 403

    @pytest.mark.claim("idx-2")
    def test_wrong_credentials_are_one_sentence(self, command, monkeypatch, keys, tmp_path):
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        file = tmp_path / common().filename
        file.write_bytes(common().body)

        code, output = command("publish", file)

        assert code == 3
        assert output.count("\n") == 1
        assert "the store refuses access" in output
        assert keys() == []

    @pytest.mark.claim("idx-2")
    def test_signed_url_is_read_without_the_policy(self, s3, bucket, client, index, clean):
        """For readers who must not be everybody: the owner signs the URL of a file for a while."""
        index.publish([common()])
        client.delete_bucket_policy(Bucket=bucket)
        key = f"packages/devtools/common/{common().filename}"
        owner = boto3.client(
            "s3", endpoint_url=s3.url, region_name="us-east-1", config=Config(signature_version="s3v4")
        )
        with contextlib.closing(owner):
            url = owner.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=600)

        clean.pip("--no-index", url)

        assert clean.evaluate("import common; print(common.ORIGIN)") == "ours"
        assert requests.get(url.partition("?")[0], timeout=5).status_code == 403
        assert requests.get(url.replace("X-Amz-Expires=600", "X-Amz-Expires=60000"), timeout=5).status_code == 403


class TestThePage:
    @pytest.mark.claim("idx-3")
    def test_page_in_a_browser_lists_the_packages(self, index, index_url, browser, evidence):
        index.publish([common("0.1.1"), common(), made("telemetry", "2.0")])

        page = browser.open(index_url)

        rows = page.locator("#projects tbody tr")
        assert [row.split("\t")[:3] for row in rows.all_inner_texts()] == [
            ["common", "0.1.2", "2"],
            ["telemetry", "2.0", "1"],
        ]
        assert "telemetry 2.0" in page.locator("#changes").inner_text()
        page.get_by_label("Search").fill("Telem")
        browser.expect(rows.nth(0)).to_be_hidden()
        browser.expect(rows.nth(1)).to_be_visible()
        page.get_by_label("Search").fill("")
        browser.screenshots(evidence, "the first page", index_url)

        page.get_by_role("link", name="common").click()

        browser.expect(page.locator("li a")).to_have_text([common("0.1.1").filename, common().filename])
        with page.expect_download() as download:
            page.get_by_role("link", name=common().filename).click()
        assert download.value.path().read_bytes() == common().body
        browser.screenshots(evidence, "the page of a project", f"{index_url}common/")
        assert (browser.refused, browser.errors) == ([], [])

    @pytest.mark.claim("idx-3")
    def test_hostile_words_are_text_in_a_browser(self, index, index_url, browser):
        script = "<script>document.title = 'taken'</script><img src=x onerror=\"document.title='taken'\">"
        described = metadata("common", "0.1.2", summary=script)
        index.publish([Distribution.from_bytes(*wheel("common", "0.1.2", described=described))])
        index.yank("common", "0.1.2", script)

        for url in (index_url, f"{index_url}common/"):
            page = browser.open(url)
            assert page.title() in ("Packages of devtools", "common")
            assert script in page.locator("body").inner_text()
