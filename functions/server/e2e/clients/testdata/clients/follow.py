"""Follows the lobby with a client that others wrote, from its beginning, and
prints each message's data: follow.py <client> <address>"""

import sys
import time

import httpx
import requests
from httpx_sse import connect_sse
from sseclient import SSEClient


def by_httpx_sse(base, last):
    with httpx.Client(timeout=None) as client:
        with connect_sse(client, "GET", f"{base}/stream", headers={"Last-Event-ID": last}) as source:
            for event in source.iter_sse():
                if event.event == "message":
                    print(event.data, flush=True)
                yield event.id


def by_sseclient(base, last):
    response = requests.get(f"{base}/stream", stream=True, headers={"Last-Event-ID": last, "Accept": "text/event-stream"})
    for event in SSEClient(response).events():
        if event.event == "message":
            print(event.data, flush=True)
        yield event.id


def main(client, base):
    read = {"httpx-sse": by_httpx_sse, "sseclient-py": by_sseclient}[client]
    last = "0-0"
    while True:
        try:
            for event_id in read(base, last):
                last = event_id or last
        except (httpx.HTTPError, requests.RequestException):
            pass  # the connection was cut: come back with the last id
        time.sleep(0.02)


main(*sys.argv[1:])
