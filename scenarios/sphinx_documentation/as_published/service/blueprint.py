import time

from flask import Blueprint

from .httpbin import HttpBinPost

httpbin = Blueprint("httpbin", __name__)


@httpbin.post("/post")
def post():
    time.sleep(0.5)
    return HttpBinPost(params={"foo": "bar"}, json={"foo": "bar"}).execute()
