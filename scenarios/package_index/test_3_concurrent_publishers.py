"""Beyond the document: what a page says, and publishers at once, twice, in pieces, or against a lesser server."""

import json
import subprocess
import threading
from itertools import count

import boto3
import pytest
import requests
from hypothesis import settings

from fixtures.tests.package_index.memory import Crash, Watched, crash
from fixtures.tests.package_index.model import IndexMachine
from reference.package_index import BadInput, Conflict, Index, open_store, reindex, verify
from reference.package_index.stores.s3 import S3Store
from scenarios.package_index.projects import PYPROJECT, common, made, source

PUBLISHERS = 8
JSON = "application/vnd.pypi.simple.v1+json"


class TestThePages:
    @pytest.mark.claim("idx-9")
    def test_pages_say_what_the_standards_provide(self, index, index_url, client, bucket, evidence):
        wheel = common(requires_python=">=3.11")
        index.publish([wheel, source("common", "0.1.1")])
        index.yank("common", "0.1.1", "loses log lines")

        html = requests.get(f"{index_url}common/", timeout=5).text
        page = requests.get(f"{index_url}common/index.json", timeout=5)
        metadata = requests.get(f"{index_url}../../packages/devtools/common/{wheel.filename}.metadata", timeout=5)

        assert page.headers["Content-Type"] == JSON
        assert metadata.content == wheel.metadata
        older, newer = page.json()["files"]
        assert older["yanked"] == "loses log lines"
        assert (newer["hashes"]["sha256"], newer["size"]) == (wheel.sha256, len(wheel.body))
        assert newer["requires-python"] == ">=3.11"
        assert newer["upload-time"].endswith("Z")
        assert page.json()["versions"] == ["0.1.1", "0.1.2"]
        for said in (f"#sha256={wheel.sha256}", 'data-requires-python="&gt;=3.11"', 'data-yanked="loses log lines"'):
            assert said in html
        assert f'data-core-metadata="sha256={newer["core-metadata"]["sha256"]}"' in html
        evidence.json("the page in JSON", page.json())

    @pytest.mark.claim("idx-9")
    def test_commands_publish_yank_delete_and_audit(self, command, public, bucket, tmp_path):
        url, everybody = public
        everybody.publish([common("9.9.9", "theirs"), made("comon", "1.0", "theirs")])
        files = [common("0.1.1"), common("0.1.2")]
        for each in files:
            (tmp_path / each.filename).write_bytes(each.body)
        names = [each.filename for each in files]

        assert command("publish", *(tmp_path / name for name in names)) == (
            0,
            "".join(f"published {name}\n" for name in names),
        )
        assert command("publish", tmp_path / names[0]) == (0, f"unchanged {names[0]}\n")
        assert command("yank", "common", "0.1.1", "--why", "loses log lines") == (0, f"yanked {names[0]}\n")
        assert command("unyank", "common", "0.1.1") == (0, f"unyanked {names[0]}\n")
        assert command("delete", "common", "0.1.1", "--why", "holds a password") == (0, f"deleted {names[0]}\n")
        assert command("verify") == (0, "")
        code, output = command("audit", "--public", url)
        assert code == 1
        lines = output.splitlines()
        assert [line.split()[2] for line in lines if "warning" not in line] == [
            "publish",
            "publish",
            "yank",
            "unyank",
            "delete",
        ]
        assert lines[4].endswith(f"delete {names[0]}: holds a password")
        warnings = {line.partition(": ")[2].partition(":")[0] for line in lines if line.startswith("warning")}
        assert warnings == {f"common is also on {url[:4]}", "comon on http"}


class TestPublishingTwice:
    @pytest.mark.claim("idx-9")
    def test_other_content_of_a_version_is_refused(self, index, client, bucket, keys):
        index.publish([common()])
        key = f"packages/devtools/common/{common().filename}"
        before = client.head_object(Bucket=bucket, Key=key)["LastModified"], len(keys())

        assert index.publish([common()]).unchanged == [common().filename]
        with pytest.raises(Conflict, match="publish a new version"):
            index.publish([common(origin="other")])

        assert (client.head_object(Bucket=bucket, Key=key)["LastModified"], len(keys())) == before


