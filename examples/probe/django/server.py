"""An application with the probe. SESSIONS is locmem (the default cache, in the
process) or the path of an SQLite file that instances share."""
import os, sys

from django.conf import settings

SESSIONS = os.environ.get("SESSIONS", "locmem")
options = dict(
    SECRET_KEY="a secret that all instances know", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, USE_TZ=True,
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    INSTALLED_APPS=["django.contrib.sessions"], SESSION_ENGINE="django.contrib.sessions.backends.cache",
)
if SESSIONS != "locmem":
    options["SESSION_ENGINE"] = "django.contrib.sessions.backends.db"
    options["DATABASES"] = {"default": {
        "ENGINE": "django.db.backends.sqlite3", "NAME": SESSIONS, "OPTIONS": {"timeout": 20}}}
settings.configure(**options)

import django
from django.core.wsgi import get_wsgi_application

django.setup()
import probe

urlpatterns = probe.urls()
application = get_wsgi_application()

if __name__ == "__main__":  # python server.py migrate
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
