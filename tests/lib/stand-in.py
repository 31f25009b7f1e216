#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Stands in for a runtime's API or for Kubernetes': answers GETs with files.

stand-in.py unix SOCKET FOLDER
stand-in.py https PORT FOLDER CERTIFICATE KEY CA
stand-in.py http PORT FOLDER

The answer to /a/b?c is FOLDER/a_b, looked for at each request; its first line is that of a status where
it begins with "HTTP". Without that file it is 404, and where it is named "never" nobody answers. What
was asked is appended to FOLDER/asked. Over https a client needs a certificate of the CA, or the token
"letmein".
"""
import http.server
import os
import socket
import ssl
import sys
import time

kind, where, folder = sys.argv[1:4]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open(os.path.join(folder, 'asked'), 'a', encoding='utf-8') as asked:
            asked.write(self.path + '\n')
        path = os.path.join(folder, self.path.split('?')[0].strip('/').replace('/', '_'))
        if os.path.exists(os.path.join(folder, 'never')):
            time.sleep(60)
        status, body = 404, b'{}'
        if kind == 'https' and not self.connection.getpeercert() and \
                self.headers.get('Authorization') != 'Bearer letmein':
            status = 401
        elif os.path.isfile(path):
            status = 200
            with open(path, 'rb') as file:
                body = file.read()
            if body.startswith(b'HTTP '):
                first, body = body.split(b'\n', 1)
                status = int(first.split()[1])
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class UnixServer(http.server.ThreadingHTTPServer):
    address_family = socket.AF_UNIX

    def server_bind(self):
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = 'localhost', 0

    def get_request(self):
        return self.socket.accept()[0], ('', 0)


if kind == 'unix':
    server = UnixServer(where, Handler)
else:
    server = http.server.ThreadingHTTPServer(('127.0.0.1', int(where)), Handler)
if kind == 'https':
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*sys.argv[4:6])
    context.load_verify_locations(sys.argv[6])
    context.verify_mode = ssl.CERT_OPTIONAL
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
