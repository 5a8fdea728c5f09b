"""Keeps schemathesis from revoking its own token, whose id it gets from listings."""

import os

import schemathesis

OWN_ID = os.environ["OWN_ID"]
OWN_USER = os.environ["OWN_USER"]


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.method.upper() != "DELETE":
        return
    if OWN_ID in str(case.path_parameters or {}):
        case.path_parameters["id"] = "00" + 26 * "0"
    if OWN_USER in str((case.query or {}).get("user", "")):
        case.query["user"] = "nobody"
