#!/bin/sh
# Starts two processes of a new Django project with its admin, on the ports 8281
# and 8282, until it is interrupted. Its users are in an SQLite file; its
# sessions are in the cache, whose default is the memory of each process.
#   ./start.sh [FOLDER [cache|cached_db|db|signed_cookies]]
set -eu
folder=${1:-$(mktemp -d)}
engine=${2:-cache}
cd "$folder"
[ -d env ] || { python3 -m venv env && env/bin/pip install -q Django==5.1.4 waitress==3.0.2; }
[ -f manage.py ] || env/bin/django-admin startproject site_ .
grep -q SESSION_ENGINE site_/settings.py || cat >>site_/settings.py <<'SETTINGS'
import os
SESSION_ENGINE = 'django.contrib.sessions.backends.' + os.environ['ENGINE']
PASSWORD_HASHERS = ['django.contrib.auth.hashers.MD5PasswordHasher']  # so that sign-ins are no load test
DATABASES['default']['OPTIONS'] = {'timeout': 20}
SETTINGS
export ENGINE="$engine"
env/bin/python manage.py migrate -v 0
env/bin/python manage.py shell -c '
from django.contrib.auth.models import User
for i in range(20):
    if not User.objects.filter(username=f"user{i}").exists():
        User.objects.create_superuser(f"user{i}", password="drill")'
started=
trap 'kill $started 2>/dev/null || true' EXIT INT TERM
for port in 8281 8282; do
	env/bin/waitress-serve --listen=127.0.0.1:$port --threads=16 site_.wsgi:application >"$port.log" 2>&1 &
	started="$started $!"
done
echo "see $folder"
wait
