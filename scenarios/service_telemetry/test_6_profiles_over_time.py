"""The service profiled from outside while it runs, at two times: what it does, and where its time went since."""

import gzip

import pytest
import requests

from scenarios.service_telemetry.instrumented import Instrumented
from scenarios.service_telemetry.profiles import NESTED, Pprof, icicle, nested, profiles_of, requests_for

# The number that is asked for: the service gets slower when it grows.
TIMES = {"earlier": 15, "later": 28}
SCRAPES = 2
SECONDS = 2
SECRETS = {"Authorization": "Bearer secret-of-the-header"}


@pytest.fixture(scope="module")
def pprof(opentelemetry, tmp_path_factory):
    """The tool pprof; a run that cannot have OpenTelemetry builds no tool, either."""
    assert opentelemetry
    return Pprof(tmp_path_factory.mktemp("pprof"))


@pytest.fixture(scope="module")
def service(opentelemetry, tmp_path_factory):
    """The first service."""
    variables = {"SECOND": "http://127.0.0.1:1", "DATABASE_PASSWORD": "secret-of-the-environment"}
    service = Instrumented("first", "corrected", opentelemetry, tmp_path_factory.mktemp("profiled"), variables)
    try:
        service.wait()
        yield service
    finally:
        service.close()


@pytest.fixture(scope="module")
def profiles(service, tmp_path_factory):
    """The files of the profiles of each time, scraped one after another while requests come."""
    folder, files = tmp_path_factory.mktemp("profiles"), {}
    with profiles_of(service.pid) as url:
        for time, n in TIMES.items():
            with requests_for(f"{service.url}/{n}?key=secret-of-the-query", SECRETS):
                for number in range(SCRAPES):
                    answer = requests.get(url, params={"seconds": SECONDS}, timeout=120)
                    answer.raise_for_status()
                    file = folder / f"{time}-{number}.pb.gz"
                    file.write_bytes(answer.content)
                    files.setdefault(time, []).append(file)
    return files


@pytest.fixture(scope="module")
def merged(pprof, profiles):
    """The profiles of each time added up."""
    return {time: pprof.merged(files, time) for time, files in profiles.items()}


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
    parts = [pprof.seconds(file) for file in profiles["later"]]

    assert len(parts) == SCRAPES
    for name, (flat, cumulative) in pprof.seconds(merged["later"]).items():
        of_parts = [part.get(name, (0, 0)) for part in parts]
        assert (flat, cumulative) == pytest.approx(tuple(map(sum, zip(*of_parts, strict=True))))


@pytest.mark.claim("otel-7")
def test_difference_shows_where_the_time_went(pprof, merged, evidence):
    earlier, later = (pprof.seconds(merged[time]) for time in TIMES)
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
    for file in (file for files in profiles.values() for file in files):
        written = gzip.decompress(file.read_bytes())
        assert b"fibonacci" in written
        for secret in (b"secret-of-the-environment", b"secret-of-the-header", b"secret-of-the-query"):
            assert secret not in written
