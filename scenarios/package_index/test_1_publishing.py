"""Before we begin, and getting started: a project is built, and its files and the index of the team go to S3."""

import json

import pytest
import requests
from botocore import UNSIGNED
from botocore.client import Config
from botocore.exceptions import ClientError

from scenarios.package_index import published
from scenarios.package_index.projects import common, poetry_project, source

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
        import boto3

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
