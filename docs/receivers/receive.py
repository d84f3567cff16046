"""Receives what the referral service sends. To try it:

pip install flask standardwebhooks
WEBHOOK_SECRET=whsec_… PORT=3000 DATABASE=received.db python receive.py
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import Any

from flask import Flask, request
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

# Your own database: what is kept here belongs into one transaction with what you do about a message.
DATABASE = os.environ.get("DATABASE", "received.db")
TABLES = """
    CREATE TABLE IF NOT EXISTS messages (id TEXT PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS objects (name TEXT PRIMARY KEY, sequence INTEGER NOT NULL, state TEXT NOT NULL);
"""
NEW_MESSAGE = "INSERT INTO messages VALUES (?) ON CONFLICT DO NOTHING"
NEWER_STATE = """
    INSERT INTO objects VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE
    SET sequence = excluded.sequence, state = excluded.state WHERE excluded.sequence > objects.sequence
"""

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 1024 * 1024
webhook = Webhook(os.environ["WEBHOOK_SECRET"])
with closing(sqlite3.connect(DATABASE)) as first:
    first.executescript(TABLES)


@app.post("/hooks")
def receive() -> tuple[str, int]:
    try:
        # The raw body: parsed and written anew it has other bytes, and the signature is wrong.
        message = webhook.verify(request.get_data(), dict(request.headers))
    except (WebhookVerificationError, ValueError):  # ValueError: headers that nobody honest sends
        return "", 401
    # One transaction: if handling fails, the id is forgotten, too, and the next attempt is no duplicate.
    with closing(sqlite3.connect(DATABASE)) as database, database:
        if database.execute(NEW_MESSAGE, [request.headers["webhook-id"]]).rowcount == 1:
            handle(database, message)
    return "", 204


def handle(database: sqlite3.Connection, message: dict[str, Any]) -> None:
    """Keep each object's newest state. Be quick: what takes long is for a queue."""
    name, state = message["object_id"], message["data"]["state"]
    if database.execute(NEWER_STATE, [name, message["sequence"], state]).rowcount == 1:
        print(f"{message['type']}: {name} is {state}", flush=True)


if __name__ == "__main__":
    app.run(port=int(os.environ.get("PORT", "3000")))
