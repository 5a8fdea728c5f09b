"""Flask-Session on Redis: a session is opened, its user read, and saved with a new deadline, as at each request.

    flask_session_redis.py URL COUNT EACH   makes sessions, then does laps
    flask_session_redis.py URL              makes one session
"""

import sys
from datetime import timedelta

import redis
from flask import Flask, Response
from flask_session import Session
from werkzeug.test import EnvironBuilder

import laps


def application(url):
    app = Flask("bench")
    app.config.update(
        SESSION_TYPE="redis",
        SESSION_REDIS=redis.Redis.from_url(url),
        SESSION_PERMANENT=True,
        PERMANENT_SESSION_LIFETIME=timedelta(days=1),
        # The defaults, written out: each request renews, and the format is the fast one.
        SESSION_REFRESH_EACH_REQUEST=True,
        SESSION_SERIALIZATION_FORMAT="msgpack",
    )
    Session(app)
    return app


def request(app, sid):
    headers = {"Cookie": f"session={sid}"} if sid else {}
    return app.request_class(EnvironBuilder(path="/", headers=headers).get_environ())


def make(app, user):
    sessions = app.session_interface
    with app.app_context():
        session = sessions.open_session(app, request(app, None))
        session["user"] = user
        sessions.save_session(app, session, Response())
    return session.sid


def main(url, count=None, each=None):
    app = application(url)
    if count is None:
        make(app, "user-0000000")
        return
    sids = [make(app, f"user-{number // int(each):07}") for number in range(int(count))]

    def prepare():
        app = application(url)
        sessions = app.session_interface

        def call(number):
            session = sessions.open_session(app, request(app, sids[number % len(sids)]))
            if not session["user"].startswith("user-"):
                raise ValueError("a session is not there")
            sessions.save_session(app, session, Response())

        return call

    laps.serve(prepare)


main(*sys.argv[1:])
