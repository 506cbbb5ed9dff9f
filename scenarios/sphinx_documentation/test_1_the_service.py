"""The service that is documented: a blueprint that posts to HTTPBin, and the class that makes the request."""

import re

import pytest
import requests


@pytest.mark.claim("sphinx-1")
def test_service_posts_to_httpbin_and_returns_answers(service, evidence):
    answer = requests.post(f"{service.url}/post", timeout=20)

    assert answer.status_code == 200
    assert answer.json()["args"] == {"foo": "bar"}
    assert answer.json()["json"] == {"foo": "bar"}
    assert answer.json()["headers"]["Content-Type"] == "application/json"
    assert answer.elapsed.total_seconds() >= 0.5
    evidence.json("The answer", answer.json())


@pytest.mark.claim("sphinx-1")
def test_service_without_httpbin_answers_a_problem(service, httpbin):
    httpbin.kill()
    try:
        answer = requests.post(f"{service.url}/post", timeout=20)
    finally:
        httpbin.restart()

    assert answer.status_code == 502
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {"status": 502, "title": "Bad Gateway", "detail": "HTTPBin does not answer as it should"}


class TestAPostWithoutArguments:
    """The query parameters and the body of a post have defaults."""

    @pytest.mark.claim("sphinx-4", "call", shows="published", fails_with="DID NOT RAISE")
    def test_published_defaults_break_a_post(self, requests_to_httpbin, httpbin):
        post = requests_to_httpbin.HttpBinPost()
        post.base_url = httpbin.url

        with pytest.raises(TypeError, match=re.escape("unbound method dict.items() needs an argument")):
            post.execute()

    @pytest.mark.claim("sphinx-4", "call", shows="corrected", fails_with="TypeError: unbound method dict.items")
    def test_corrected_defaults_make_an_empty_post(self, requests_to_httpbin, httpbin):
        post = requests_to_httpbin.HttpBinPost()
        post.base_url = httpbin.url

        answer = post.execute()

        assert (answer["args"], answer["json"]) == ({}, {})


class TestTheAbstractMethod:
    """It is called by a class that extends it and forgets its own."""

    @staticmethod
    def unfinished(module):
        class Unfinished(module.HttpBinPost):
            def execute(self):
                return super(module.HttpBinPost, self).execute()

        return Unfinished()

    @pytest.mark.claim("sphinx-4", "abstract method", shows="published", fails_with="NotImplementedError")
    def test_published_method_raises_no_exception_class(self, requests_to_httpbin):
        with pytest.raises(TypeError, match="exceptions must derive from BaseException"):
            self.unfinished(requests_to_httpbin).execute()

    @pytest.mark.claim(
        "sphinx-4", "abstract method", shows="corrected", fails_with="TypeError: exceptions must derive from"
    )
    def test_corrected_method_raises_not_implemented(self, requests_to_httpbin):
        with pytest.raises(NotImplementedError):
            self.unfinished(requests_to_httpbin).execute()


class TestAnotherHTTPBin:
    """One at another URL, such as one of this run."""

    @pytest.mark.claim("sphinx-4", "base url", shows="published", fails_with="DID NOT RAISE")
    def test_published_request_reaches_only_public_httpbin(self, requests_to_httpbin, httpbin):
        with pytest.raises(TypeError, match="unexpected keyword argument 'base_url'"):
            requests_to_httpbin.HttpBinPost(base_url=httpbin.url, params={}, json={})

    @pytest.mark.claim("sphinx-4", "base url", shows="corrected", fails_with="unexpected keyword argument 'base_url'")
    def test_corrected_request_goes_to_the_url_given(self, requests_to_httpbin, httpbin):
        post = requests_to_httpbin.HttpBinPost(base_url=httpbin.url, params={"foo": "bar"}, json={"foo": "bar"})

        assert post.execute()["url"].startswith(httpbin.url)
