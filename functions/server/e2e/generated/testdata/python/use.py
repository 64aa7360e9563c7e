"""Logs in, posts, reads, edits and deletes by the client that openapi-python-client made."""
import sys

from confab_client import AuthenticatedClient, Client
from confab_client.api.read import read_event, read_room
from confab_client.api.session import login
from confab_client.api.write import delete_message, edit_message, post_message
from confab_client.models import EditRequest, LoginRequest, Page, PostRequest

url = sys.argv[1]
session = login.sync(client=Client(url), body=LoginRequest(name="python", token=True))
client = AuthenticatedClient(url, token=session.token, headers={"Accept": "application/json"})
posted = post_message.sync("generated-python", client=client, body=PostRequest(text="hello"))
page = read_room.sync("generated-python", client=client)
assert isinstance(page, Page), page
assert [(e.id, e.text) for e in page.events] == [(posted.id, "hello")], page
edited = edit_message.sync("generated-python", posted.id, client=client, body=EditRequest(text="hello again"))
assert read_event.sync("generated-python", edited.id, client=client).text == "hello again"
deleted = delete_message.sync("generated-python", posted.id, client=client)
assert deleted.target == posted.id, deleted
page = read_room.sync("generated-python", client=client)
assert posted.id not in [e.id for e in page.events], page
print("ok")
