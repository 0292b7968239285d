"""What AWS can invoke: the API, the socket handlers, the worker, its helpers, the operator's."""

import os
from typing import Any

from chalice.app import Chalice, CloudWatchEvent, Rate, SQSEvent, WebsocketEvent

from chalicelib import admin, api, logs, realtime, worker

STAGE = os.environ.get("TAVERN_STAGE", "local")
WORKERS = int(os.environ.get("TAVERN_MAX_WORKERS", "10"))
IMPORTS = int(os.environ.get("TAVERN_MAX_IMPORTS", "2"))

logs.configure(os.environ.get("TAVERN_LOG", "INFO"))

app = Chalice(app_name="comfytavern", configure_logs=False)
app.experimental_feature_flags.update(["WEBSOCKETS"])
routes = api.register(app)
unknown_path = api.unknown_path
cors_headers = api.cors_headers


@app.on_ws_connect()
def ws_connect(event: WebsocketEvent) -> dict[str, Any]:
    """A client opens a socket."""
    return realtime.connect(event.to_dict())


@app.on_ws_message()
def ws_message(event: WebsocketEvent) -> dict[str, Any]:
    """A client sends a message."""
    return realtime.message(event.to_dict())


@app.on_ws_disconnect()
def ws_disconnect(event: WebsocketEvent) -> dict[str, Any]:
    """A socket has closed."""
    return realtime.disconnect(event.to_dict())


@app.on_sqs_message(queue=f"comfytavern-{STAGE}-runs", batch_size=1, maximum_concurrency=WORKERS)
def run_execution(event: SQSEvent) -> None:
    """A run waits for a worker."""
    worker.run_execution(event.to_dict(), event.context.get_remaining_time_in_millis)


@app.on_sqs_message(queue=f"comfytavern-{STAGE}-runs-dead", batch_size=1)
def dead_letter(event: SQSEvent) -> None:
    """A run was tried too often."""
    worker.dead_letter(event.to_dict())


@app.on_sqs_message(queue=f"comfytavern-{STAGE}-imports", batch_size=1, maximum_concurrency=IMPORTS)
def import_library(event: SQSEvent) -> None:
    """An import of many characters waits for a worker."""
    worker.import_library(event.to_dict(), event.context.get_remaining_time_in_millis)


@app.on_sqs_message(queue=f"comfytavern-{STAGE}-imports-dead", batch_size=1)
def dead_import(event: SQSEvent) -> None:
    """An import was tried too often."""
    worker.dead_import(event.to_dict())


@app.schedule(Rate(1, unit=Rate.MINUTES))
def sweep(event: CloudWatchEvent) -> None:
    """Once a minute."""
    worker.sweep(event.to_dict())


@app.lambda_function(name="admin")
def operate(event: Any, context: Any) -> dict[str, Any]:
    """An operator asks for something."""
    return admin.run(event, context.get_remaining_time_in_millis)
