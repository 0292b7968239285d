"""The one-machine stack: ``python -m infra.local``.

One process carries HTTP and WebSockets into the functions that deploy and minds
the worker processes, which take runs from the queue. Nothing here is deployed.

``supervisor`` starts and stops the parts; ``front`` and ``gateway`` carry HTTP,
``sockets`` and ``outbox`` WebSockets; ``hub`` is how other processes reach them,
``management_api`` the same for the AWS adapters; ``crew`` keeps the workers
running and ``worker`` is one of them; ``timers`` stands in for the scheduler.
"""
