#!/bin/bash
# Both in the foreground; when one ends, all of it ends. SIGTERM reaches the
# whole process group, so nothing has to be passed on.
php-fpm --nodaemonize &
nginx -g 'daemon off;' &
wait -n
kill 0
