<?php
// Receives what the referral service sends. To try it:
//
// composer require standard-webhooks/standard-webhooks
// WEBHOOK_SECRET=whsec_… DATABASE=received.db php -S "127.0.0.1:$PORT" receive.php

declare(strict_types=1);

require __DIR__ . '/vendor/autoload.php';

use StandardWebhooks\Webhook;

// A warning that is printed would be an answer of 200.
ini_set('display_errors', '0');

// Your own database: what is kept here belongs into one transaction with what you do about a message.
$database = new PDO('sqlite:' . (getenv('DATABASE') ?: 'received.db'));
$database->exec('CREATE TABLE IF NOT EXISTS messages (id TEXT PRIMARY KEY)');
$database->exec('CREATE TABLE IF NOT EXISTS objects (name TEXT PRIMARY KEY, sequence INTEGER NOT NULL, state TEXT NOT NULL)');
const NEW_MESSAGE = 'INSERT INTO messages VALUES (?) ON CONFLICT DO NOTHING';
const NEWER_STATE = 'INSERT INTO objects VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE
    SET sequence = excluded.sequence, state = excluded.state WHERE excluded.sequence > objects.sequence';

function execute(PDO $database, string $statement, array $values): bool
{
    $prepared = $database->prepare($statement);
    $prepared->execute($values);
    return $prepared->rowCount() === 1;
}

/** Keeps each object's newest state. Be quick: what takes long is for a queue. */
function handle(PDO $database, array $message): void
{
    [$name, $state] = [$message['object_id'], $message['data']['state']];
    if (execute($database, NEWER_STATE, [$name, $message['sequence'], $state])) {
        file_put_contents('php://stderr', "{$message['type']}: $name is $state\n");
    }
}

$webhook = new Webhook(getenv('WEBHOOK_SECRET') ?: throw new RuntimeException('WEBHOOK_SECRET is missing.'));
$headers = array_change_key_case(getallheaders());
try {
    // The raw body: parsed and written anew it has other bytes, and the signature is wrong.
    $message = $webhook->verify(file_get_contents('php://input'), $headers);
} catch (Throwable) { // WebhookVerificationException, or a TypeError for headers that nobody honest sends
    http_response_code(401);
    exit;
}
// One transaction: if handling fails, the id is forgotten, too, and the next attempt is no duplicate.
$database->beginTransaction();
if (execute($database, NEW_MESSAGE, [$headers['webhook-id']])) {
    handle($database, $message);
}
$database->commit();
http_response_code(204);
