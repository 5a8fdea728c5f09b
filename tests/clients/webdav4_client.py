"""Uses a WebDAV folder by webdav4: webdav4_client.py URL, with the token of the user admin in TOKEN."""

import io
import os
import sys

from webdav4.client import Client

client = Client(sys.argv[1], auth=("admin", os.environ["TOKEN"]))
client.mkdir("one two")
client.upload_fileobj(io.BytesIO(b"hello"), "one two/ä & b")
assert client.ls("one two", detail=False) == ["one two/ä & b"], client.ls("one two", detail=False)
client.move("one two/ä & b", "one two/moved")
client.copy("one two", "copied")
client.move("one two", "three")
got = io.BytesIO()
client.download_fileobj("three/moved", got)
assert got.getvalue() == b"hello", got.getvalue()
assert client.isdir("three") and client.content_length("three/moved") == 5
client.remove("copied")
assert client.ls("", detail=False) == ["three"], client.ls("", detail=False)
