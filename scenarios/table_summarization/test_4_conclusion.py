"""The published package can be installed with one command."""

import pytest

from scenarios.table_summarization.published import PATTERNS


@pytest.mark.claim("tsum-10")
@pytest.mark.timeout(600)
def test_published_package_installs_and_runs(published_package, published_answers, evidence):
    installed = published_package(1).run("versions", 0, within=60).value
    major = {name: int(installed[name].split(".")[0]) for name in ("dask", "attrs", "cattrs")}

    assert installed["tsum"] == "0.1.0"
    assert all("<" in pin for pin in installed["pins"])
    assert major["dask"] < 2025
    assert major["attrs"] < 24
    assert major["cattrs"] < 24
    assert sorted(published_answers(1)["patients"], key=lambda each: -each["saving"]) == PATTERNS
    evidence.json("installed", installed)
