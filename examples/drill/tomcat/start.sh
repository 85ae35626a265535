#!/bin/sh
# Starts two Apache Tomcats with their example applications, as they come from
# Maven Central, on the ports 8181 and 8182, until it is interrupted.
#   ./start.sh [FOLDER]
set -eu
version=10.1.34
folder=${1:-$(mktemp -d)}
cd "$folder"
[ -f "tomcat-$version.tar.gz" ] ||
	mvn -q -B dependency:copy "-Dartifact=org.apache.tomcat:tomcat:$version:tar.gz" -DoutputDirectory=.
tar xzf "tomcat-$version.tar.gz"
home=$PWD/apache-tomcat-$version
started=
trap 'kill $started 2>/dev/null || true' EXIT INT TERM
for port in 8181 8182; do
	base=$PWD/$port
	mkdir -p "$base/logs" "$base/temp" "$base/work"
	cp -R "$home/conf" "$home/webapps" "$base/"
	sed -i "s/port=\"8005\"/port=\"-1\"/; s/port=\"8080\"/port=\"$port\"/" "$base/conf/server.xml"
	{
		echo '<tomcat-users xmlns="http://tomcat.apache.org/xml"><role rolename="tomcat"/>'
		i=0
		while [ $i -lt 20 ]; do
			echo "<user username=\"user$i\" password=\"drill\" roles=\"tomcat\"/>"
			i=$((i + 1))
		done
		echo '</tomcat-users>'
	} >"$base/conf/tomcat-users.xml"
	CATALINA_HOME=$home CATALINA_BASE=$base CATALINA_OPTS=-Xmx256m "$home/bin/catalina.sh" run >"$base/logs/out" 2>&1 &
	started="$started $!"
done
echo "see $folder"
wait
