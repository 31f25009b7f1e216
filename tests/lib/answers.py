#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Servers for probes to ask, each of its own thread, all on 127.0.0.1.

usage: answers.py CERTIFICATE SOCKET; HTTP on 7591, HTTPS on 7592 and HTTP on the Unix socket;
lines by TCP on 7593; DNS by UDP on 7594. GET /after-N answers 1 until it has been asked N times,
then 2: as Prometheus does, to a query too.
"""
import http.server
import json
import os
import socket
import socketserver
import ssl
import struct
import sys
import threading

COUNT = {}


class Http(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def address_string(self):
        return 'somebody'

    def log_message(self, *_):
        pass

    def answer(self, code, text):
        body = text.encode()
        self.send_response(code)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def handle_any(self):
        sent = self.rfile.read(int(self.headers.get('Content-Length') or 0)).decode()
        if self.path == '/api/v1/query':
            return self.answer(200, query(sent))
        self.answer(200, json.dumps({
            'method': self.command, 'body': sent, 'token': self.headers.get('X-Token'),
            'list': [1, 2, 3], 'nested': {'price': 4.5, 'state': 'ok', 'none': None}}))

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = handle_any


def query(form):
    """As Prometheus answers: query=series is two, query=nothing none, query=steps 1 and later 2."""
    name = form.removeprefix('query=')
    COUNT[name] = COUNT.get(name, 0) + 1
    if name == 'steps':
        points = [('1' if COUNT[name] <= 12 else '2')]
    else:
        points = {'nothing': [], 'series': ['1', '2']}.get(name, ['0.5'])
    return json.dumps({'status': 'success', 'data': {'resultType': 'vector', 'result': [
        {'metric': {}, 'value': [1700000000.123, point]} for point in points]}})


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def get_request(self):
        connection, _ = super().get_request()
        return connection, ('', 0)


class Lines(socketserver.StreamRequestHandler):
    def handle(self):
        line = self.rfile.readline()
        self.wfile.write(b'+PONG\r\n' if line == b'PING\r\n' else b'-ERR\r\n')
        self.rfile.readline()  # until it is closed


def dns():
    """db.test is 10.1.2.3, mail.test has an MX, empty.test nothing, all else NXDOMAIN."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(('127.0.0.1', 7594))
    while True:
        question, peer = server.recvfrom(512)
        name = question[12:]
        records = b''
        rcode, count = 0, 0
        if name.startswith(b'\2db\4test'):
            count, records = 1, b'\xc0\x0c' + struct.pack('>HHIH', 1, 1, 60, 4) + bytes([10, 1, 2, 3])
        elif name.startswith(b'\4mail\4test'):
            data = struct.pack('>H', 10) + b'\2mx\xc0\x0c'
            count, records = 1, b'\xc0\x0c' + struct.pack('>HHIH', 15, 1, 60, len(data)) + data
        elif not name.startswith(b'\5empty\4test'):
            rcode = 3
        server.sendto(question[:2] + struct.pack('>HHHHH', 0x8180 | rcode, 1, count, 0, 0) + name + records,
                      peer)


def serve(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main():
    certificate, path = sys.argv[1:]
    socketserver.TCPServer.allow_reuse_address = True
    http.server.ThreadingHTTPServer.request_queue_size = 64
    serve(http.server.ThreadingHTTPServer(('127.0.0.1', 7591), Http))
    tls = http.server.ThreadingHTTPServer(('127.0.0.1', 7592), Http)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    tls.socket = context.wrap_socket(tls.socket, server_side=True, do_handshake_on_connect=False)
    serve(tls)
    lines = socketserver.ThreadingTCPServer(('127.0.0.1', 7593), Lines)
    lines.daemon_threads = True
    serve(lines)
    threading.Thread(target=dns, daemon=True).start()
    serve(UnixServer(path, Http))
    print('ready', flush=True)
    threading.Event().wait()


main()
