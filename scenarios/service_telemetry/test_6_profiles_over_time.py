"""The service profiled from outside while it runs, at two times: what it does, and where its time went since."""

import contextlib
import gzip
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from fixtures.waiting import eventually
from scenarios.service_telemetry.instrumented import Instrumented
from scenarios.service_telemetry.parca import Parca
from scenarios.service_telemetry.profiles import NESTED, Pprof, icicle, nested, profiles_of, requests_for

# The number that is asked for: the service gets slower when it grows.
TIMES = {"earlier": 18, "later": 28}
SCRAPES = 2
SECONDS = 2
SECRETS = {"Authorization": "Bearer secret-of-the-header"}


@dataclass
class Taken:
    """The profiles of one time.

    Attributes:
        begun: Seconds since the epoch before the first.
        ended: After the last.
        files: Their files.
    """

    begun: float
    ended: float = 0
    files: list[Path] = field(default_factory=list)


@pytest.fixture(scope="module")
def pprof(opentelemetry, tmp_path_factory):
    """The tool pprof; a run that cannot have OpenTelemetry builds no tool, either."""
    assert opentelemetry
    return Pprof(tmp_path_factory.mktemp("pprof"))


@pytest.fixture(scope="module")
def service(opentelemetry, tmp_path_factory):
    """The first service."""
    variables = {"SECOND": "http://127.0.0.1:1", "DATABASE_PASSWORD": "secret-of-the-environment"}
    with Instrumented("first", "corrected", opentelemetry, tmp_path_factory.mktemp("profiled"), variables) as service:
        yield service


@pytest.fixture(scope="module")
def profiles(service, tmp_path_factory):
    """The profiles of each time, scraped one after another while requests come."""
    folder, profiles = tmp_path_factory.mktemp("profiles"), {}
    with profiles_of(service.pid) as url:
        for when, n in TIMES.items():
            taken = profiles[when] = Taken(time.time())
            with requests_for(f"{service.url}/{n}?key=secret-of-the-query", SECRETS):
                for number in range(SCRAPES):
                    answer = requests.get(url, params={"seconds": SECONDS}, timeout=120)
                    answer.raise_for_status()
                    taken.files.append(folder / f"{when}-{number}.pb.gz")
                    taken.files[-1].write_bytes(answer.content)
            taken.ended = time.time()
    return profiles


@pytest.fixture(scope="module")
def merged(pprof, profiles):
    """The profiles of each time added up."""
    return {when: pprof.merged(taken.files, when) for when, taken in profiles.items()}


@pytest.fixture
def parca():
    """A Parca server that somebody has started."""
    if "PARCA" not in os.environ:
        pytest.skip("no package has Parca: start it, and set PARCA to its address, such as 127.0.0.1:7070")
    with contextlib.closing(Parca(os.environ["PARCA"])) as parca:
        yield parca


@pytest.mark.claim("otel-7")
def test_profile_shows_nested_functions_by_name(pprof, merged, service, evidence):
    seconds = pprof.seconds(merged["later"])

    found = nested(seconds)
    total = sum(flat for flat, _ in seconds.values())
    assert list(found) == list(NESTED)
    one, two, fibo, fibonacci = (cumulative for _, cumulative in found.values())
    assert total >= one >= two >= fibo >= fibonacci > total / 2
    assert pprof.pids(merged["later"]) == {service.pid}
    shares = {name: f"{cumulative / total:.0%}" for name, (_, cumulative) in found.items()}
    evidence.json("Shares of the processor time", shares)
    evidence.figure("The later time as an icicle graph", icicle(pprof.stacks(merged["later"])))


@pytest.mark.claim("otel-7")
def test_merged_profile_is_the_sum_of_its_parts(pprof, profiles, merged):
    parts = [pprof.seconds(file) for file in profiles["later"].files]

    assert len(parts) == SCRAPES
    for name, (flat, cumulative) in pprof.seconds(merged["later"]).items():
        of_parts = [part.get(name, (0, 0)) for part in parts]
        assert (flat, cumulative) == pytest.approx(tuple(map(sum, zip(*of_parts, strict=True))))


@pytest.mark.claim("otel-7")
def test_difference_shows_where_the_time_went(pprof, merged, evidence):
    earlier, later = (pprof.seconds(merged[when]) for when in TIMES)
    difference = pprof.seconds(merged["later"], base=merged["earlier"])

    extra = nested(difference)
    for name, (_, cumulative) in extra.items():
        before, after = (nested(each).get(name, (0, 0))[1] for each in (earlier, later))
        assert cumulative == pytest.approx(after - before)
    assert list(extra) == list(NESTED)
    assert min(cumulative for _, cumulative in extra.values()) > SCRAPES * SECONDS / 4
    # Nothing else has grown in itself as much.
    assert max(difference, key=lambda name: difference[name][0]) == "fibonacci"
    evidence.json(
        "Seconds on the stack, earlier and later, and the difference",
        {name: [nested(earlier).get(name, (0, 0))[1], nested(later)[name][1], extra[name][1]] for name in NESTED},
    )


@pytest.mark.claim("otel-18")
def test_profile_has_no_value_of_a_request(profiles):
    for file in (file for taken in profiles.values() for file in taken.files):
        written = gzip.decompress(file.read_bytes())
        assert b"fibonacci" in written
        for secret in (b"secret-of-the-environment", b"secret-of-the-header", b"secret-of-the-query"):
            assert secret not in written


@pytest.mark.claim("otel-10")
def test_parca_answers_for_one_process(parca, pprof, profiles, merged, service, tmp_path, evidence):
    labels, other = {"pid": str(service.pid)}, {"pid": "1"}
    for file in (file for taken in profiles.values() for file in taken.files):
        parca.write(file.read_bytes(), labels)
        parca.write(file.read_bytes(), other)
    times = {when: (taken.begun, taken.ended) for when, taken in profiles.items()}

    def answered(ask):
        (tmp_path / "answer.pb.gz").write_bytes(ask())
        return {name: cumulative for name, (_, cumulative) in nested(pprof.seconds(tmp_path / "answer.pb.gz")).items()}

    def of_ours(base=None):
        return {name: each for name, (_, each) in nested(pprof.seconds(merged["later"], base=base)).items()}

    # What it was sent a moment ago is not in its answers at once.
    eventually(
        lambda: answered(lambda: parca.merged(labels, times["later"])) == pytest.approx(of_ours()),
        within=60,
        every=1,
        message="Parca adds up the profiles of the process, and of no other",
    )
    difference = answered(lambda: parca.difference(labels, times["earlier"], times["later"]))
    assert difference == pytest.approx(of_ours(merged["earlier"]))
    evidence.json("Seconds of the difference, as Parca answers", difference)