class TestPublishersAtOnce:
    @pytest.mark.claim("idx-9")
    def test_publishers_at_once_lose_nothing(self, s3, store, bucket, index):
        barrier = threading.Barrier(PUBLISHERS)
        errors = []

        def publish(number):
            own = Index(open_store(f"s3://{bucket}", endpoint=s3.url), "devtools", by=f"publisher {number}")
            barrier.wait()
            try:
                own.publish([common(f"1.{number}"), made(f"project-{number}")])
            except Exception as error:  # noqa: BLE001  # whatever it is, nobody else would see it
                errors.append(error)

        threads = [threading.Thread(target=publish, args=(number,)) for number in range(PUBLISHERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert errors == []
        assert [str(each) for each in index.project("common").versions] == [f"1.{n}" for n in range(PUBLISHERS)]
        assert len(index.root().entries) == PUBLISHERS + 1
        assert list(verify(index)) == []

    @pytest.mark.claim("idx-9")
    def test_two_publishers_of_one_name_make_one_file(self, s3, store, bucket, index):
        watched = Watched(store)
        other = Index(store, "devtools", by="other")
        # Both have seen that the file is not there; then the other one uploads it.
        moments = count()
        watched.before = lambda operation, _: (
            other.publish([common(origin="other")]) if operation == "put" and next(moments) == 0 else None
        )

        with pytest.raises(Conflict, match="was uploaded to devtools with other content"):
            Index(watched, "devtools").publish([common()])

        assert index.project("common").files[common().filename].sha256 == common(origin="other").sha256
        assert list(verify(index)) == []

    @pytest.mark.claim("idx-9")
    @pytest.mark.parametrize("repair", ["publish", "reindex"])
    def test_crash_between_upload_and_index_is_repaired(self, store, index, repair):
        watched = Watched(store)
        watched.before = lambda operation, key: (
            crash() if operation == "put" and key.endswith("common/index.json") else None
        )
        with pytest.raises(Crash):
            Index(watched, "devtools").publish([common()])
        assert [problem.kind for problem in verify(index)] == ["unlisted", "unlisted"]

        if repair == "publish":
            index.publish([common()])
        else:
            assert reindex(index) == [f"common: listed {common().filename}"]

        assert common().filename in index.project("common").files
        assert list(verify(index)) == []

    @pytest.mark.claim("idx-9")
    def test_index_on_the_object_store_keeps_to_its_model(self, store, client, bucket):
        folders = count()

        class Machine(IndexMachine):
            def new_store(self):
                return S3Store(client, bucket, f"model/{next(folders)}", trusted=True)

        test = Machine.TestCase()
        test.settings = settings(max_examples=8, stateful_step_count=8, deadline=None)
        test.runTest()

        assert next(folders) >= 8


class TestAServerWithoutConditions:
    """A server that ignores the conditions of a write: the headers never reach it."""

    @pytest.fixture
    def lesser(self, s3, bucket, credentials):
        client = boto3.client("s3", endpoint_url=s3.url, region_name="us-east-1")

        def strip(params, **_):
            for header in ("If-Match", "If-None-Match"):
                params["headers"].pop(header, None)

        client.meta.events.register("before-call.s3.PutObject", strip)
        yield client
        client.close()

    @pytest.mark.claim("idx-9")
    def test_server_without_conditional_writes_is_refused(self, lesser, bucket, keys):
        with pytest.raises(BadInput, match=r"has no conditional writes.*give all of them the same lock file"):
            Index(S3Store(lesser, bucket), "devtools").publish([common()])

        assert keys() == []

    @pytest.mark.claim("idx-9")
    def test_lock_serves_where_conditional_writes_lack(self, lesser, bucket, index, tmp_path):
        def publish(number):
            own = Index(S3Store(lesser, bucket, lock=tmp_path / "lock"), "devtools", by=str(number))
            own.publish([common(f"1.{number}")])

        threads = [threading.Thread(target=publish, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert [str(each) for each in index.project("common").versions] == ["1.0", "1.1", "1.2", "1.3"]
        assert list(verify(index)) == []


class TestUploads:
    """twine, uv and Poetry upload to `package-index serve`."""

    @pytest.mark.claim("idx-9")
    def test_uploads_of_twine_uv_and_poetry_are_published(self, serving, tools, clean, index, tmp_path):
        url = serving("--uploader", "ann:secret", "--reader", "bob:public")
        wheel, sdist, newest = common(), source("common", "0.1.1"), common("0.1.3")
        for each in (wheel, sdist):
            (tmp_path / each.filename).write_bytes(each.body)
        (tmp_path / "project" / "dist").mkdir(parents=True)
        (tmp_path / "project" / "dist" / newest.filename).write_bytes(newest.body)
        upload = f"{url}/upload/devtools/"

        twine = [str(tools.program("twine")), "upload", "--repository-url", upload, "-u", "ann", "-p", "secret"]
        subprocess.run([*twine, str(tmp_path / sdist.filename)], check=True, capture_output=True, env=clean.variables)
        clean._uv("publish", "--publish-url", upload, "-u", "ann", "-p", "secret", str(tmp_path / wheel.filename))
        clean.variables["POETRY_REPOSITORIES_OURS_URL"] = upload
        poetry = ["publish", "--repository", "ours", "--username", "ann", "--password", "secret"]
        clean.poetry(PYPROJECT.format(version="0.1.3"), *poetry)

        assert set(index.project("common").files) == {wheel.filename, sdist.filename, newest.filename}
        assert {event.by for event in index.project("common").events} == {"ann"}
        clean.pip("--index-url", f"{url.replace('://', '://bob:public@')}/simple/devtools/", "common")
        assert "common" in clean.evaluate("import common; print(common.__name__)")

    @pytest.mark.claim("idx-9")
    def test_server_lets_nobody_in_without_a_password(self, serving, index, keys):
        url = serving("--uploader", "ann:secret", "--reader", "bob:public")
        index.publish([common()])
        before = keys()
        form = {":action": "file_upload"}
        content = {"content": (common("2.0").filename, common("2.0").body)}

        for user in (None, ("ann", "wrong"), ("nobody", ""), ("bob", "public")):
            answer = requests.post(f"{url}/upload/devtools/", form, files=content, auth=user, timeout=10)
            assert answer.status_code == 401
        for user in (None, ("bob", "wrong")):
            for path in (
                "simple/devtools/",
                "simple/devtools/common/",
                f"packages/devtools/common/{common().filename}",
            ):
                assert requests.get(f"{url}/{path}", auth=user, timeout=10).status_code == 401
        accepted = {"Accept": f"{JSON}, text/html;q=0.1"}
        page = requests.get(f"{url}/simple/devtools/common/", headers=accepted, auth=("bob", "public"), timeout=10)
        assert json.loads(page.text)["versions"] == ["0.1.2"]
        assert keys() == before
