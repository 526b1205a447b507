"""Plays the Dialer in another language: uploads a file, publishes a job, and waits for the event.

It knows only the documented contract: object keys, exchange, routing key, queue, and the JSON Schemas in
shared/schemas. Prints the event, and the success CSV as a list of rows, as one line of JSON.

Usage: dialer.py FILE TENANT_ID, with S3_*, DIALER_AMQP_URL and AMQP_PREFIX in the environment.
"""

import csv
import datetime
import io
import json
import os
import pathlib
import sys
import uuid

import boto3
import jsonschema
import pika
from botocore.config import Config

SCHEMAS = pathlib.Path(__file__).resolve().parent.parent.parent / "shared" / "schemas"
DEADLINE_SECONDS = 90
ANSWERS = {"completed", "rejected", "failed", "cancelled", "refused"}


def check(message, schema_name):
    schema = json.loads((SCHEMAS / schema_name).read_text())
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(schema, format_checker=checker).validate(message)


def main(file, tenant_id):
    bucket = os.environ["S3_BUCKET"]
    storage = boto3.client(
        "s3",
        endpoint_url=os.environ["S3_ENDPOINT"],
        region_name=os.environ["S3_REGION"],
        aws_access_key_id=os.environ["S3_ACCESS_KEY_ID"],
        aws_secret_access_key=os.environ["S3_SECRET_ACCESS_KEY"],
        config=Config(s3={"addressing_style": "path"}),
    )
    prefix = os.environ.get("AMQP_PREFIX", "")

    import_id = str(uuid.uuid4())
    key = f"tenants/{tenant_id}/uploads/{import_id}/users.csv"
    content = pathlib.Path(file).read_bytes()
    uploaded = storage.put_object(Bucket=bucket, Key=key, Body=content)
    job = {
        "version": 1,
        "import_id": import_id,
        "tenant_id": tenant_id,
        "requested_by": "dialer.py",
        "source": {"key": key, "etag": uploaded["ETag"], "size_bytes": len(content)},
        "fields": {"role": {"value": 10}, "virtual_extension": {"generate": True}},
        "sip": {"kind": "builtin_pbx"},
    }
    check(job, "job.json")

    connection = pika.BlockingConnection(pika.URLParameters(os.environ["DIALER_AMQP_URL"]))
    channel = connection.channel()
    channel.confirm_delivery()
    properties = pika.BasicProperties(content_type="application/json", delivery_mode=pika.DeliveryMode.Persistent)
    channel.basic_publish(f"{prefix}imports", "requested", json.dumps(job), properties, mandatory=True)

    queue = f"{prefix}dialer.import-events"
    for method, properties, body in channel.consume(queue, inactivity_timeout=DEADLINE_SECONDS):
        if method is None:
            sys.exit(f"no event within {DEADLINE_SECONDS} s")
        event = json.loads(body)
        check(event, "event.json")
        channel.basic_ack(method.delivery_tag)
        if event["subject"] == import_id and event["type"].rpartition(".")[2] in ANSWERS:
            break
    assert properties.content_type == "application/cloudevents+json", properties
    assert properties.message_id == event["id"], properties
    assert method.routing_key == "import.completed", method
    channel.cancel()
    connection.close()

    report = storage.get_object(Bucket=bucket, Key=event["data"]["reports"]["success"])["Body"].read()
    rows = list(csv.DictReader(io.StringIO(report.decode("utf-8-sig"), newline="")))
    expiries = [datetime.datetime.fromisoformat(row["Password Expires"]) for row in rows]
    assert min(expiries) == datetime.datetime.fromisoformat(event["data"]["passwords_expire_at"]), rows
    print(json.dumps({"event": event, "success": rows}))


main(sys.argv[1], int(sys.argv[2]))
