"""An OAuth 2 client without code of ours: Authlib.

Reads {"issuer", "client_id", "client_secret", "method", "token"} in JSON from standard input. Finds the endpoints in the
metadata of the issuer, introspects the token, revokes it, introspects it again, and writes what it was answered. With
the method "none" it only revokes.
"""

import json
import sys

import requests
from authlib.integrations.requests_client import OAuth2Session


def main():
    asked = json.load(sys.stdin)
    metadata = requests.get(asked["issuer"] + "/.well-known/oauth-authorization-server", timeout=30).json()
    method = asked["method"]
    session = OAuth2Session(
        asked["client_id"],
        asked["client_secret"],
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
    )

    def introspect():
        if method == "none":
            return None
        answer = session.introspect_token(metadata["introspection_endpoint"], token=asked["token"])
        return {"status": answer.status_code, "body": answer.json()}

    first = introspect()
    revoked = session.revoke_token(
        metadata["revocation_endpoint"], token=asked["token"], token_type_hint="access_token"
    )
    answers = {"metadata": metadata, "first": first, "revoked": revoked.status_code, "second": introspect()}
    json.dump(answers, sys.stdout)


main()
