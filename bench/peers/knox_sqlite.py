"""django-rest-knox with AUTO_REFRESH on SQLite: a request's token is authenticated, and renewed.

    knox_sqlite.py FOLDER COUNT EACH
"""

import sys
from datetime import timedelta

import django
from django.conf import settings

import laps


def configure(folder):
    settings.configure(
        SECRET_KEY="bench",
        USE_TZ=True,
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework", "knox"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": f"{folder}/knox.db",
                # The settings for concurrent writers in Django's documentation, and those that are commonly added.
                "OPTIONS": {
                    "transaction_mode": "IMMEDIATE",
                    "timeout": 20,
                    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
                },
                "CONN_MAX_AGE": None,
            }
        },
        # MIN_REFRESH_INTERVAL has its default of 60 s: a token that was renewed within it is only read.
        REST_KNOX={"AUTO_REFRESH": True, "TOKEN_TTL": timedelta(days=1), "AUTO_REFRESH_MAX_TTL": timedelta(days=28)},
    )
    django.setup()


def main(folder, count, each):
    configure(folder)
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.db import connections, transaction
    from django.http import HttpRequest
    from knox.auth import TokenAuthentication
    from knox.models import AuthToken

    call_command("migrate", verbosity=0)
    texts = []
    with transaction.atomic():
        for number in range(int(count)):
            name = f"user-{number // int(each):07}"
            user, _ = get_user_model().objects.get_or_create(username=name)
            texts.append(AuthToken.objects.create(user=user)[1])
    # A connection to SQLite does not survive a fork.
    connections.close_all()

    def prepare():
        authentication = TokenAuthentication()

        def call(number):
            request = HttpRequest()
            request.META["HTTP_AUTHORIZATION"] = f"Token {texts[number % len(texts)]}"
            user, _ = authentication.authenticate(request)
            if not user.username.startswith("user-"):
                raise ValueError("a token is not there")

        return call

    laps.serve(prepare)


main(*sys.argv[1:])
