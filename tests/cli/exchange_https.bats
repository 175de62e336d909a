#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2153,SC2119,SC2120,SC2030,SC2031,SC1083 # bats sets stderr; each test is a subshell
# Logs exchanged over https: stock git's http-backend behind a server of our own.
load helper
load signed

LOG=acme.example/models
REF=refs/heads/weightmark/$LOG

setup_file() {
	unset GIT_DIR SSL_CERT_FILE
}

teardown() {
	[ ! -f "$BATS_TEST_TMPDIR/pid" ] || kill "$(<"$BATS_TEST_TMPDIR/pid")"
}

# /NAME is git's answer; /away/NAME leads to another host, /down/NAME to http, /login/NAME wants a password.
server() {
	cat <<'PYTHON'
import http.server, os, ssl, subprocess, sys

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def body(self):
        if self.headers.get('Transfer-Encoding') != 'chunked':
            return self.rfile.read(int(self.headers.get('Content-Length') or 0))
        parts = []
        while True:
            size = int(self.rfile.readline(), 16)
            parts.append(self.rfile.read(size))
            self.rfile.readline()
            if size == 0:
                return b''.join(parts)

    def answer(self, status, headers, body=b''):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path, _, query = self.path.partition('?')
        if path.startswith('/away/'):
            port = self.server.server_address[1]
            return self.answer(302, [('Location', 'https://127.0.0.1:%d%s' % (port, self.path[len('/away'):]))])
        if path.startswith('/down/'):
            return self.answer(302, [('Location', 'http://localhost:9' + self.path[len('/down'):])])
        if path.startswith('/login/'):
            return self.answer(401, [('WWW-Authenticate', 'Basic realm="x"')])
        if path.startswith('/endless/'):
            self.send_response(200)
            self.send_header('Content-Type', 'application/x-git-upload-pack-advertisement')
            self.end_headers()
            self.wfile.write(b'001e# service=git-upload-pack\n0000')
            line = b'%040x refs/heads/weightmark/%s' % (1, b'x' * 900)
            many = 1000 * (b'%04x%s\n' % (len(line) + 5, line))
            while True:
                self.wfile.write(many)
        env = dict(os.environ, GIT_PROJECT_ROOT=os.getcwd(), GIT_HTTP_EXPORT_ALL='1', PATH_INFO=path,
                   QUERY_STRING=query, REQUEST_METHOD=self.command, REMOTE_ADDR='127.0.0.1',
                   CONTENT_TYPE=self.headers.get('Content-Type', ''))
        body = self.body()
        env['CONTENT_LENGTH'] = str(len(body))
        out = subprocess.run(['git', 'http-backend'], input=body, env=env, stdout=subprocess.PIPE).stdout
        head, _, rest = out.partition(b'\r\n\r\n')
        fields = [line.split(': ', 1) for line in head.decode().split('\r\n')]
        status = [int(v.split()[0]) for n, v in fields if n == 'Status'] or [200]
        self.answer(status[0], [f for f in fields if f[0] != 'Status'], rest)

    do_POST = do_GET

server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('server.pem', 'server.key')
server.socket = context.wrap_socket(server.socket, server_side=True)
with open(sys.argv[1] + '.new', 'w') as f:
    f.write(str(server.server_address[1]))
os.rename(sys.argv[1] + '.new', sys.argv[1])
server.serve_forever()
PYTHON
}

given_server() {
	command -v python3 >/dev/null || skip 'python3 is not installed'
	export XDG_STATE_HOME=$BATS_TEST_TMPDIR/state
	given
	wm init $LOG --ledger ours.git --out acme.vkey >/dev/null
	wm sign model.safetensors -m m.yaml --key publisher.key --ledger ours.git >/dev/null
	git init -q --bare hub.git
	git --git-dir=hub.git config http.receivepack true
	openssl req -x509 -newkey rsa:2048 -nodes -keyout server.key -out server.pem -days 2 \
		-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
	server >server.py
	python3 server.py "$PWD/port" 3>&- >server.log 2>&1 &
	echo $! >"$BATS_TEST_TMPDIR/pid"
	for _ in {1..100}; do
		[ ! -f port ] || break
		sleep 0.1
	done
	URL=https://localhost:$(<port)
	export SSL_CERT_FILE=$PWD/server.pem
}

tip() { git --git-dir="$1" rev-parse "$REF"; }

@test "https: push, clone, pull" {
	given_server
	run -0 --separate-stderr wm push "$URL/hub.git" --ledger ours.git --json
	[ "$(of_json "$output" '.logs[0].result')" = new ]
	[ "$(tip hub.git)" = "$(tip ours.git)" ]
	run -0 wm clone "$URL/hub.git" theirs.git
	run -0 wm audit --ledger theirs.git --log-key acme.vkey
	cp "$GOOD" b.safetensors
	sed 's/^  name: .*/  name: b/' m.yaml >b.yaml
	wm sign b.safetensors -m b.yaml --key publisher.key --ledger ours.git >/dev/null
	run -0 --separate-stderr wm push "$URL/hub.git" --ledger ours.git --json
	[ "$(of_json "$output" '.logs[0].result')" = updated ]
	run -0 --separate-stderr wm pull "$URL/hub.git" --ledger theirs.git --json
	[ "$(of_json "$output" '.logs[0].result')" = updated ]
	[ "$(tip theirs.git)" = "$(tip ours.git)" ]
}

@test "https: certificates that nobody vouches for, redirects, logins" {
	given_server
	wm push "$URL/hub.git" --ledger ours.git >/dev/null
	for way in away down; do
		run -3 --separate-stderr wm clone "$URL/$way/hub.git" a.git
		refused_as remote-failed
	done
	run -3 --separate-stderr wm clone "$URL/login/hub.git" a.git
	refused_as remote-failed
	[[ $stderr == *login* ]]
	(
		unset SSL_CERT_FILE
		run -3 --separate-stderr wm clone "$URL/hub.git" a.git
		refused_as remote-failed
	)
	run -0 wm clone "$URL/hub.git" a.git
}

@test "https: refs without end are refused, in bounded memory" {
	given_server
	run --separate-stderr timeout 100 "$B/weightmark" clone "$URL/endless/hub.git" a.git
	[ "$status" = 1 ] || [ "$status" = 3 ] # by what memory ran out in
	[[ $stderr == *'[limit]'* || $stderr == *'[remote-failed]'* ]]
}
