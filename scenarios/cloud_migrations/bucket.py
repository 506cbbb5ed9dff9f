"""A bucket in the real store, in which a test puts migrations."""

import json
from concurrent.futures import ThreadPoolExecutor


class Bucket:
    """A bucket.

    Args:
        client: boto3's client, with the owner's credentials.
        name: Its name.
    """

    def __init__(self, client, name):
        self.client, self.name = client, name
        client.create_bucket(Bucket=name)

    def url(self, directory=""):
        return f"s3://{self.name}/{directory}"

    def put(self, directory="", files=None, **named):
        """Put files into a directory and return its URL."""
        prefix = f"{directory}/" if directory else ""
        objects = {**(files or {}), **named}

        def put(name):
            self.client.put_object(Bucket=self.name, Key=prefix + name, Body=objects[name])

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(put, objects))
        return self.url(directory)

    def delete(self, directory, name):
        self.client.delete_object(Bucket=self.name, Key=f"{directory}/{name}")

    def make_public(self):
        """Let everyone list and read it, and nobody else write."""
        resources = [f"arn:aws:s3:::{self.name}", f"arn:aws:s3:::{self.name}/*"]
        allow = {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:ListBucket"]}
        policy = {"Version": "2012-10-17", "Statement": [{**allow, "Resource": resources}]}
        self.client.put_bucket_policy(Bucket=self.name, Policy=json.dumps(policy))
